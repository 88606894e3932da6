"""An authenticator is shown once, and counts once somebody else has confirmed it."""

from __future__ import annotations

from django.urls import reverse

from governance.models import TotpDevice
from governance.signatures.authenticators import device_of
from registry.models import Person
from tests.codes import code_of
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD

ENROL, LISTED = reverse("authenticator-enrol"), reverse("authenticators")


def test_victor_enrols_and_ada_confirms_and_retires(victor: Person, ada: Person, signed_in: Browser) -> None:
    shown = signed_in(victor).post(ENROL, {"password": PASSWORD})
    secret = shown.context["enrolment"].secret
    assert secret in shown.content.decode()
    assert secret not in signed_in(victor).get(LISTED).content.decode()
    device = TotpDevice.objects.get()
    confirm, retire = (reverse(f"authenticator-{verb}", args=[device.pk]) for verb in ("confirm", "retire"))
    told = {"code": code_of(secret), "password": PASSWORD}

    assert "Somebody else" not in signed_in(ada).get(confirm).content.decode()
    assert "somebody else must" in signed_in(victor).get(confirm).content.decode()
    assert signed_in(victor).post(confirm, told).status_code == 422
    assert signed_in(ada).post(confirm, told | {"code": "000000"}).status_code == 422
    assert signed_in(ada).post(confirm, told | {"password": "guessed"}).status_code == 422
    assert device_of(victor) is None
    assert signed_in(ada).post(confirm, told).status_code == 302
    assert device_of(victor) == device

    assert signed_in(victor).post(retire, {"password": PASSWORD}).status_code == 422
    assert signed_in(ada).post(retire, {"password": PASSWORD}).status_code == 302
    assert device_of(victor) is None


def test_a_wrong_password_shows_no_secret(victor: Person, signed_in: Browser) -> None:
    answer = signed_in(victor).post(ENROL, {"password": "guessed"})
    assert answer.status_code == 422
    assert not TotpDevice.objects.exists()


def test_nobody_sees_the_authenticators_of_others(victor: Person, vera: Person, signed_in: Browser) -> None:
    signed_in(victor).post(ENROL, {"password": PASSWORD})
    device = TotpDevice.objects.get()
    assert signed_in(vera).get(reverse("authenticator-confirm", args=[device.pk])).status_code == 404
    assert "Victor" not in signed_in(vera).get(LISTED).content.decode()
