"""One-time codes beside a decision: enrolled by the person, confirmed by somebody else, each good for once."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance.errors import (
    SeparationOfDutiesError,
    ServiceAccountError,
    TooManyAttemptsError,
    WrongCredentialError,
    WrongStateError,
)
from governance.models import PromotionRequest, TotpDevice
from governance.signatures import authenticators, enrolments
from governance.signatures.credentials import prove
from registry.errors import PermissionRefusedError
from registry.models import LedgerEntry, Person
from tests.people import PASSWORD
from tests.stories import approve

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time, for the test to turn."""
    times = [NOW]
    monkeypatch.setattr("django.utils.timezone.now", lambda: times[0])
    return times


def code(secret: str, at: datetime | None = None) -> str:
    """What the telephone shows."""
    moment = at or timezone.now()
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(moment.timestamp())).decode()  # noqa: S303


@pytest.fixture
def secret(clock: list[datetime], victor: Person, ada: Person) -> str:
    """Victor's authenticator, confirmed by Ada a minute ago."""
    enrolment = enrolments.enrol_authenticator(actor=victor, password=PASSWORD)
    enrolments.confirm_authenticator(actor=ada, device=enrolment.device, code=code(enrolment.secret), password=PASSWORD)
    clock[0] += timedelta(minutes=1)
    return enrolment.secret


def test_the_codes_are_those_of_rfc_6238() -> None:
    """Appendix B: the last six digits of the eight given there for SHA-1."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    for seconds, expected in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert code(secret, datetime.fromtimestamp(seconds, UTC)) == expected


def test_a_review_is_signed_with_a_code(
    in_review: PromotionRequest, clock: list[datetime], victor: Person, ada: Person
) -> None:
    enrolment = enrolments.enrol_authenticator(actor=victor, password=PASSWORD)
    enrolments.confirm_authenticator(actor=ada, device=enrolment.device, code=code(enrolment.secret), password=PASSWORD)
    clock[0] += timedelta(minutes=1)
    review = approve(in_review, victor, "model_validator", password="", otp=code(enrolment.secret))
    assert review.method == "totp"


def test_with_the_password_it_is_both(secret: str, victor: Person) -> None:
    with transaction.atomic():
        assert prove(victor, password=PASSWORD, otp=code(secret)) == "password+totp"


def test_who_has_an_authenticator_cannot_sign_by_password_alone(secret: str, victor: Person) -> None:
    with pytest.raises(WrongCredentialError) as caught:
        prove(victor, password=PASSWORD)
    assert caught.value.field == "otp"


def test_a_wrong_password_is_not_mended_by_a_right_code(secret: str, victor: Person) -> None:
    with pytest.raises(WrongCredentialError):
        prove(victor, password="guessed", otp=code(secret))


def test_a_code_is_good_for_once(secret: str, victor: Person) -> None:
    with transaction.atomic():
        prove(victor, otp=code(secret))
        with pytest.raises(WrongCredentialError):
            prove(victor, otp=code(secret))


@pytest.mark.parametrize(("seconds", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_a_step_off_and_no_more(secret: str, victor: Person, seconds: int, *, accepted: bool) -> None:
    shown = code(secret, timezone.now() + timedelta(seconds=seconds))
    with transaction.atomic():
        assert authenticators.accepts(TotpDevice.objects.get(), shown) == accepted


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "000000 "])
def test_what_is_no_code_is_refused(secret: str, victor: Person, typed: str) -> None:
    assert not authenticators.accepts(TotpDevice.objects.get(), typed)


def test_a_code_without_an_authenticator_is_refused(victor: Person) -> None:
    with pytest.raises(WrongCredentialError) as caught:
        prove(victor, password=PASSWORD, otp="123456")
    assert caught.value.field == "otp"


def test_an_unconfirmed_authenticator_counts_for_nothing(victor: Person) -> None:
    enrolment = enrolments.enrol_authenticator(actor=victor, password=PASSWORD)
    with pytest.raises(WrongCredentialError):
        prove(victor, otp=code(enrolment.secret))
    assert prove(victor, password=PASSWORD) == "password"


def test_only_somebody_else_who_manages_people_confirms(victor: Person, vera: Person, ada: Person) -> None:
    enrolment = enrolments.enrol_authenticator(actor=victor, password=PASSWORD)
    facts: dict[str, Any] = {"device": enrolment.device, "code": code(enrolment.secret), "password": PASSWORD}
    with pytest.raises(PermissionRefusedError):
        enrolments.confirm_authenticator(actor=vera, **facts)
    own = enrolments.enrol_authenticator(actor=ada, password=PASSWORD)
    with pytest.raises(SeparationOfDutiesError):
        enrolments.confirm_authenticator(actor=ada, device=own.device, code=code(own.secret), password=PASSWORD)
    with pytest.raises(WrongCredentialError):
        enrolments.confirm_authenticator(actor=ada, **{**facts, "code": "000000"})


def test_a_new_authenticator_retires_the_old_one(
    secret: str, clock: list[datetime], victor: Person, ada: Person
) -> None:
    with transaction.atomic():
        second = enrolments.enrol_authenticator(actor=victor, password="", otp=code(secret))
    clock[0] += timedelta(minutes=1)
    enrolments.confirm_authenticator(actor=ada, device=second.device, code=code(second.secret), password=PASSWORD)
    clock[0] += timedelta(minutes=1)
    with transaction.atomic(), pytest.raises(WrongCredentialError):
        prove(victor, otp=code(secret))
    with transaction.atomic():
        assert prove(victor, otp=code(second.secret)) == "totp"
    with pytest.raises(WrongStateError):
        enrolments.confirm_authenticator(actor=ada, device=second.device, code="000000", password=PASSWORD)


def test_a_lost_authenticator_is_retired_by_somebody_else(secret: str, victor: Person, ada: Person) -> None:
    device = TotpDevice.objects.get()
    with pytest.raises(PermissionRefusedError):
        enrolments.retire_authenticator(actor=victor, device=device, password=PASSWORD)
    enrolments.retire_authenticator(actor=ada, device=device, password=PASSWORD)
    with pytest.raises(WrongStateError):
        enrolments.retire_authenticator(actor=ada, device=device, password=PASSWORD)
    assert prove(victor, password=PASSWORD) == "password"
    assert LedgerEntry.objects.filter(event="authenticator.retired").count() == 1


def test_the_database_holds_no_secret_in_the_clear(secret: str, victor: Person) -> None:
    stored = bytes(TotpDevice.objects.get().secret)
    assert base64.b32decode(secret) not in stored
    assert (settings.ASSAY_KEYS / "authenticators.key").stat().st_mode & 0o077 == 0


def test_a_secret_moved_to_somebody_else_is_worth_nothing(secret: str, vera: Person) -> None:
    TotpDevice.objects.update(person=vera)
    with transaction.atomic():
        assert not authenticators.accepts(TotpDevice.objects.get(), code(secret))


def test_nobody_confirms_their_own_in_the_database_either(victor: Person) -> None:
    device = enrolments.enrol_authenticator(actor=victor, password=PASSWORD).device
    with pytest.raises(IntegrityError), transaction.atomic():
        TotpDevice.objects.filter(pk=device.pk).update(confirmed_at=NOW, confirmed_by=victor)


def test_a_pipeline_has_no_authenticator(pia: Person) -> None:
    with pytest.raises(ServiceAccountError):
        enrolments.enrol_authenticator(actor=pia, password=PASSWORD)


def test_after_ten_wrong_ones_even_the_right_one_waits(
    in_review: PromotionRequest, victor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        with pytest.raises(WrongCredentialError):
            approve(in_review, victor, "model_validator", password="guessed")
    with pytest.raises(TooManyAttemptsError):
        approve(in_review, victor, "model_validator")
    later = timezone.now() + timedelta(minutes=15, seconds=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert approve(in_review, victor, "model_validator").method == "password"
