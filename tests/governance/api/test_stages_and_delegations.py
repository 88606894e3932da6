from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.access.tokens import Scope
from governance.models import Delegation
from registry.models import Person
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD

MODEL = "/api/v1/models/care-priority/"
STAGES = f"{MODEL}stages/"
ROLL_BACK = f"{STAGES}staging/roll-back/"
RETIRE = f"{MODEL}versions/1/retire/"
DECOMMISSION = f"{MODEL}versions/1/decommission/"
DELEGATIONS = "/api/v1/delegations/"


@pytest.mark.usefixtures("staged")
class TestStages:
    def test_are_read_now_and_as_of_a_day(self, connect: Connect, maya: Person) -> None:
        client = connect(maya, Scope.GATE_READ)
        today = timezone.now().date()
        assert [(row["stage"], row["version"]) for row in client.get(STAGES).json()] == [("staging", 1)]
        assert [row["version"] for row in client.get(STAGES, {"on": today.isoformat()}).json()] == [1]
        assert client.get(STAGES, {"on": (today - timedelta(days=1)).isoformat()}).json() == []
        refused(client.get(STAGES, {"on": "yesterday"}), 400, "malformed", "on")
        refused(client.get(STAGES, {"at": "2026-01-01"}), 400, "malformed", "at")

    def test_are_not_for_outsiders(self, connect: Connect, otto: Person) -> None:
        refused(connect(otto).get(STAGES), 403, "permission-refused")

    def test_are_emptied_and_filled_again(self, connect: Connect, rosa: Person, mel: Person) -> None:
        body = {"stage": "staging", "reason": "Too old."}
        emptied = connect(rosa).post(RETIRE, body, format="json")
        assert (emptied.status_code, emptied.json()["version"]) == (201, None)
        refused(connect(rosa).post(RETIRE, body, format="json"), 409, "wrong-state", "stage")
        back = connect(mel).post(ROLL_BACK, {"reason": "Needed after all."}, format="json")
        assert (back.status_code, back.json()["version"]) == (201, 1)

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (RETIRE, {"stage": "staging", "reason": "Too old."}),
            (ROLL_BACK, {"reason": "Too new."}),
            (DECOMMISSION, {"reason": "Harm.", "password": PASSWORD}),
        ],
    )
    def test_are_not_changed_by_victor(self, connect: Connect, victor: Person, path: str, body: dict[str, Any]) -> None:
        refused(connect(victor).post(path, body, format="json"), 403, "permission-refused")

    def test_have_nothing_to_roll_back_to_at_first(self, connect: Connect, mel: Person) -> None:
        refused(connect(mel).post(ROLL_BACK, {"reason": "Slow."}, format="json"), 409, "wrong-state", "to")

    def test_are_left_for_good_by_a_decommissioned_version(self, connect: Connect, rosa: Person) -> None:
        client = connect(rosa)
        body = {"reason": "It harmed people.", "password": PASSWORD}
        refused(
            client.post(DECOMMISSION, body | {"password": "no"}, format="json"), 403, "wrong-credential", "password"
        )
        done = client.post(DECOMMISSION, body, format="json")
        assert (done.status_code, done.json()["decided_by"]) == (201, "rosa")
        assert [row["version"] for row in client.get(STAGES).json()] == [None]
        refused(client.post(DECOMMISSION, body, format="json"), 409, "wrong-state")


def told(**changes: Any) -> dict[str, Any]:
    return {
        "delegate": "vera",
        "role": "model_validator",
        "ends_at": (timezone.now() + timedelta(days=7)).isoformat(),
        "reason": "On leave.",
        "password": PASSWORD,
        **changes,
    }


@pytest.mark.usefixtures("vera")
class TestDelegations:
    def test_are_given_read_and_ended(self, connect: Connect, victor: Person, otto: Person) -> None:
        client = connect(victor)
        given = client.post(DELEGATIONS, told(), format="json")
        assert given.status_code == 201
        assert client.get(DELEGATIONS).json()["results"] == [given.json()]
        end = f"{DELEGATIONS}{given.json()['id']}/end/"
        assert connect(otto).get(DELEGATIONS).json()["results"] == []
        refused(connect(otto).post(end), 403, "permission-refused")
        assert client.post(end).json()["ended_at"]
        refused(client.post(end), 409, "wrong-state")

    @pytest.mark.parametrize(
        ("change", "status", "code", "field"),
        [
            ({"role": "risk_officer"}, 403, "not-delegable", "role"),
            ({"delegate": "victor"}, 403, "not-delegable", "delegate"),
            ({"delegate": "nobody"}, 422, "invalid-input", "delegate"),
            ({"model": "nothing"}, 404, "unknown-subject", "model"),
            ({"ends_at": "2099-01-01T00:00:00Z"}, 422, "invalid-input", "ends_at"),
            ({"reason": ""}, 422, "invalid-input", "reason"),
            ({"password": "no"}, 403, "wrong-credential", "password"),
            ({"otp": "123456"}, 403, "wrong-credential", "otp"),
        ],
    )
    def test_are_refused(
        self, connect: Connect, victor: Person, change: dict[str, Any], status: int, code: str, field: str
    ) -> None:
        refused(connect(victor).post(DELEGATIONS, told(**change), format="json"), status, code, field)
        assert not Delegation.objects.exists()

    def test_that_nobody_gave_are_not_ended(self, connect: Connect, victor: Person) -> None:
        refused(connect(victor).post(f"{DELEGATIONS}7/end/"), 404, "unknown-subject")
