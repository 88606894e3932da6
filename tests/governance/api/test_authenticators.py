from __future__ import annotations

import pytest

from governance.access.tokens import Scope
from governance.models import PromotionRequest, TotpDevice
from registry.models import Person
from tests.codes import code_of
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD

PATH = "/api/v1/authenticators/"
SIGNED = {"password": PASSWORD}


def test_it_counts_once_somebody_else_confirmed_it(
    in_review: PromotionRequest, victor: Person, ada: Person, connect: Connect
) -> None:
    client = connect(victor)
    made = client.post(PATH, SIGNED, format="json")
    assert made.status_code == 201, made.json()
    told = made.json()
    assert told["address"].startswith("otpauth://totp/")
    assert told["confirmed_at"] is None
    assert "secret" not in client.get(PATH).json()["results"][0]

    confirm = f"{PATH}{told['id']}/confirm/"
    body = {**SIGNED, "code": code_of(told["secret"])}
    refused(client.post(confirm, body, format="json"), 403, "permission-refused")
    refused(connect(ada).post(confirm, {**body, "code": "000000"}, format="json"), 403, "wrong-credential", "code")
    assert connect(ada).post(confirm, body, format="json").json()["confirmed_by"] == "ada"
    refused(connect(ada).post(confirm, body, format="json"), 409, "wrong-state")

    # From now on the password alone signs nothing.
    refused(client.post(PATH, SIGNED, format="json"), 403, "wrong-credential", "otp")
    again = {**SIGNED, "otp": code_of(told["secret"], steps=1)}
    assert client.post(PATH, again, format="json").status_code == 201


def test_it_is_retired_by_somebody_else(victor: Person, ada: Person, connect: Connect) -> None:
    told = connect(victor).post(PATH, SIGNED, format="json").json()
    retire = f"{PATH}{told['id']}/retire/"
    refused(connect(victor).post(retire, SIGNED, format="json"), 403, "permission-refused")
    assert connect(ada).post(retire, SIGNED, format="json").json()["retired_at"] is not None
    refused(connect(ada).post(retire, SIGNED, format="json"), 409, "wrong-state")


def test_nobody_confirms_or_retires_their_own(ada: Person, connect: Connect) -> None:
    told = connect(ada).post(PATH, SIGNED, format="json").json()
    body = {**SIGNED, "code": code_of(told["secret"])}
    refused(connect(ada).post(f"{PATH}{told['id']}/confirm/", body, format="json"), 403, "separation-of-duties")
    refused(connect(ada).post(f"{PATH}{told['id']}/retire/", SIGNED, format="json"), 403, "separation-of-duties")


def test_a_repeated_request_is_answered_without_the_secret(victor: Person, connect: Connect) -> None:
    client = connect(victor)
    first = client.post(PATH, SIGNED, format="json", HTTP_IDEMPOTENCY_KEY="enrol").json()
    second = client.post(PATH, SIGNED, format="json", HTTP_IDEMPOTENCY_KEY="enrol").json()
    assert first["secret"]
    assert (second["id"], second["secret"], second["address"]) == (first["id"], None, None)
    assert TotpDevice.objects.count() == 1


@pytest.mark.parametrize("what", ["confirm", "retire"])
def test_others_know_nothing_of_it(victor: Person, vera: Person, connect: Connect, what: str) -> None:
    told = connect(victor).post(PATH, SIGNED, format="json").json()
    client = connect(vera)
    assert client.get(PATH).json()["count"] == 0
    body = {**SIGNED, "code": "000000"} if what == "confirm" else SIGNED
    refused(client.post(f"{PATH}{told['id']}/{what}/", body, format="json"), 404, "unknown-subject")


def test_a_pipeline_and_a_narrow_token_enrol_nothing(pia: Person, victor: Person, connect: Connect) -> None:
    refused(connect(pia).post(PATH, SIGNED, format="json"), 403, "service-account")
    refused(connect(victor, Scope.GATE_READ).post(PATH, SIGNED, format="json"), 403, "scope-missing")
