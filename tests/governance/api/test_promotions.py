from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.access.tokens import Scope
from governance.models import PolicyVersion, PromotionRequest, Review, Waiver
from governance.promotions import request_promotion
from registry.models import LedgerEntry, ModelVersion, Person, StageAssignment
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD
from tests.stories import gap, measure, result

PROMOTIONS = "/api/v1/promotions/"
BODY = {"model": "care-priority", "version": 1, "to_stage": "staging", "reason": "It is ready."}


def path(request: PromotionRequest, verb: str = "") -> str:
    return f"{PROMOTIONS}{request.pk}/{verb}"


def review_body(request: PromotionRequest, role: str = "model_validator", **changes: Any) -> dict[str, Any]:
    return {
        "verdict": "approve",
        "role": role,
        "meaning": "approved",
        "reason": "I read the evidence.",
        "subject_digest": request.subject_digest,
        "password": PASSWORD,
        **changes,
    }


class TestAsking:
    def test_is_accepted_and_says_where_to_look(
        self, connect: Connect, maya: Person, policy: PolicyVersion, version: ModelVersion
    ) -> None:
        client = connect(maya, Scope.PROMOTION_REQUEST)
        answer = client.post(PROMOTIONS, BODY, format="json")
        assert answer.status_code == 202
        read = client.get(answer["Location"]).json()
        assert (read["state"], read["policy"]["digest"], read["requested_by"]) == ("auditing", policy.digest, "maya")
        assert [check["check"] for check in read["run"]["plan"]["checks"]] == [
            "fairness.group_metrics",
            "lineage.completeness",
        ]

    @pytest.mark.parametrize(
        ("change", "status", "code", "field"),
        [
            ({"version": 2}, 404, "unknown-subject", "version"),
            ({"model": "nothing"}, 404, "unknown-subject", "model"),
            ({"to_stage": "heaven"}, 422, "invalid-input", "to_stage"),
            ({"to_stage": "production"}, 422, "no-gate", "to_stage"),
            ({"reason": " "}, 422, "invalid-input", "reason"),
            ({"version": "one"}, 400, "malformed", "version"),
            ({"requested_by": "victor"}, 400, "malformed", "requested_by"),
        ],
    )
    def test_for_something_impossible_names_the_field(
        self,
        connect: Connect,
        maya: Person,
        policy: PolicyVersion,
        version: ModelVersion,
        change: dict[str, Any],
        status: int,
        code: str,
        field: str,
    ) -> None:
        refused(connect(maya).post(PROMOTIONS, {**BODY, **change}, format="json"), status, code, field)
        assert not PromotionRequest.objects.exists()

    def test_twice_is_refused_while_the_first_is_open(
        self, connect: Connect, maya: Person, asked: PromotionRequest
    ) -> None:
        problem = refused(connect(maya).post(PROMOTIONS, BODY, format="json"), 409, "request-open-already")
        assert str(asked.pk) in problem["detail"]

    def test_without_a_policy_in_force_is_refused(self, connect: Connect, maya: Person, version: ModelVersion) -> None:
        refused(connect(maya).post(PROMOTIONS, BODY, format="json"), 409, "no-single-policy", "model")

    def test_is_for_those_who_may(
        self, connect: Connect, otto: Person, policy: PolicyVersion, version: ModelVersion
    ) -> None:
        refused(connect(otto).post(PROMOTIONS, BODY, format="json"), 403, "permission-refused")


class TestReading:
    def test_shows_what_was_measured_and_who_is_missing(
        self, connect: Connect, maya: Person, in_review: PromotionRequest
    ) -> None:
        read = connect(maya).get(path(in_review)).json()
        assert {finding["outcome"] for finding in read["run"]["findings"]} == {"satisfied"}
        assert {seat["role"] for seat in read["gate_now"]["missing_reviews"]} == {"model_validator", "risk_officer"}

    def test_is_not_for_outsiders(self, connect: Connect, otto: Person, in_review: PromotionRequest) -> None:
        refused(connect(otto).get(path(in_review)), 403, "permission-refused")
        assert connect(otto).get(PROMOTIONS).json()["results"] == []

    def test_costs_no_body_while_nothing_changed(
        self, connect: Connect, maya: Person, victor: Person, in_review: PromotionRequest
    ) -> None:
        client = connect(maya)
        tag = client.get(path(in_review))["ETag"]
        again = client.get(path(in_review), HTTP_IF_NONE_MATCH=tag)
        assert (again.status_code, again.content) == (304, b"")
        connect(victor).post(path(in_review, "reviews/"), review_body(in_review), format="json")
        assert client.get(path(in_review), HTTP_IF_NONE_MATCH=tag).status_code == 200


class TestReviewing:
    def test_by_two_people_in_two_roles_approves_and_completes(
        self, connect: Connect, mel: Person, victor: Person, rosa: Person, in_review: PromotionRequest
    ) -> None:
        first = connect(victor).post(path(in_review, "reviews/"), review_body(in_review), format="json")
        assert (first.status_code, first.json()["reviewer"]) == (201, "victor")
        connect(rosa).post(path(in_review, "reviews/"), review_body(in_review, "risk_officer"), format="json")
        client = connect(mel)
        assert client.get(path(in_review)).json()["state"] == "approved"
        done = client.post(path(in_review, "complete/"))
        assert (done.status_code, done.json()["stage"], done.json()["version"]) == (201, "staging", 1)
        assert client.get("/api/v1/models/care-priority/").json()["stages"][0]["version"] == 1

    @pytest.mark.parametrize(
        ("change", "status", "code", "field"),
        [
            ({"password": "guessed"}, 403, "wrong-credential", "password"),
            ({"password": ""}, 403, "wrong-credential", "password"),
            ({"password": f" {PASSWORD}"}, 403, "wrong-credential", "password"),
            ({"role": "risk_officer"}, 403, "role-not-held", "role"),
            ({"verdict": "bless"}, 422, "invalid-input", "verdict"),
            ({"meaning": "rejected"}, 422, "invalid-input", "meaning"),
            ({"reason": ""}, 422, "invalid-input", "reason"),
            ({"subject_digest": "sha256:" + "0" * 64}, 409, "stale-subject", "subject_digest"),
            ({"reviewer": "rosa"}, 400, "malformed", "reviewer"),
            ({"actor": "rosa"}, 400, "malformed", "actor"),
        ],
    )
    def test_wrongly_records_nothing(
        self,
        connect: Connect,
        victor: Person,
        in_review: PromotionRequest,
        change: dict[str, str],
        status: int,
        code: str,
        field: str,
    ) -> None:
        answer = connect(victor).post(path(in_review, "reviews/"), review_body(in_review, **change), format="json")
        refused(answer, status, code, field)
        assert not Review.objects.exists()
        if status != 400:
            refusal = LedgerEntry.objects.filter(event="action.refused").get()
            assert json.loads(bytes(refusal.body))["facts"]["code"] == code

    def test_with_a_missing_digest_says_so(self, connect: Connect, victor: Person, in_review: PromotionRequest) -> None:
        body = review_body(in_review)
        del body["subject_digest"]
        answer = connect(victor).post(path(in_review, "reviews/"), body, format="json")
        refused(answer, 400, "malformed", "subject_digest")

    def test_by_a_pipeline_is_refused(self, connect: Connect, pia: Person, in_review: PromotionRequest) -> None:
        pia.groups.add(*in_review.policy_version.author.groups.all())
        answer = connect(pia).post(path(in_review, "reviews/"), review_body(in_review), format="json")
        refused(answer, 403, "service-account")
        assert not Review.objects.exists()

    def test_twice_counts_once(self, connect: Connect, victor: Person, in_review: PromotionRequest) -> None:
        client = connect(victor)
        client.post(path(in_review, "reviews/"), review_body(in_review), format="json")
        again = client.post(path(in_review, "reviews/"), review_body(in_review), format="json")
        refused(again, 409, "double-review")

    def test_something_unknown_is_not_found(self, connect: Connect, victor: Person) -> None:
        answer = connect(victor).post(f"{PROMOTIONS}00000000-0000-4000-8000-000000000000/reviews/", {}, format="json")
        refused(answer, 404, "unknown-subject")


class TestWaivers:
    @pytest.fixture
    def blocked(self, asked: PromotionRequest) -> PromotionRequest:
        return measure(asked, result(gap(0.40)))

    def body(self, **changes: Any) -> dict[str, Any]:
        return {
            "criterion_id": "selection-gap",
            "justification": "The pilot is small.",
            "compensating_control": "A nurse looks at every case.",
            "expires_at": (timezone.now() + timedelta(days=10)).isoformat(),
            **changes,
        }

    def test_are_asked_by_one_person_and_granted_by_another(
        self, connect: Connect, maya: Person, rosa: Person, blocked: PromotionRequest
    ) -> None:
        assert blocked.state == "blocked"
        made = connect(maya).post(path(blocked, "waivers/"), self.body(), format="json")
        assert (made.status_code, made.json()["decision"]) == (201, None)
        decision = {"granted": True, "role": "risk_officer", "reason": "For the pilot.", "password": PASSWORD}
        where = path(blocked, f"waivers/{made.json()['id']}/decision/")
        decided = connect(rosa).post(where, decision, format="json")
        assert (decided.status_code, decided.json()["granted"]) == (201, True)
        assert connect(maya).get(path(blocked)).json()["state"] == "in_review"
        refused(connect(rosa).post(where, decision, format="json"), 409, "wrong-state")

    @pytest.mark.parametrize(
        ("change", "code", "field"),
        [
            ({"criterion_id": "nothing"}, "invalid-input", "criterion_id"),
            ({"criterion_id": "known-origin"}, "not-waivable", "criterion_id"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "invalid-input", "expires_at"),
            ({"justification": ""}, "invalid-input", "justification"),
            ({"compensating_control": ""}, "invalid-input", "compensating_control"),
        ],
    )
    def test_that_cannot_be_are_refused(
        self, connect: Connect, maya: Person, blocked: PromotionRequest, change: dict[str, str], code: str, field: str
    ) -> None:
        refused(connect(maya).post(path(blocked, "waivers/"), self.body(**change), format="json"), 422, code, field)
        assert not Waiver.objects.exists()

    def test_are_decided_under_their_own_request_only(
        self, connect: Connect, rosa: Person, blocked: PromotionRequest
    ) -> None:
        answer = connect(rosa).post(path(blocked, "waivers/7/decision/"), {}, format="json")
        refused(answer, 404, "unknown-subject")


class TestTheOtherVerbs:
    def test_withdrawing_ends_it(self, connect: Connect, maya: Person, in_review: PromotionRequest) -> None:
        answer = connect(maya).post(path(in_review, "withdraw/"), {"reason": "Not yet."}, format="json")
        assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
        again = connect(maya).post(path(in_review, "withdraw/"), {"reason": "Not yet."}, format="json")
        refused(again, 409, "wrong-state")

    def test_measuring_again_opens_a_round(self, connect: Connect, maya: Person, in_review: PromotionRequest) -> None:
        answer = connect(maya).post(path(in_review, "rerun/"), {"reason": "New data."}, format="json")
        assert (answer.status_code, answer.json()["round"], answer.json()["state"]) == (202, 2, "auditing")

    def test_an_unapproved_version_enters_no_stage(
        self, connect: Connect, mel: Person, in_review: PromotionRequest
    ) -> None:
        refused(connect(mel).post(path(in_review, "complete/")), 409, "wrong-state")
        assert not StageAssignment.objects.exists()

    def test_an_approved_version_enters_only_while_its_gate_is_open(
        self, connect: Connect, mel: Person, victor: Person, approved: PromotionRequest
    ) -> None:
        victor.groups.clear()
        refused(connect(mel).post(path(approved, "complete/")), 409, "gate-closed")
        assert not StageAssignment.objects.exists()


def test_lists_are_filtered_and_ordered(
    connect: Connect, maya: Person, in_review: PromotionRequest, world: Any
) -> None:
    later = request_promotion(actor=maya, version=world.version(b"two"), to_stage="staging", reason="Also.")
    client = connect(maya)

    def listed(query: str) -> list[str]:
        return [row["id"] for row in client.get(f"{PROMOTIONS}?{query}").json()["results"]]

    assert listed("") == [str(later.pk), str(in_review.pk)]
    assert listed("ordering=requested_at") == [str(in_review.pk), str(later.pk)]
    assert listed("state=auditing") == listed("version=2") == [str(later.pk)]
    assert listed("model=other") == listed("is_open=false") == listed("requested_by=otto") == []
    assert listed("page_size=1&page=2") == [str(in_review.pk)]
