from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from governance.access.tokens import Scope
from governance.models import Incident, PromotionRequest
from registry.models import ModelVersion, Person
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD

INCIDENTS = "/api/v1/incidents/"
BODY = {"model": "care-priority", "version": 1, "title": "Late calls", "description": "Two patients were called late."}
GATE = "/api/v1/gates/staging/?model=care-priority&version=1"


def test_a_monitor_reports_and_a_person_closes(
    approved: PromotionRequest, pia: Person, rosa: Person, maya: Person, connect: Connect
) -> None:
    answer = connect(pia, Scope.MONITOR_WRITE).post(INCIDENTS, BODY, format="json")
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert (made["reported_by"], made["serious"], made["closed_at"]) == ("pia", True, None)
    assert connect(maya).get(GATE).json()["decision"] == "closed"

    close = f"{INCIDENTS}{made['id']}/close/"
    words = {"reason": "The list is sorted anew.", "password": PASSWORD}
    refused(connect(pia).post(close, words, format="json"), 403, "permission-refused")
    refused(connect(rosa).post(close, {**words, "password": "x"}, format="json"), 403, "wrong-credential", "password")
    ended = connect(rosa).post(close, words, format="json").json()
    assert (ended["closed_by"], ended["closing_reason"]) == ("rosa", words["reason"])
    assert connect(maya).get(GATE).json()["decision"] == "open"
    refused(connect(rosa).post(close, words, format="json"), 409, "wrong-state")


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"title": ""}, 422, "invalid-input", "title"),
        ({"description": " "}, 422, "invalid-input", "description"),
        ({"version": 9}, 404, "unknown-subject", "version"),
        ({"model": "none"}, 404, "unknown-subject", "model"),
        ({"version": 0}, 400, "malformed", "version"),
        ({"reported_by": "victor"}, 400, "malformed", "reported_by"),
    ],
)
def test_a_faulty_report_is_refused(
    version: ModelVersion,
    maya: Person,
    connect: Connect,
    changes: dict[str, Any],
    status: int,
    code: str,
    field: str,
) -> None:
    refused(connect(maya).post(INCIDENTS, {**BODY, **changes}, format="json"), status, code, field)
    assert not Incident.objects.exists()


def test_lists_are_filtered_and_for_those_who_see_the_model(
    version: ModelVersion, maya: Person, otto: Person, connect: Connect
) -> None:
    client = connect(maya)
    client.post(INCIDENTS, BODY, format="json")
    client.post(INCIDENTS, {**BODY, "serious": False}, format="json")
    assert client.get(INCIDENTS).json()["count"] == 2
    assert client.get(f"{INCIDENTS}?serious=true&is_open=true&model=care-priority").json()["count"] == 1
    assert client.get(f"{INCIDENTS}?is_open=false").json()["count"] == 0
    assert connect(otto).get(INCIDENTS).json()["count"] == 0
    refused(connect(otto).post(INCIDENTS, BODY, format="json"), 403, "permission-refused")
    refused(client.post(f"{INCIDENTS}99/close/", {"reason": "x"}, format="json"), 404, "unknown-subject")


def test_the_pages_do_the_same(version: ModelVersion, maya: Person, rosa: Person) -> None:
    def browser(person: Person) -> Client:
        made = Client()
        made.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return made

    page = reverse("model-version", args=["care-priority", 1])
    report = reverse("incident-report", args=["care-priority", 1])
    asks = browser(maya)
    assert report in asks.get(page).content.decode()
    assert asks.post(report, {"title": "Late calls", "description": ""}).status_code == 422
    told = {"title": "Late calls", "description": "Two were called late.", "serious": "on"}
    assert asks.post(report, told).status_code == 302
    shown = asks.get(page).content.decode()
    assert "Late calls" in shown
    assert "open, serious" in shown

    close = reverse("incident-close", args=[Incident.objects.get().pk])
    assert "somebody else must close" in asks.get(close).content.decode()
    assert browser(rosa).post(close, {"reason": "Mended.", "password": PASSWORD}).status_code == 302
    assert "Closed by Rosa Reyes" in asks.get(page).content.decode()
