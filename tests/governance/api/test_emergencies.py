from __future__ import annotations

from typing import Any

import pytest

from governance.access.tokens import Scope
from governance.models import BreakGlass, Condition, PromotionRequest
from registry.models import Person
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD
from tests.stories import ask, later, measure

WORDS = {"justification": "The ward is without a ranking.", "hours": 4, "password": PASSWORD}
VIEW = {"upheld": True, "role": "model_validator", "reason": "It was right.", "password": PASSWORD}


def path(request: PromotionRequest, *rest: object) -> str:
    return "/".join(["/api/v1/promotions", str(request.pk), *map(str, rest), ""])


class TestBreakingTheGlass:
    def test_opens_the_gate_for_hours_and_two_others_uphold_it(
        self, emergency: PromotionRequest, rosa: Person, victor: Person, vera: Person, connect: Connect
    ) -> None:
        answer = connect(rosa).post(path(emergency, "break-glass"), WORDS, format="json")
        assert answer.status_code == 201, answer.json()
        made = answer.json()
        assert (made["invoked_by"], made["standing"], made["in_force"]) == ("rosa", "waiting", True)
        gate = connect(rosa).get("/api/v1/gates/staging/?model=care-priority&version=1").json()
        assert (gate["decision"], gate["break_glass"]) == ("open", True)

        where = path(emergency, "break-glass", made["id"], "reviews")
        for person in (victor, vera):
            assert connect(person).post(where, VIEW, format="json").status_code == 201
        (shown,) = connect(victor).get(path(emergency)).json()["broken_glass"]
        assert (shown["standing"], [view["reviewer"] for view in shown["reviews"]]) == ("upheld", ["victor", "vera"])

    def test_one_objection_closes_the_gate(
        self, emergency: PromotionRequest, rosa: Person, victor: Person, connect: Connect
    ) -> None:
        made = connect(rosa).post(path(emergency, "break-glass"), WORDS, format="json").json()
        where = path(emergency, "break-glass", made["id"], "reviews")
        connect(victor).post(where, {**VIEW, "upheld": False}, format="json")
        (shown,) = connect(victor).get(path(emergency)).json()["broken_glass"]
        assert (shown["standing"], shown["in_force"]) == ("objected", False)

    def test_is_overdue_when_nobody_looks_at_it(
        self, emergency: PromotionRequest, rosa: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(rosa).post(path(emergency, "break-glass"), WORDS, format="json")
        client = connect(rosa)
        later(monkeypatch, days=2)
        (shown,) = client.get(path(emergency)).json()["broken_glass"]
        assert (shown["standing"], shown["in_force"]) == ("overdue", False)

    @pytest.mark.parametrize(
        ("changes", "status", "code", "field"),
        [
            ({"password": ""}, 403, "wrong-credential", "password"),
            ({"password": "guessed"}, 403, "wrong-credential", "password"),
            ({"justification": " "}, 422, "invalid-input", "justification"),
            ({"hours": 9}, 422, "invalid-input", "hours"),
            ({"hours": 0}, 400, "malformed", "hours"),
            ({"actor": "victor"}, 400, "malformed", "actor"),
        ],
    )
    def test_is_refused_without_what_it_needs(
        self,
        emergency: PromotionRequest,
        rosa: Person,
        connect: Connect,
        changes: dict[str, Any],
        status: int,
        code: str,
        field: str,
    ) -> None:
        answer = connect(rosa).post(path(emergency, "break-glass"), {**WORDS, **changes}, format="json")
        refused(answer, status, code, field)
        assert not BreakGlass.objects.exists()

    def test_needs_its_own_permission_and_scope(
        self, emergency: PromotionRequest, rosa: Person, victor: Person, connect: Connect
    ) -> None:
        where = path(emergency, "break-glass")
        refused(connect(victor).post(where, WORDS, format="json"), 403, "permission-refused")
        narrow = connect(rosa, Scope.PROMOTION_REQUEST)
        refused(narrow.post(where, WORDS, format="json"), 403, "scope-missing")

    def test_is_for_policies_that_know_emergencies(
        self, in_review: PromotionRequest, rosa: Person, connect: Connect
    ) -> None:
        answer = connect(rosa).post(path(in_review, "break-glass"), WORDS, format="json")
        refused(answer, 409, "break-glass-refused")

    def test_is_not_upheld_by_who_did_it_nor_twice_nor_elsewhere(
        self,
        emergency: PromotionRequest,
        rosa: Person,
        victor: Person,
        maya: Person,
        connect: Connect,
    ) -> None:
        made = connect(rosa).post(path(emergency, "break-glass"), WORDS, format="json").json()
        where = path(emergency, "break-glass", made["id"], "reviews")
        own = {**VIEW, "role": "risk_officer"}
        refused(connect(rosa).post(where, own, format="json"), 403, "separation-of-duties")
        refused(connect(maya).post(where, VIEW, format="json"), 403, "role-not-held", "role")
        connect(victor).post(where, VIEW, format="json")
        refused(connect(victor).post(where, VIEW, format="json"), 409, "double-review")
        unknown = path(emergency, "break-glass", 99, "reviews")
        refused(connect(victor).post(unknown, VIEW, format="json"), 404, "unknown-subject")


class TestConditions:
    def where(self, condition: Condition) -> str:
        return path(condition.review.request, "conditions", condition.pk, "confirm")

    def test_are_confirmed_by_somebody_in_the_same_role(
        self, conditional: Condition, vera: Person, connect: Connect
    ) -> None:
        body = {"evidence": "Run 14 shows it.", "password": PASSWORD}
        answer = connect(vera).post(self.where(conditional), body, format="json")
        assert answer.status_code == 201, answer.json()
        assert (answer.json()["confirmed_by"], answer.json()["evidence"]) == ("vera", "Run 14 shows it.")
        document = connect(vera).get(path(conditional.review.request)).json()
        assert [entry["met_at"] is not None for entry in document["reviews"][0]["conditions"]] == [True]
        refused(connect(vera).post(self.where(conditional), body, format="json"), 409, "wrong-state")

    @pytest.mark.parametrize(
        ("changes", "status", "code", "field"),
        [
            ({"password": "guessed"}, 403, "wrong-credential", "password"),
            ({"evidence": ""}, 422, "invalid-input", "evidence"),
        ],
    )
    def test_are_not_confirmed_without_what_it_needs(
        self,
        conditional: Condition,
        vera: Person,
        connect: Connect,
        changes: dict[str, str],
        status: int,
        code: str,
        field: str,
    ) -> None:
        body = {"evidence": "Run 14 shows it.", "password": PASSWORD, **changes}
        refused(connect(vera).post(self.where(conditional), body, format="json"), status, code, field)

    def test_are_not_confirmed_by_others(
        self, conditional: Condition, rosa: Person, otto: Person, connect: Connect
    ) -> None:
        body = {"evidence": "Run 14 shows it.", "password": PASSWORD}
        for person in (rosa, otto):
            refused(connect(person).post(self.where(conditional), body, format="json"), 403, "role-not-held", "role")

    def test_of_another_request_are_unknown(
        self, conditional: Condition, emergency_elsewhere: PromotionRequest, vera: Person, connect: Connect
    ) -> None:
        where = path(emergency_elsewhere, "conditions", conditional.pk, "confirm")
        body = {"evidence": "x", "password": PASSWORD}
        refused(connect(vera).post(where, body, format="json"), 404, "unknown-subject")

    @pytest.fixture
    def emergency_elsewhere(self, world: Any, maya: Person, policy: Any) -> PromotionRequest:
        return measure(ask(maya, world.version(b"model two")))
