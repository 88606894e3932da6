"""The page and the path that tell which checks would never stop anybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from audits.checks.scorers import skops_file
from audits.health import ENOUGH, MEANINGS, TYPES_REFUSED, Condition
from audits.models import AuditRun, Finding, Observation
from governance.access.tokens import Scope
from governance.pages.words import badge
from registry.models import ModelVersion, Person
from tests.governance.api.conftest import Connect, connect, refused  # noqa: F401
from tests.governance.pages.conftest import Browser

PAGE, PATH = "gate-health", "/api/v1/gate-health/"
CHECK = "fairness.group_metrics"


@pytest.fixture
def judged(version: ModelVersion) -> None:
    """One check whose criteria were always satisfied."""
    now = timezone.now()
    for number in range(ENOUGH):
        run = AuditRun.objects.create(version=version, plan={}, plan_digest="sha256:1", opened_at=now)
        common = {"run": run, "digest": "sha256:2", "measured_at": now}
        document = {"measurement": {"values": [{"not_estimable": ""}]}}
        Observation(
            check_id=CHECK, check_version="1", status="measured", duration_seconds=1.0, document=document, **common
        ).save()
        told = {"criterion": {"check": CHECK}}
        Finding(criterion_id=f"c{number}", outcome="satisfied", explanation="", document=told, **common).save()


def test_before_the_first_run_the_page_says_so(vera: Person, signed_in: Browser) -> None:
    text = signed_in(vera).get(reverse(PAGE)).content.decode()
    assert "No check has run yet" in text
    assert text.count("never ran") >= len(settings.ASSAY_CHECKS)


@pytest.mark.usefixtures("judged")
def test_a_check_that_never_failed_stands_first(vera: Person, signed_in: Browser) -> None:
    answer = signed_in(vera).get(reverse(PAGE))
    first, title = answer.context["rows"][0]
    assert (first.check, first.condition, title) == (CHECK, Condition.NEVER_FAILED, "Group fairness of decisions")
    assert f"1 of {len(settings.ASSAY_CHECKS)} checks need a look" in answer.content.decode()


@pytest.mark.usefixtures("judged")
def test_the_api_tells_the_same(vera: Person, connect: Connect) -> None:  # noqa: F811
    rows = connect(vera, Scope.REPORT_READ).get(PATH).json()
    assert rows[0]["check"] == CHECK
    assert rows[0]["condition"] == "never failed"
    assert rows[0]["satisfied"] == ENOUGH
    assert {row["condition"] for row in rows[1:]} == {"never ran"}


def test_types_that_nobody_has_reviewed_are_listed(version: ModelVersion, vera: Person, signed_in: Browser) -> None:
    now = timezone.now()
    run = AuditRun.objects.create(version=version, plan={}, plan_digest="sha256:1", opened_at=now)
    assert "No file was refused for its types." in signed_in(vera).get(reverse(PAGE)).content.decode()
    for number, problem in enumerate((f"model: {TYPES_REFUSED}: own.Layer, own.Scaler. An administrator", "other")):
        Observation(
            run=run,
            check_id=f"a.{number}",
            check_version="1",
            status="error",
            duration_seconds=1.0,
            document={"error": {"code": "evidence-invalid", "message": problem}},
            digest="sha256:2",
            measured_at=now,
        ).save()
    [(refused_version, _, message)] = signed_in(vera).get(reverse(PAGE)).context["refusals"]
    assert refused_version == version
    assert "own.Layer, own.Scaler" in message


def test_the_words_of_the_refusal_are_those_that_are_looked_for() -> None:
    source = Path(skops_file.__file__).read_text()
    assert TYPES_REFUSED in source


def test_outsiders_see_neither(otto: Person, signed_in: Browser, connect: Connect) -> None:  # noqa: F811
    assert signed_in(otto).get(reverse(PAGE)).status_code == 403
    refused(connect(otto).get(PATH), 403, "permission-refused")


def test_the_sidebar_leads_there(vera: Person, otto: Person, signed_in: Browser) -> None:
    link = f'href="{reverse(PAGE)}"'
    assert link in signed_in(vera).get(reverse("promotions")).content.decode()
    assert link not in signed_in(otto).get(reverse("promotions")).content.decode()


@pytest.mark.parametrize("condition", Condition)
def test_every_condition_has_its_meaning_and_its_badge(condition: Condition) -> None:
    assert MEANINGS[condition].endswith(".")
    assert badge("health", condition).shape != "?"
