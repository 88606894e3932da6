"""What reviewers and pipelines take home: receipts that a stranger can verify, and statements in each form."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from sigstore_models.bundle.v1 import Bundle

import assay_verify
from assay_attestation import check_attestation, read_envelope
from assay_common import Outcome
from assay_keys import Keys
from assay_ledger import Receipt, check_receipt
from governance import decisions
from governance.access.tokens import Scope
from governance.models import GateDecision, PromotionRequest
from registry import dsse, key_history, ledger, receipts
from registry.events import Event
from registry.models import Checkpoint, ModelVersion, Person
from registry.signing import keyring
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


def test_the_pages_hand_out_the_same_receipts(
    client: Client, victor: Person, approved: PromotionRequest, version: ModelVersion
) -> None:
    client.force_login(victor)
    page = client.get(approved.get_absolute_url()).content.decode()
    links = set(re.findall(r'href="(/api/v1/[^"]+receipt[^"]*)" download', page))
    assert len(links) == 3  # two reviews, one decision
    for link in links:
        answer = client.get(link)
        assert answer.content.startswith(b"c2sp.org/tlog-proof@v1\n"), link


@pytest.mark.slow
def test_a_thousand_honest_papers_raise_no_alarm(approved: PromotionRequest, tmp_path: Path) -> None:
    """400 receipts and 400 decisions here, each looked at by the stranger's program; the reports are in `clients`."""
    (tmp_path / "keys.json").write_text(json.dumps(key_history.published_keys()))
    keys, decision = Keys(tmp_path / "keys.json"), GateDecision.objects.get(outcome="open")
    for number in range(400):
        with transaction.atomic():
            entry = ledger.append(Event.REPORT_READ, subject=f"promotion:{number}", facts={"number": number})
        (tmp_path / "r.tlog-proof").write_text(receipts.receipt_of(entry.index).text)
        told = check_receipt(Receipt.read(tmp_path / "r.tlog-proof"), keys, Outcome())
        assert told["facts"] == {"number": number}
        document = json.loads(base64.b64decode(decision.envelope["payload"]))
        document["predicate"]["details"]["request"] = str(number)
        signed = dsse.sign_statement(document, keyring().gate_key)
        check_attestation(read_envelope(json.loads(json.dumps(signed))), keys, Outcome(), None)
