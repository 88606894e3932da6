"""Reviews signed with the reviewer's own key: once rightly, then every way in which it must be refused."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from assay_common import Outcome, TamperedError
from assay_reviews import check_reviews
from governance.errors import (
    SeparationOfDutiesError,
    ServiceAccountError,
    TooManyAttemptsError,
    WrongCredentialError,
    WrongStateError,
)
from governance.models import PendingStatement, PromotionRequest, Review, SecurityKey
from governance.reviews import record_review
from governance.signatures import security_keys
from governance.signatures.enrolments import confirm_authenticator, enrol_authenticator
from governance.signatures.key_enrolments import confirm_security_key, enrol_security_key, retire_security_key
from governance.signatures.reviews import NewCondition, ReviewWords, review_options
from registry.errors import PermissionRefusedError
from registry.models import ErasableText, LedgerEntry, Person
from registry.verification import verify
from tests.governance.signatures.test_authenticators import code
from tests.people import PASSWORD
from tests.software_key import PRESENT, VERIFIED, SoftwareKey

REASON = "The gap is small, the origin is known."


def enrolled(owner: Person, *, confirmed_by: Person | None) -> tuple[SoftwareKey, SecurityKey]:
    device = SoftwareKey()
    answer = device.create(security_keys.enrolment_options(owner))
    key = enrol_security_key(actor=owner, label="desk", assertion=answer, password=PASSWORD)
    if confirmed_by is not None:
        confirm_security_key(actor=confirmed_by, key=key, fingerprint=key.fingerprint, password=PASSWORD)
    return device, key


@pytest.fixture
def device(victor: Person, ada: Person) -> SoftwareKey:
    """Victor's key, confirmed by Ada."""
    return enrolled(victor, confirmed_by=ada)[0]


def words(request: PromotionRequest, **changed: Any) -> ReviewWords:
    said: dict[str, Any] = {
        "verdict": "approve",
        "role": "model_validator",
        "meaning": "approved",
        "reason": REASON,
        "subject_digest": request.subject_digest,
        "conditions": (NewCondition("Watch the drift.", timezone.now().replace(microsecond=0) + timedelta(days=9)),),
    }
    return ReviewWords(**{**said, **changed})


def sign(actor: Person, request: PromotionRequest, said: ReviewWords, assertion: str, **more: str) -> Review:
    told = {name: getattr(said, name) for name in ("verdict", "role", "meaning", "reason", "subject_digest")}
    return record_review(actor=actor, request=request, conditions=said.conditions, assertion=assertion, **told, **more)


def papers_of(review: Review) -> dict[str, str]:
    assert review.assertion is not None
    return dict(review.assertion)


# -- As it should be --------------------------------------------------------------------------------------------------
def test_a_review_is_signed_by_the_key_and_stands_in_the_ledger_with_it(
    device: SoftwareKey, victor: Person, in_review: PromotionRequest
) -> None:
    said = words(in_review)
    review = sign(victor, in_review, said, device.get(review_options(actor=victor, request=in_review, words=said)))
    assert review.method == "security key"
    told = json.loads(bytes(LedgerEntry.objects.get(event="review.recorded").body))["facts"]
    statement = json.loads(papers_of(review)["statement"])
    key = SecurityKey.objects.get(person=victor)
    assert (told["method"], told["key"]) == ("security key", key.key_id)
    assert statement["reviewer"] == victor.pseudonym
    assert statement["artifact"] == in_review.version.artifact_digest
    # One commitment for the reason: in the statement, in the facts, and for the row, erasable in one place.
    assert statement["reason"] == told["reason"]
    assert ErasableText.objects.get(commitment=statement["reason"]).text == REASON
    assert ErasableText.objects.filter(text=REASON).count() == 1
    assert not PendingStatement.objects.filter(person=victor).exists()
    assert key.sign_count == device.counter
    assert verify().problems == ()


def test_openssl_verifies_the_signature_without_us(
    device: SoftwareKey, victor: Person, in_review: PromotionRequest, tmp_path: Path
) -> None:
    said = words(in_review)
    assertion = device.get(review_options(actor=victor, request=in_review, words=said))
    papers = papers_of(sign(victor, in_review, said, assertion))
    client = base64.b64decode(papers["client_data"])
    (tmp_path / "key.der").write_bytes(base64.b64decode(papers["public_key"]))
    (tmp_path / "signature").write_bytes(base64.b64decode(papers["signature"]))
    message = base64.b64decode(papers["authenticator_data"]) + hashlib.sha256(client).digest()
    (tmp_path / "message").write_bytes(message)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.der", "-keyform", "DER", "-signature", "signature"]
    ran = subprocess.run([*command, "message"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "Verified OK")
    digest = hashlib.sha256(papers["statement"].encode()).digest()
    assert base64.urlsafe_b64decode(json.loads(client)["challenge"] + "==") == digest


# -- Refused ----------------------------------------------------------------------------------------------------------
Attack = Callable[[SoftwareKey, dict[str, Any]], str]
ATTACKS: dict[str, tuple[Attack, str]] = {
    "wrong origin": (lambda key, asked: key.get(asked, origin="https://assay.example.evil"), "origin"),
    "another site's key": (lambda key, asked: _elsewhere(key).get(asked), "RP ID"),
    "another signer": (lambda key, asked: key.get(asked, signer=ec.generate_private_key(ec.SECP256R1())), "signature"),
    "nobody verified": (lambda key, asked: key.get(asked, flags=PRESENT), "verification"),
    "nobody present": (lambda key, asked: key.get(asked, flags=VERIFIED), "present"),
    "an enrolment in place of a signature": (lambda key, asked: key.get(asked, kind="webauthn.create"), "type"),
    "a made-up challenge": (lambda key, asked: key.get({**asked, "challenge": "AAAA"}), "used already"),
    "an unknown key": (lambda _key, asked: SoftwareKey().get(asked), "not yours"),
    "no JSON": (lambda _key, _asked: "{", "hold"),
    "another JSON": (lambda _key, _asked: "[]", "hold"),
}


def _elsewhere(key: SoftwareKey) -> SoftwareKey:
    return SoftwareKey(key.private, key.credential, key.counter, host="assay.example.evil")


@pytest.mark.parametrize("name", ATTACKS)
def test_an_assertion_that_is_not_one_over_this_statement_is_refused(
    device: SoftwareKey, victor: Person, in_review: PromotionRequest, name: str
) -> None:
    attack, named = ATTACKS[name]
    said = words(in_review)
    asked = review_options(actor=victor, request=in_review, words=said)
    with pytest.raises(WrongCredentialError, match=f"(?i){named}") as refused:
        sign(victor, in_review, said, attack(device, asked))
    assert refused.value.field == "assertion"
    assert not Review.objects.exists()
    assert LedgerEntry.objects.filter(event="action.refused").exists()


def test_a_signature_is_good_once(device: SoftwareKey, victor: Person, in_review: PromotionRequest) -> None:
    said = words(in_review, verdict="comment", meaning="reviewed", conditions=())
    assertion = device.get(review_options(actor=victor, request=in_review, words=said))
    sign(victor, in_review, said, assertion)
    with pytest.raises(WrongCredentialError, match="used already"):
        sign(victor, in_review, said, assertion)
    assert Review.objects.count() == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": "reject", "meaning": "rejected", "conditions": ()},
        {"meaning": "responsible"},
        {"reason": "I never said this."},
        {"conditions": ()},
        {"subject_digest": "sha256:" + "0" * 64},
    ],
)
def test_nothing_else_can_be_put_under_a_signature(
    device: SoftwareKey, victor: Person, in_review: PromotionRequest, changed: dict[str, Any]
) -> None:
    said = words(in_review)
    assertion = device.get(review_options(actor=victor, request=in_review, words=said))
    with pytest.raises(WrongCredentialError, match="something else"):
        sign(victor, in_review, words(in_review, **{"conditions": said.conditions, **changed}), assertion)


def test_a_signature_runs_out(
    device: SoftwareKey, victor: Person, in_review: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = words(in_review)
    assertion = device.get(review_options(actor=victor, request=in_review, words=said))
    PendingStatement.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(WrongCredentialError, match="has run out"):
        sign(victor, in_review, said, assertion)


def test_a_counter_that_goes_back_betrays_a_copied_key(
    device: SoftwareKey, victor: Person, in_review: PromotionRequest
) -> None:
    said = words(in_review, verdict="comment", meaning="reviewed", conditions=())
    for _ in range(2):
        sign(victor, in_review, said, device.get(review_options(actor=victor, request=in_review, words=said)))
    device.counter = 0
    with pytest.raises(WrongCredentialError, match="sign count"):
        sign(victor, in_review, said, device.get(review_options(actor=victor, request=in_review, words=said)))


def test_a_key_that_nobody_confirmed_signs_nothing(victor: Person, ada: Person, in_review: PromotionRequest) -> None:
    device, key = enrolled(victor, confirmed_by=None)
    said = words(in_review)
    with pytest.raises(WrongCredentialError, match="no security key in use"):
        review_options(actor=victor, request=in_review, words=said)
    other, _ = enrolled(victor, confirmed_by=ada)
    del other
    asked = review_options(actor=victor, request=in_review, words=said)
    with pytest.raises(WrongCredentialError, match="confirm"):
        sign(victor, in_review, said, device.get(asked))
    retire_security_key(actor=ada, key=key, password=PASSWORD)


def test_a_retired_key_signs_nothing(
    device: SoftwareKey, victor: Person, ada: Person, in_review: PromotionRequest
) -> None:
    said = words(in_review)
    asked = review_options(actor=victor, request=in_review, words=said)
    retire_security_key(actor=ada, key=SecurityKey.objects.get(), password=PASSWORD)
    with pytest.raises(WrongCredentialError, match="retired"):
        sign(victor, in_review, said, device.get(asked))


def test_another_persons_key_signs_nothing(
    device: SoftwareKey, victor: Person, rosa: Person, ada: Person, in_review: PromotionRequest
) -> None:
    del device
    hers, _ = enrolled(rosa, confirmed_by=ada)
    said = words(in_review)
    asked = review_options(actor=victor, request=in_review, words=said)
    with pytest.raises(WrongCredentialError, match="not yours"):
        sign(victor, in_review, said, hers.get(asked))
    # Nor can she sign his statement as herself.
    with pytest.raises(WrongCredentialError):
        sign(rosa, in_review, words(in_review, role="risk_officer"), hers.get(asked))


def test_a_password_alone_no_longer_signs_for_whoever_has_a_key(
    device: SoftwareKey, victor: Person, ada: Person, in_review: PromotionRequest
) -> None:
    del device
    said = words(in_review, conditions=())
    with pytest.raises(WrongCredentialError, match="security key"):
        sign(victor, in_review, said, "", password=PASSWORD)
    enrolment = enrol_authenticator(actor=victor, password=PASSWORD)
    confirm_authenticator(
        actor=ada,
        device=enrolment.device,
        code=code(enrolment.secret, timezone.now() - timedelta(seconds=30)),
        password=PASSWORD,
    )
    with pytest.raises(WrongCredentialError, match="security key"):
        sign(victor, in_review, said, "", otp=code(enrolment.secret))
    review = sign(victor, in_review, said, "", password=PASSWORD, otp=code(enrolment.secret))
    assert review.method == "password+totp"


def test_guessing_and_service_accounts_end_here_too(
    device: SoftwareKey, victor: Person, pia: Person, in_review: PromotionRequest
) -> None:
    said = words(in_review)
    with pytest.raises(ServiceAccountError):
        sign(pia, in_review, said, "{}")
    for _ in range(10):
        with pytest.raises(WrongCredentialError):
            sign(victor, in_review, said, "{}")
    with pytest.raises(TooManyAttemptsError):
        sign(victor, in_review, said, device.get(review_options(actor=victor, request=in_review, words=said)))


# -- Enrolment --------------------------------------------------------------------------------------------------------
def test_only_somebody_else_who_manages_people_confirms(victor: Person, maya: Person, ada: Person) -> None:
    _, key = enrolled(victor, confirmed_by=None)
    fingerprint = key.fingerprint
    with pytest.raises(PermissionRefusedError):
        confirm_security_key(actor=maya, key=key, fingerprint=fingerprint, password=PASSWORD)
    with pytest.raises(WrongCredentialError) as refused:
        confirm_security_key(actor=ada, key=key, fingerprint="00000000", password=PASSWORD)
    assert refused.value.field == "fingerprint"
    with pytest.raises(WrongCredentialError):
        confirm_security_key(actor=ada, key=key, fingerprint=fingerprint, password="not it")
    _, own = enrolled(ada, confirmed_by=None)
    with pytest.raises(SeparationOfDutiesError):
        confirm_security_key(actor=ada, key=own, fingerprint=own.fingerprint, password=PASSWORD)
    with pytest.raises(SeparationOfDutiesError):
        retire_security_key(actor=ada, key=own, password=PASSWORD)
    confirm_security_key(actor=ada, key=key, fingerprint=fingerprint, password=PASSWORD)
    with pytest.raises(WrongStateError):
        confirm_security_key(actor=ada, key=key, fingerprint=fingerprint, password=PASSWORD)
    assert verify().problems == ()


def test_an_enrolment_is_good_once_and_for_one_person(victor: Person, rosa: Person) -> None:
    device = SoftwareKey()
    answer = device.create(security_keys.enrolment_options(victor))
    with pytest.raises(WrongCredentialError):
        enrol_security_key(actor=rosa, label="desk", assertion=answer, password=PASSWORD)
    enrol_security_key(actor=victor, label="desk", assertion=answer, password=PASSWORD)
    with pytest.raises(WrongCredentialError, match="used already"):
        enrol_security_key(actor=victor, label="desk", assertion=answer, password=PASSWORD)
    again = device.create(security_keys.enrolment_options(rosa))
    with pytest.raises(WrongStateError, match="already"):
        enrol_security_key(actor=rosa, label="desk", assertion=again, password=PASSWORD)


# -- The stranger's verifier ------------------------------------------------------------------------------------------
def _forged(papers: dict[str, str], **changed: str) -> dict[str, str]:
    statement = json.loads(papers["statement"])
    return {**papers, "statement": json.dumps({**statement, **changed})}


def test_the_verifier_finds_a_review_that_its_reviewer_never_signed(
    device: SoftwareKey, victor: Person, in_review: PromotionRequest
) -> None:
    said = words(in_review)
    review = sign(victor, in_review, said, device.get(review_options(actor=victor, request=in_review, words=said)))
    papers = papers_of(review)
    entry = LedgerEntry.objects.get(event="authenticator.confirmed")
    shown = {
        "name": "Victor Vogel",
        "verdict": "approve",
        "role": "model_validator",
        "subject_digest": in_review.subject_digest,
        "assertion": papers,
    }
    ledger = {"entries": [{"body": base64.b64encode(bytes(entry.body)).decode()}]}

    def check(**changed: Any) -> Outcome:
        outcome = Outcome()
        check_reviews({"reviews": [{**shown, **changed}], "ledger": changed.pop("ledger", ledger)}, outcome)
        return outcome

    assert "1 reviews are signed" in check().held[0]
    signature = base64.b64encode(base64.b64decode(papers["signature"])[:-1] + b"\0").decode()
    forgeries: list[tuple[dict[str, Any], str]] = [
        ({"verdict": "reject"}, "signed was 'approve'"),
        ({"role": "risk_officer"}, "signed was 'model_validator'"),
        ({"subject_digest": "sha256:" + "0" * 64}, "subject_digest"),
        ({"assertion": _forged(papers, verdict="reject")}, "another statement"),
        ({"assertion": {**papers, "signature": signature}}, "does not hold"),
        ({"assertion": {**papers, "signature": "%"}}, "malformed"),
        ({"ledger": {"entries": []}}, "does not tell to be that person's"),
    ]
    for changed, named in forgeries:
        with pytest.raises(TamperedError, match=named):
            check(**changed)
