"""Cards over the API and in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from governance.access.tokens import Scope
from registry.models import DatasetCard, Person
from tests.governance.api.conftest import Connect, refused
from tests.governance.pages.conftest import Browser, signed_in
from tests.people import World

__all__ = ["signed_in"]

CARD = "/api/v1/datasets/patients/versions/1/card/"
FACTS = {
    "licence": "mit",
    "legal_basis": "6(1)(a)",
    "personal_data": True,
    "retention_until": "2029-12-31",
    "purposes": ["care planning"],
    "columns": {"age": ["pii"]},
}


def body(client: Any, **changes: Any) -> dict[str, Any]:
    return {**FACTS, "replaces": client.get(CARD).json()["digest"], "reason": "asked the clinic", **changes}


def test_a_card_is_read_written_and_kept_in_its_history(
    connect: Connect, maya: Person, dora: Person, world: World
) -> None:
    client = connect(maya)
    declared = client.get(CARD).json()
    assert (declared["revision"], declared["legal_basis"], declared["written_by"]) == (0, "6(1)(e)", "")
    made = client.post(CARD, body(client, owner="dora"), format="json")
    assert made.status_code == 201, made.content
    read = client.get(CARD)
    assert read.json() == made.json()
    assert (read.json()["revision"], read.json()["licence"], read.json()["owner"]) == (1, "MIT", dora.pseudonym)
    assert "known_gaps" in read.json()["gaps"]
    assert client.get(CARD, headers={"If-None-Match": read["ETag"]}).status_code == 304
    client.post(CARD, body(client, licence="CC0-1.0"), format="json")
    assert [entry["licence"] for entry in client.get(f"{CARD}history/").json()] == ["CC0-1.0", "MIT"]


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"licence": "my own"}, 422, "invalid-input", "licence"),
        ({"columns": {"height": ["pii"]}}, 422, "invalid-input", "columns"),
        ({"owner": "nobody"}, 422, "invalid-input", "owner"),
        ({"reason": ""}, 422, "invalid-input", "reason"),
        ({"replaces": "sha256:" + "0" * 64}, 409, "stale-card", "replaces"),
        ({"colour": "blue"}, 400, "malformed", "colour"),
        ({"retention_until": "soon"}, 400, "malformed", "retention_until"),
    ],
)
def test_a_refused_card_names_its_field(
    connect: Connect, maya: Person, world: World, change: dict[str, Any], status: int, code: str, field: str
) -> None:
    client = connect(maya)
    refused(client.post(CARD, body(client, **change), format="json"), status, code, field)
    assert not DatasetCard.objects.exists()


def test_reading_is_no_writing(connect: Connect, victor: Person, maya: Person, world: World) -> None:
    client = connect(victor)
    refused(client.post(CARD, body(client), format="json"), 403, "permission-refused")
    reader = connect(maya, Scope.GATE_READ)
    refused(reader.post(CARD, {**FACTS, "replaces": "", "reason": "x"}, format="json"), 403, "scope-missing")
    assert not DatasetCard.objects.exists()


class TestInTheAdmin:
    def form(self, client: Any, world: World) -> tuple[str, dict[str, Any]]:
        url = reverse("admin:registry_datasetcard_add") + f"?dataset_version={world.evaluation.pk}"
        page = client.get(url)
        assert page.status_code == 200
        shown = page.context["adminform"].form
        given = {name: shown.initial.get(name) for name in shown.fields}
        given["owner"] = given["owner"].pk
        return url, {name: "" if value is None else value for name, value in given.items()}

    def test_maya_writes_the_next_revision(self, world: World, maya: Person, signed_in: Browser) -> None:
        client = signed_in(maya)
        url, given = self.form(client, world)
        assert (given["licence"], given["purposes"], given["personal_data"]) == ("CC-BY-4.0", "care planning", "yes")
        assert given["columns"].splitlines() == ["sex: sensitive"]  # the others would lose their tags by being named
        given |= {
            "licence": "mit",
            "regions": "DE\nFR",
            "special_categories": ["health"],
            "special_exception": "9(2)(h)",
            "columns": "age: pii\nsex: sensitive, pii",
            "reason": "asked the clinic",
        }
        answer = client.post(url, given)
        assert answer.status_code == 302, answer.context["errors"]
        row = DatasetCard.objects.get()
        assert (row.document["licence"], row.document["regions"]) == ("MIT", ["DE", "FR"])
        assert row.document["columns"] == {"age": ["pii"], "sex": ["pii", "sensitive"]}
        page = client.get(row.get_absolute_url()).content.decode()
        assert "CC-BY-4.0 → MIT" in page
        data = client.get(world.evaluation.get_absolute_url()).content.decode()
        assert row.get_absolute_url() in data
        assert "known gaps" in data

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"licence": "my own"}, "licence"), ({"columns": "age pii"}, "columns"), ({"reason": ""}, "reason")],
    )
    def test_a_refusal_stands_beside_its_field(
        self, world: World, maya: Person, signed_in: Browser, change: dict[str, str], field: str
    ) -> None:
        client = signed_in(maya)
        url, given = self.form(client, world)
        answer = client.post(url, {**given, "purposes": "other", "reason": "because", **change})
        assert answer.status_code == 200
        assert field in answer.context["adminform"].form.errors
        assert not DatasetCard.objects.exists()

    def test_victor_finds_no_form(self, world: World, victor: Person, signed_in: Browser) -> None:
        url = reverse("admin:registry_datasetcard_add") + f"?dataset_version={world.evaluation.pk}"
        assert signed_in(victor).get(url).status_code == 403

    @pytest.mark.parametrize("key", ["", "?dataset_version=none", "?dataset_version=999999"])
    def test_without_data_there_is_nothing_to_write_on(
        self, world: World, maya: Person, signed_in: Browser, key: str
    ) -> None:
        answer = signed_in(maya).get(reverse("admin:registry_datasetcard_add") + key)
        assert answer.status_code == 302
