from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import Client, override_settings
from django.utils import translation

from governance import errors as governance_errors
from governance.access.tokens import Scope
from governance.api import problems
from registry import errors as registry_errors
from registry import refused as told_of
from registry.errors import AssayError
from registry.models import ModelVersion, Person, RegisteredModel
from tests.governance.api.conftest import Connect, refused

MODEL = {"slug": "triage", "name": "Triage", "intended_purpose": "Sort letters.", "risk_class": "minimal"}


def every_error(base: type[AssayError] = AssayError) -> Iterator[type[AssayError]]:
    for kind in base.__subclasses__():
        if not kind.__module__.startswith("test"):
            yield kind
        yield from every_error(kind)


def test_every_error_of_the_product_has_its_status_and_a_code_of_its_own() -> None:
    kinds = set(every_error())
    assert {registry_errors.DuplicateError, governance_errors.NoGateError} <= kinds
    unmapped = [
        kind.__name__
        for kind in kinds
        if next(entry for entry in kind.__mro__ if entry in problems.STATUS) is AssayError
    ]
    assert unmapped == []
    codes = [kind.code for kind in kinds]
    assert sorted(codes) == sorted(set(codes)) or _only_children_share(kinds)


def _only_children_share(kinds: set[type[AssayError]]) -> bool:
    """PolicyTextError and PolicyError are one thing to the outside."""
    shared = [kind for kind in kinds if sum(other.code == kind.code for other in kinds) > 1]
    return {kind.code for kind in shared} <= {"policy-invalid"}


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v1/nothing/", "/api/v1/models", "/api/v2/models/", "/api/v1/promotions/7/"]
)
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_path_is_a_problem_and_never_a_page(path: str, method: str, *, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        answer = getattr(Client(), method)(path, HTTP_ACCEPT="text/html")
    problem = refused(answer, 404, "unknown-path")
    assert problem["instance"] == path


def test_a_forgotten_slash_is_pointed_out() -> None:
    assert "Did you mean /api/v1/models/ ?" in Client().post("/api/v1/models").json()["detail"]


def test_a_host_we_do_not_serve_is_a_problem(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["assay.example"]
    refused(Client().get("/api/v1/models/", HTTP_HOST="evil.example"), 400, "malformed")


def test_a_wrong_method_is_a_problem(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    for method in ("put", "patch", "delete", "options"):
        refused(getattr(client, method)("/api/v1/models/"), 405, "method-not-allowed")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "This field is required"),
        (b"{", "not JSON"),
        (b'{"slug": NaN}', "NaN"),
        (b'{"slug": "a", "slug": "b"}', "twice"),
        (b'{"slug": "a\\u0000"}', "NUL"),
        (b'{"tags": ["\\ud800"]}', "half a character"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "dictionary"),
        (b"7", "dictionary"),
    ],
)
def test_a_body_that_is_no_json_object_is_malformed(connect: Connect, maya: Person, body: bytes, says: str) -> None:
    answer = connect(maya).post("/api/v1/models/", body, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert says in answer.content.decode()
    assert not RegisteredModel.objects.exists()


def test_a_body_of_another_type_is_refused(connect: Connect, maya: Person) -> None:
    answer = connect(maya).post("/api/v1/models/", b"slug=a", content_type="application/x-www-form-urlencoded")
    refused(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("key", [None, "one"])
def test_a_body_without_end_is_refused(connect: Connect, maya: Person, settings: Any, key: str | None) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    headers = {"Idempotency-Key": key} if key else {}
    answer = connect(maya).post("/api/v1/models/", {**MODEL, "name": "n" * 200}, format="json", headers=headers)
    refused(answer, 413, "body-too-large")


def test_a_misspelt_field_is_named(connect: Connect, maya: Person) -> None:
    answer = connect(maya).post("/api/v1/models/", {**MODEL, "risk_clas": "high"}, format="json")
    problem = refused(answer, 400, "malformed", "risk_clas")
    assert "risk_class" in problem["detail"]
    assert not RegisteredModel.objects.exists()


def test_every_missing_field_is_listed(connect: Connect, maya: Person) -> None:
    problem = connect(maya).post("/api/v1/models/", {"name": "x"}, format="json").json()
    assert {entry["field"] for entry in problem["errors"]} == {"slug", "intended_purpose", "risk_class"}


@pytest.mark.parametrize(
    "query", ["owners=maya", "page=0", "page=x", "page_size=0", "page_size=null", "ordering=secret", "risk_class=grave"]
)
def test_a_list_refuses_a_query_it_does_not_understand(connect: Connect, maya: Person, query: str) -> None:
    answer = connect(maya).get(f"/api/v1/models/?{query}")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.status_code in (400, 404)


def test_an_unforeseen_error_is_a_problem_without_its_message(
    connect: Connect, maya: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_facts: object) -> None:
        raise RuntimeError("secret detail")

    reported: list[str] = []

    def report(**signal: Any) -> None:
        reported.append(signal["request"].path)

    got_request_exception.connect(report, dispatch_uid="story")
    monkeypatch.setattr("governance.api.registered_models.register_model", broken)
    client = connect(maya, Scope.REGISTRY_WRITE)
    client.raise_request_exception = False
    try:
        answer = client.post("/api/v1/models/", MODEL, format="json")
    finally:
        got_request_exception.disconnect(dispatch_uid="story")
    refused(answer, 500, "internal")
    assert "secret detail" not in answer.content.decode()
    assert reported == ["/api/v1/models/"]


def test_field_paths_follow_the_body(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    client.post("/api/v1/datasets/", {"slug": "letters", "name": "Letters"}, format="json")
    body = {"digest": "sha256:" + "0" * 64, "columns": [{"name": "a"}, {"name": "b", "typ": "number"}]}
    answer = client.post("/api/v1/datasets/letters/versions/", json.dumps(body), content_type="application/json")
    refused(answer, 400, "malformed", "columns[1].typ")


def test_the_api_is_english_whatever_the_browser_of_its_caller_speaks(connect: Connect, mel: Person) -> None:
    client = connect(mel)
    body = {**MODEL, "risk_class": 3, "name": ""}
    said = [
        client.post("/api/v1/models/", body, format="json", headers={"accept-language": spoken}).json()
        for spoken in ("en", "de")
    ]
    assert said[0] == said[1]
    assert "blank" in said[0]["detail"]
    schema = client.get("/api/schema/?format=json", headers={"accept-language": "de"}).content
    assert schema == client.get("/api/schema/?format=json").content


def test_a_record_refuses_to_change_in_english(version: ModelVersion, mel: Person) -> None:
    words = "model version rows are never changed"
    with translation.override("de"), pytest.raises(registry_errors.ImmutableError, match=words):
        type(version).objects.update(framework="x")
    told_of.write_waiting(mel)
