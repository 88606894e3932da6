"""What reviewers and pipelines take home: receipts that a stranger can verify, and statements in each form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sigstore_models.bundle.v1 import Bundle

import assay_verify
from governance import decisions
from governance.models import GateDecision, PromotionRequest
from governance.tokens import Scope
from registry import key_history, ledger
from registry.models import Checkpoint, ModelVersion, Person
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD

GATE = "/api/v1/gates/staging/"
ASKED: dict[str, Any] = {"model": "care-priority", "version": 1}


@pytest.fixture
def check(tmp_path: Path, db: None) -> Any:
    """`check(name, content, option, content…)`: the verdict of the verifier with the published keys."""

    def put(name: str, content: str) -> str:
        (tmp_path / name).write_text(content)
        return str(tmp_path / name)

    def verdict(name: str, content: str, receipt: str = "") -> Any:
        options = ["--keys", put("keys.json", json.dumps(key_history.published_keys()))]
        options += ["--receipt", put("r.tlog-proof", receipt)] if receipt else []
        return assay_verify.verify(assay_verify.parser().parse_args([put(name, content), *options]))

    return verdict


def test_a_reviewer_takes_the_receipt_of_the_review_home(
    connect: Connect, victor: Person, in_review: PromotionRequest, check: Any
) -> None:
    body = {
        "verdict": "approve",
        "role": "model_validator",
        "meaning": "approved",
        "reason": "I read the evidence.",
        "subject_digest": in_review.subject_digest,
        "password": PASSWORD,
    }
    answer = connect(victor).post(f"/api/v1/promotions/{in_review.pk}/reviews/", body, format="json")
    assert answer.status_code == 201, answer.content
    outcome = check("review.tlog-proof", answer.json()["receipt"])
    assert (outcome.exit_code, outcome.problem) == (0, "")
    assert outcome.facts["entry"]["event"] == "review.recorded"
    assert outcome.facts["entry"]["index"] == answer.json()["entry"]


def test_a_pipeline_takes_the_receipt_of_the_decision_home_and_it_never_changes(
    connect: Connect, pia: Person, approved: PromotionRequest, version: ModelVersion, check: Any
) -> None:
    client = connect(pia, Scope.GATE_READ)
    first = client.get(GATE, ASKED)
    told = first.json()
    envelope = client.get(told["attestation"]).json()
    outcome = check("decision.json", json.dumps(envelope), told["receipt"])
    assert (outcome.exit_code, outcome.problem) == (0, "")
    assert outcome.facts["artifact"] == version.artifact_digest
    client.get(f"{GATE}?model=care-priority&version=2")
    ledger.publish_checkpoint()
    again = client.get(GATE, ASKED, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    asked = client.get(f"/api/v1/decisions/{told['decision_id']}/receipt/")
    assert asked.content.decode() == told["receipt"]


def test_a_head_is_signed_once_however_often_a_gate_is_asked(
    connect: Connect, pia: Person, approved: PromotionRequest
) -> None:
    client = connect(pia, Scope.GATE_READ)
    client.get(GATE, ASKED)
    heads = Checkpoint.objects.count()
    client.get(GATE, ASKED)
    assert Checkpoint.objects.count() == heads


@pytest.mark.parametrize("form", ["dsse", "summary", "sigstore", "sigstore-summary"])
def test_every_form_of_the_statement_verifies(
    connect: Connect, pia: Person, approved: PromotionRequest, check: Any, form: str
) -> None:
    decision = GateDecision.objects.get(outcome="open")
    answer = connect(pia, Scope.GATE_READ).get(f"/api/v1/decisions/{decision.pk}/attestation/", {"format": form})
    receipt = decisions.receipt_of_decision(decision)
    outcome = check("decision.json", answer.content.decode(), receipt)
    assert (outcome.exit_code, outcome.problem) == (0, "")
    assert (outcome.facts["decision"], outcome.facts["stage"]) == ("open", "staging")
    if form.startswith("sigstore"):
        bundle = Bundle.from_json(answer.content.decode())
        assert bundle.dsse_envelope is not None
        assert bundle.verification_material.public_key is not None


def test_another_form_is_refused(connect: Connect, pia: Person, approved: PromotionRequest) -> None:
    decision = GateDecision.objects.get(outcome="open")
    answer = connect(pia, Scope.GATE_READ).get(f"/api/v1/decisions/{decision.pk}/attestation/", {"format": "xml"})
    refused(answer, 406, "format-unavailable", "format")


def test_a_receipt_carries_its_entry_only_to_those_who_may_read_it(
    connect: Connect, victor: Person, pia: Person, approved: PromotionRequest
) -> None:
    entry = approved.reviews.get(reviewer=victor).entry
    path = f"/api/v1/ledger/entries/{entry}/receipt"
    assert "\nextra " in connect(victor).get(path).content.decode()
    assert "\nextra " not in connect(pia).get(path).content.decode()
    assert connect(pia).get("/api/v1/ledger/entries/99999/receipt").status_code == 404
