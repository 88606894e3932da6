from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from governance import decisions
from governance.access.tokens import Scope
from governance.api import gates
from governance.models import GateDecision, PromotionRequest
from governance.promotions import request_promotion, withdraw_request
from governance.recalls import RecallPerformer
from registry import dsse
from registry.canonical import digest
from registry.datasets import withdraw_dataset_version
from registry.models import ModelVersion, Person
from registry.signing import keyring
from registry.versions import VersionDescription, register_model, register_version
from tests.governance.api.conftest import Connect, refused
from tests.people import SIGNATURE, World
from tests.stories import gap, measure, result

GATE = "/api/v1/gates/staging/"
ASKED: dict[str, Any] = {"model": "care-priority", "version": 1}


def codes(answer: Any) -> list[str]:
    return [reason["code"] for reason in answer.json()["blocking"]]


class TestAnOpenGate:
    def test_answers_as_the_contract_says(
        self, connect: Connect, pia: Person, approved: PromotionRequest, version: ModelVersion
    ) -> None:
        answer = connect(pia, Scope.GATE_READ).get(GATE, ASKED)
        assert answer.status_code == 200
        told = answer.json()
        decision = GateDecision.objects.get(outcome="open")
        assert (told["decision"], told["stage"], told["blocking"], told["missing_reviews"]) == (
            "open",
            "staging",
            [],
            [],
        )
        assert told["subject"] == {"model": "care-priority", "version": 1, "digest": version.artifact_digest}
        assert told["policy"] == {"slug": "house_rules", "version": 1, "digest": approved.policy_version.digest}
        assert told["decision_id"] == str(decision.pk)
        assert told["valid_until"] > told["decided_at"]

    def test_answers_by_digest_and_with_enforce(
        self, connect: Connect, pia: Person, approved: PromotionRequest, version: ModelVersion
    ) -> None:
        client = connect(pia, Scope.GATE_READ)
        for asked in ({"digest": version.artifact_digest}, {**ASKED, "digest": version.artifact_digest}):
            answer = client.get(GATE, {**asked, "enforce": 1})
            assert (answer.status_code, answer.json()["decision"]) == (200, "open")

    def test_has_a_statement_that_anybody_can_verify(
        self, connect: Connect, pia: Person, approved: PromotionRequest, version: ModelVersion
    ) -> None:
        client = connect(pia, Scope.GATE_READ)
        envelope = client.get(client.get(GATE, ASKED).json()["attestation"]).json()
        statement = dsse.verify_envelope(envelope, keyring().gate_key.public_key())
        assert f"sha256:{statement['subject'][0]['digest']['sha256']}" == version.artifact_digest

    def test_is_not_read_twice_while_nothing_changed(
        self, connect: Connect, pia: Person, approved: PromotionRequest
    ) -> None:
        client = connect(pia, Scope.GATE_READ)
        tag = client.get(GATE, ASKED)["ETag"]
        assert client.get(GATE, ASKED, HTTP_IF_NONE_MATCH=tag).status_code == 304


class TestTheGateCloses:
    """Between two calls something changes; the very next answer knows it, whatever the caller has cached."""

    @pytest.fixture
    def ask(self, connect: Connect, pia: Person, approved: PromotionRequest) -> Any:
        client = connect(pia, Scope.GATE_READ)
        first = client.get(GATE, ASKED)
        assert first.json()["decision"] == "open"
        return lambda: client.get(GATE, ASKED, HTTP_IF_NONE_MATCH=first["ETag"])

    def test_when_data_is_withdrawn(self, ask: Any, dora: Person, world: World, approved: PromotionRequest) -> None:
        withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent withdrawn")
        assert ask().json()["decision"] == "closed"
        assert "input-withdrawn" in codes(ask())
        # The worker begins a new round, so what was reviewed before does not count either.
        RecallPerformer().perform({"withdrawal": world.evaluation.withdrawal.pk})
        approved.refresh_from_db()
        assert (approved.round, approved.state) == (2, PromotionRequest.State.AUDITING)
        assert "quorum-missing" in codes(ask())

    def test_when_a_reviewer_loses_the_role(self, ask: Any, victor: Person) -> None:
        victor.groups.clear()
        assert codes(ask()) == ["quorum-missing"]

    def test_when_the_evidence_is_too_old(self, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        later = timezone.now() + timedelta(days=31)
        monkeypatch.setattr("governance.decisions.timezone.now", lambda: later)
        monkeypatch.setattr("governance.access.tokens.timezone.now", lambda: later)
        assert "evidence-expired" in codes(ask())

    def test_when_the_request_is_withdrawn(self, ask: Any, maya: Person, approved: PromotionRequest) -> None:
        withdraw_request(actor=maya, request=approved, reason="A mistake.")
        assert codes(ask()) == ["request-not-approved"]


class TestAClosedGate:
    def test_says_what_blocks(self, connect: Connect, pia: Person, asked: PromotionRequest) -> None:
        measure(asked, result(gap(0.40)))
        client = connect(pia, Scope.GATE_READ)
        answer = client.get(GATE, ASKED)
        assert (answer.status_code, answer.json()["decision"]) == (200, "closed")
        assert codes(answer)[0] == "finding-not-satisfied"
        problem = refused(client.get(GATE, {**ASKED, "enforce": 1}), 409, "gate-closed")
        assert problem["blocking"] == answer.json()["blocking"]

    @pytest.mark.parametrize(
        "query",
        [
            {"model": "care-priority", "version": 2},
            {"model": "never-heard-of", "version": 1},
            {"digest": "sha256:" + "0" * 64},
        ],
    )
    def test_is_the_answer_about_the_unknown(
        self, connect: Connect, pia: Person, approved: PromotionRequest, query: dict[str, Any]
    ) -> None:
        client = connect(pia, Scope.GATE_READ)
        answer = client.get(GATE, query)
        assert (answer.status_code, answer.json()["decision"], codes(answer)) == (200, "closed", ["unknown-subject"])
        refused(client.get(GATE, {**query, "enforce": 1}), 404, "unknown-subject")

    def test_is_the_answer_for_another_stage(self, connect: Connect, pia: Person, approved: PromotionRequest) -> None:
        for stage in ("production", "development", "heaven", "%00", "st%61ging%20"):
            answer = connect(pia, Scope.GATE_READ).get(f"/api/v1/gates/{stage}/", ASKED)
            assert (answer.status_code, answer.json()["decision"]) == (200, "closed")

    def test_is_the_answer_for_another_digest(self, connect: Connect, pia: Person, approved: PromotionRequest) -> None:
        answer = connect(pia, Scope.GATE_READ).get(GATE, {**ASKED, "digest": "sha256:" + "0" * 64})
        assert (answer.json()["decision"], codes(answer)) == ("closed", ["digest-mismatch"])

    def test_is_the_answer_when_two_models_share_an_artifact(
        self, connect: Connect, maya: Person, pia: Person, approved: PromotionRequest, version: ModelVersion
    ) -> None:
        other = register_model(actor=maya, slug="twin", name="Twin", intended_purpose="Else.", risk_class="high")
        description = VersionDescription(
            artifact_digest=version.artifact_digest, artifact_format="skops", signature=SIGNATURE
        )
        register_version(actor=maya, model=other, description=description)
        answer = connect(pia, Scope.GATE_READ).get(GATE, {"digest": version.artifact_digest})
        assert (answer.json()["decision"], codes(answer)) == ("closed", ["subject-ambiguous"])

    @pytest.mark.parametrize("where", ["ask_gate", "_asked"])
    def test_is_the_answer_when_the_evaluation_breaks(
        self, connect: Connect, pia: Person, approved: PromotionRequest, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        def broken(*_args: object, **_facts: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(decisions, where, broken)
        client = connect(pia, Scope.GATE_READ)
        answer = client.get(GATE, ASKED)
        assert (answer.status_code, answer.json()["decision"], codes(answer)) == (200, "closed", ["evaluation-failed"])
        assert "secret detail" not in answer.content.decode()
        refused(client.get(GATE, {**ASKED, "enforce": 1}), 503, "evaluation-failed")

    def test_is_the_answer_when_the_decision_is_not_signed_by_us(
        self, connect: Connect, pia: Person, approved: PromotionRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forged(*_args: object, **_facts: object) -> None:
            raise dsse.AttestationError("no signature of the envelope is by the key given")

        monkeypatch.setattr(dsse, "verify_envelope", forged)
        answer = connect(pia, Scope.GATE_READ).get(GATE, ASKED)
        assert (answer.json()["decision"], codes(answer)) == ("closed", ["decision-unsigned"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "model"),
        ("model=care-priority", "version"),
        ("version=1", "model"),
        ("model=care-priority&version=one", "version"),
        ("digest=sha256:0", "digest"),
        ("model=care-priority&version=1&enforce=yes", "enforce"),
        ("model=care-priority&version=1&wait=61", "wait"),
        ("model=care-priority&version=1&enforced=1", "enforced"),
    ],
)
def test_a_question_that_makes_no_sense_gets_no_answer(connect: Connect, pia: Person, query: str, field: str) -> None:
    refused(connect(pia, Scope.GATE_READ).get(f"{GATE}?{query}"), 400, "malformed", field)


def test_an_outsider_gets_no_answer(connect: Connect, otto: Person, approved: PromotionRequest) -> None:
    client = connect(otto, Scope.GATE_READ)
    for slug in ("care-priority", "never-heard-of"):
        refused(client.get(GATE, {"model": slug, "version": 1}), 403, "permission-refused")
    by_digest = client.get(GATE, {"digest": approved.version.artifact_digest})
    assert (by_digest.json()["decision"], codes(by_digest)) == ("closed", ["unknown-subject"])
    decision = GateDecision.objects.get()
    refused(client.get(f"/api/v1/decisions/{decision.pk}/attestation/"), 403, "permission-refused")


class TestWaiting:
    def test_ends_at_once_when_no_check_runs(self, connect: Connect, pia: Person, in_review: PromotionRequest) -> None:
        began = time.monotonic()
        answer = connect(pia, Scope.GATE_READ).get(GATE, {**ASKED, "wait": 30})
        assert time.monotonic() - began < 5
        assert (answer.json()["pending"], answer["Retry-After"]) == (True, "5")

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_ends_when_the_checks_are_done(self, connect: Connect, pia: Person, asked: PromotionRequest) -> None:
        def finish() -> None:
            time.sleep(0.7)
            try:
                with transaction.atomic():
                    measure(PromotionRequest.objects.get(pk=asked.pk))
            finally:
                connection.close()

        worker = threading.Thread(target=finish)
        client = connect(pia, Scope.GATE_READ)
        began = time.monotonic()
        worker.start()
        answer = client.get(GATE, {**ASKED, "wait": 30})
        worker.join()
        assert 0.5 < time.monotonic() - began < 15
        assert codes(answer) == ["quorum-missing", "quorum-missing"]

    @pytest.mark.django_db(transaction=True)
    def test_is_not_allowed_to_take_every_thread(
        self, connect: Connect, pia: Person, asked: PromotionRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gates, "_waiters", threading.BoundedSemaphore(1))
        assert gates._waiters.acquire(blocking=False)
        began = time.monotonic()
        answer = connect(pia, Scope.GATE_READ).get(GATE, {**ASKED, "wait": 30})
        assert time.monotonic() - began < 5
        assert codes(answer) == ["checks-running"]


def test_a_newer_closed_decision_goes_before_an_older_open_one(
    connect: Connect, pia: Person, maya: Person, approved: PromotionRequest, version: ModelVersion
) -> None:
    withdraw_request(actor=maya, request=approved, reason="Measure anew.")
    again = request_promotion(actor=maya, version=version, to_stage="staging", reason="Once more.")
    measure(again, result(gap(0.40)))
    answer = connect(pia, Scope.GATE_READ).get(GATE, {"digest": digest(b"model one")})
    assert answer.json()["decision"] == "closed"
    assert "finding-not-satisfied" in codes(answer)
