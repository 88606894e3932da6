"""The sealed page for one person, and its JSON: authentic as issued, and every contradiction in it is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from audits.reports.seal import seal_pdf
from registry.canonical import canonical_json, digest
from registry.keys import Keyring
from tests.clients.desk import AUTHENTIC, TAMPERED, UNVERIFIABLE, Desk, Log, pdf_of

NUMBER = "EX-20261121-0000ABCD"
ARTIFACT, RECORD = "sha256:" + "a" * 64, "sha256:" + "b" * 64
Document = dict[str, Any]


def reason(feature: str, attribution: str, share: str, value: str) -> Document:
    way = "lowered" if attribution.startswith("-") else "raised"
    words = f"{feature} was {value}; this {way} the score and made up {float(share):.0%} of all influences."
    return {"code": f"{feature}:{way}", "feature": feature, "attribution": attribution, "share": share, "words": words}


EXPLANATION: Document = {
    "schema": "assay.explanation/1",
    "report": {"number": NUMBER},
    "subject": {"artifact_digest": ARTIFACT, "record_digest": RECORD},
    "explanation": {
        "model": {"name": "Loans", "version": "loans/1", "artifact": ARTIFACT, "record": RECORD},
        "nonce": "00" * 16,
        "decision": {
            "label": "not 1", "positive": False, "positive_label": "1", "score": "0.31", "threshold": "0.5",
        },
        "reasons": [reason("debts", "-0.6", "0.6", "9"), reason("income", "0.3", "0.3", "2.5")],
        "reasons_stability": {
            "share": "0.833333",
            "words": "Held against two other groups of people, 83% of the main reasons stayed the same.",
        },
        "what_would_have_changed_it": {
            "found": True,
            "changes": [{"feature": "income", "from": "2.5", "to": "3.1"}],
            "score": "0.52",
            "words": "The decision would have been the other one if income had been 3.1 instead of 2.5.",
        },
    },
}  # fmt: skip


def sealed(desk: Desk, document: Document = EXPLANATION) -> bytes:
    return seal_pdf(pdf_of(document), keyring=desk.keyring, reason="Explanation")


def receipt(desk: Desk, *, event: str = "explanation.given", page: bytes = b"", **facts: Any) -> str:
    told = {"number": NUMBER, "evidence": digest(canonical_json(EXPLANATION)), "file": digest(page), **facts}
    entry = {"event": event, "subject": "version:loans/1", "at": "2026-11-21T10:00:00.000000Z", "facts": told}
    return desk.put("explanation.tlog-proof", Log(0, told=[entry]).receipt(0, desk.keyring))


def test_the_sealed_page_is_authentic_and_everything_in_it_was_checked(desk: Desk) -> None:
    page = sealed(desk)
    outcome = desk.verify(page, "--keys", desk.keys, "--receipt", receipt(desk, page=page))
    assert (outcome.exit_code, outcome.problem) == (AUTHENTIC, "")
    assert (outcome.facts["kind"], outcome.facts["decision"]) == ("explanation", "not 1")
    assert outcome.skipped == ["that the model answers so: only the service can ask it again"]
    assert desk.verify(page).exit_code == AUTHENTIC


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_json_is_authentic_with_its_receipt_and_cannot_be_verified_without(desk: Desk, wrapped: bool) -> None:  # noqa: FBT001
    document = {"number": NUMBER, "explanation": EXPLANATION} if wrapped else EXPLANATION
    text = json.dumps(document, indent=1)
    outcome = desk.check("explanation.json", text, "--keys", desk.keys, "--receipt", receipt(desk))
    assert (outcome.exit_code, outcome.problem) == (AUTHENTIC, "")
    outcome = desk.check("explanation.json", text, "--keys", desk.keys)
    assert (outcome.exit_code, "--receipt" in outcome.problem) == (UNVERIFIABLE, True)


def _pack(document: Document) -> Any:
    return document["explanation"]


CHANGES: list[tuple[Callable[[Document], Any], str]] = [
    (lambda d: _pack(d)["decision"].update(score="0.7"), "the score is 0.7 and the threshold 0.5"),
    (lambda d: _pack(d)["decision"].update(label="1"), "it is about '1'"),
    (lambda d: _pack(d)["decision"].update(positive=True, label="1"), "the score is 0.31"),
    (lambda d: _pack(d)["reasons"][0].update(share="0.4"), "the words do not say"),
    (
        lambda d: _pack(d)["reasons"].__setitem__(1, reason("income", "0.3", "0.2", "2.5")),
        "not that of its attribution",
    ),
    (lambda d: _pack(d)["reasons"][0].update(attribution="0.6"), "has the code debts:lowered"),
    (lambda d: _pack(d)["reasons"].reverse(), "not in order"),
    (lambda d: _pack(d)["reasons_stability"].update(share="0.5"), "the words do not say that 50%"),
    (lambda d: _pack(d)["what_would_have_changed_it"].update(score="0.4"), "would not have turned the decision"),
    (lambda d: _pack(d)["what_would_have_changed_it"]["changes"][0].update(to="2.6"), "had been 2.6 instead of 2.5"),
    (lambda d: _pack(d)["what_would_have_changed_it"].update(found=False), "a change is told that was not found"),
    (lambda d: d["subject"].update(artifact_digest="sha256:" + "c" * 64), "the artifact explained is"),
    (lambda d: _pack(d).pop("decision"), "malformed"),
    (lambda d: d.update(explanation="nothing"), "malformed"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_an_explanation_that_disagrees_with_itself_is_found_though_sealed_anew(
    desk: Desk, change: Callable[[Document], Any], words: str
) -> None:
    document = copy.deepcopy(EXPLANATION)
    change(document)
    outcome = desk.verify(sealed(desk, document), "--keys", desk.keys)
    assert outcome.exit_code == TAMPERED
    assert words in outcome.problem


def test_a_consistent_forgery_sealed_with_the_right_key_is_found_by_the_receipt(desk: Desk) -> None:
    document = copy.deepcopy(EXPLANATION)
    _pack(document)["reasons"] = [reason("income", "-0.6", "0.6", "2.5"), reason("debts", "0.3", "0.3", "9")]
    forged = sealed(desk, document)
    assert desk.verify(forged, "--keys", desk.keys).exit_code == AUTHENTIC
    outcome = desk.verify(forged, "--keys", desk.keys, "--receipt", receipt(desk))
    assert (outcome.exit_code, "another digest" in outcome.problem) == (TAMPERED, True)
    outcome = desk.check("explanation.json", json.dumps(document), "--keys", desk.keys, "--receipt", receipt(desk))
    assert (outcome.exit_code, "another digest" in outcome.problem) == (TAMPERED, True)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"event": "report.sealed"}, "another entry"),
        ({"number": "EX-20261121-11111111"}, "another entry"),
        ({"file": "sha256:" + "0" * 64}, "the file was changed"),
    ],
)
def test_a_receipt_of_something_else_vouches_for_nothing(desk: Desk, facts: Document, words: str) -> None:
    outcome = desk.verify(sealed(desk), "--keys", desk.keys, "--receipt", receipt(desk, **facts))
    assert (outcome.exit_code, words in outcome.problem) == (TAMPERED, True)


def test_a_changed_byte_another_authority_and_a_stripped_seal_are_called_what_they_are(
    desk: Desk, tmp_path: Any
) -> None:
    page = bytearray(sealed(desk))
    page[len(page) // 3] ^= 1
    assert desk.verify(bytes(page)).exit_code == TAMPERED
    assert desk.verify(pdf_of(EXPLANATION)).exit_code == TAMPERED
    stranger = Keyring.open(tmp_path / "keys", create=True)
    forged = seal_pdf(pdf_of(EXPLANATION), keyring=stranger, reason="Explanation")
    assert desk.verify(forged).exit_code == UNVERIFIABLE
