"""Classifications, controls owed and attestations, as the admin lists them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from audits.frameworks.catalogue import Catalogue
from governance.law.classifications import assign_control
from governance.models import Attestation, Classification
from registry.models import ModelVersion, Person
from tests import intruder
from tests.governance.assurance import CONTROL, legal_answers
from tests.governance.pages.conftest import Browser
from tests.people import World

LISTS = {name: f"admin:governance_{name}_changelist" for name in ("classification", "controlassignment", "attestation")}


@pytest.fixture
def answered(world: World, version: ModelVersion, carla: Person) -> Attestation:
    return legal_answers(world, carla)


def test_the_page_of_a_classification_has_its_answers_and_reasons(
    answered: Attestation, ada: Person, signed_in: Browser
) -> None:
    made = Classification.objects.get()
    page = signed_in(ada).get(reverse("admin:governance_classification_change", args=[made.pk])).content.decode()
    assert "It orders calls." in page
    assert "automated_decision" in page


def test_the_page_of_an_attestation_says_what_was_asked_answered_and_owed(
    answered: Attestation, ada: Person, signed_in: Browser
) -> None:
    page = signed_in(ada).get(reverse("admin:governance_attestation_change", args=[answered.pk])).content.decode()
    for told in ("A nurse decides each case.", "carla", "Carla Conti", "stands"):
        assert told in page
    assert reverse("coverage", args=["care-priority", 1]) in page


@pytest.mark.parametrize(
    ("name", "query", "count"),
    [
        ("controlassignment", {"state": "answered"}, 1),
        ("controlassignment", {"state": "awaited"}, 0),
        ("controlassignment", {"state": "overdue"}, 0),
        ("attestation", {"state": "stands"}, 1),
        ("attestation", {"state": "overdue"}, 0),
        ("attestation", {"framework": Catalogue.load().control(CONTROL).framework}, 1),
        ("attestation", {"framework": "GDPR"}, 0),
        ("classification", {"outcome__exact": "high"}, 0),
    ],
)
def test_a_filter_keeps_what_it_names(
    answered: Attestation, ada: Person, signed_in: Browser, name: str, query: dict[str, str], count: int
) -> None:
    assert signed_in(ada).get(reverse(LISTS[name]), query).context["cl"].result_count == count


def test_an_answer_that_has_ended_is_overdue_and_so_is_who_owes_it(
    answered: Attestation, ada: Person, signed_in: Browser
) -> None:
    intruder.run("UPDATE governance_attestation SET expires_on = '2026-01-01'")
    intruder.run("UPDATE governance_controlassignment SET due = '2026-01-01'")
    for name in ("attestation", "controlassignment"):
        found = signed_in(ada).get(reverse(LISTS[name]), {"state": "overdue"})
        assert found.context["cl"].result_count == 1
        assert "overdue" in found.content.decode()


def test_only_the_newest_assignment_is_owed(
    answered: Attestation, world: World, carla: Person, ada: Person, signed_in: Browser
) -> None:
    later = timezone.now().date() + timedelta(days=20)
    assign_control(actor=carla, model=world.model, control_id=CONTROL, owner=carla, due=later)
    client = signed_in(ada)
    assert client.get(reverse(LISTS["controlassignment"]), {"state": "replaced"}).context["cl"].result_count == 1
    assert client.get(reverse(LISTS["controlassignment"]), {"state": "answered"}).context["cl"].result_count == 1
