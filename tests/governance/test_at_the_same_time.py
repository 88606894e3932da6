"""Many people at the same moment, on PostgreSQL: exactly one outcome, no deadlock, no lost entry."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from governance import replay
from governance.access.roles import ensure_roles
from governance.models import GateDecision, PromotionRequest, Review
from governance.models.access import Role
from governance.promotions import complete, rerun_checks, withdraw_request
from registry.errors import AssayError
from registry.graph import document
from registry.lineage_events import rebuild, receive
from registry.models import LedgerEntry, LineageDelivery, LineageEvent, Person, StageAssignment
from registry.verification import verify
from tests.people import person
from tests.registry.lineage.events import data, raw, run_event
from tests.stories import approve, measure

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
MANY = 50
State = PromotionRequest.State


@pytest.fixture(autouse=True)
def _roles(transactional_db: None) -> None:
    """A transactional test begins with emptied tables."""
    from django.apps import apps
    from django.contrib.auth.management import create_permissions

    for config in apps.get_app_configs():
        create_permissions(config, verbosity=0)
    ensure_roles()


def at_once(*deeds: Callable[[], Any]) -> list[str]:
    """Do all deeds at the same moment, each on a connection of its own; what came of each, by error code or `done`."""
    start, outcomes = threading.Barrier(len(deeds)), ["lost"] * len(deeds)

    def run(number: int, deed: Callable[[], Any]) -> None:
        try:
            start.wait(timeout=60)
            deed()
            outcomes[number] = "done"
        except AssayError as error:
            outcomes[number] = error.code
        except Exception as error:  # noqa: BLE001  (a deadlock or a lost connection is exactly what must be seen)
            outcomes[number] = f"{type(error).__name__}: {error}"
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=entry) for entry in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    return outcomes


def sound() -> None:
    """The log has no gap and tells what the tables hold."""
    verified = verify()
    assert verified.problem == ""
    assert verified.size == LedgerEntry.objects.count()
    assert replay.contradictions() == []


def test_fifty_reviews_by_one_person_are_one(in_review: PromotionRequest, victor: Person) -> None:
    outcomes = Counter(at_once(*[lambda: approve(in_review, victor, "model_validator")] * MANY))
    assert outcomes == {"done": 1, "double-review": MANY - 1}
    assert Review.objects.count() == 1
    assert LedgerEntry.objects.filter(event="review.recorded").count() == 1
    assert LedgerEntry.objects.filter(event="action.refused").count() == MANY - 1
    sound()


def test_fifty_people_decide_at_once_and_it_is_decided_once(in_review: PromotionRequest, rosa: Person) -> None:
    people = [person(f"validator{number}", Role.MODEL_VALIDATOR) for number in range(MANY - 1)]
    deeds = [lambda who=who: approve(in_review, who, "model_validator") for who in people]
    outcomes = Counter(at_once(*deeds, lambda: approve(in_review, rosa, "risk_officer")))
    assert set(outcomes) <= {"done", "wrong-state"}
    in_review.refresh_from_db()
    assert in_review.state == State.APPROVED
    assert GateDecision.objects.filter(outcome="open").count() == 1
    assert Review.objects.count() == outcomes["done"]
    sound()


def test_fifty_completions_of_one_approval_put_it_there_once(approved: PromotionRequest, mel: Person) -> None:
    outcomes = Counter(at_once(*[lambda: complete(actor=mel, request=approved)] * MANY))
    assert outcomes == {"done": 1, "wrong-state": MANY - 1}
    assert StageAssignment.objects.count() == 1
    sound()


def test_different_verbs_on_one_request_never_wait_for_each_other_in_a_circle(
    in_review: PromotionRequest, maya: Person, victor: Person, rosa: Person
) -> None:
    def look_again() -> None:
        fresh = rerun_checks(actor=maya, request=in_review, reason="again")
        measure(fresh)

    deeds: list[Callable[[], Any]] = []
    for _ in range(12):
        deeds += [
            look_again,
            lambda: approve(in_review, victor, "model_validator"),
            lambda: approve(in_review, rosa, "risk_officer"),
            lambda: complete(actor=maya, request=in_review),
        ]
    deeds += [lambda: withdraw_request(actor=maya, request=in_review, reason="x")] * 2
    outcomes = Counter(at_once(*deeds))
    strange = {name for name in outcomes if ":" in name or name == "lost"}
    assert not strange
    sound()


def test_the_same_events_in_many_calls_are_kept_once() -> None:
    pia = person("pia", Role.OPERATOR, is_service=True)
    told = [raw(run_event(job=f"job {number}", outputs=[data(f"table {number}")])) for number in range(20)]
    outcomes = at_once(*[lambda: receive(actor=pia, events=told)] * 8)
    assert Counter(outcomes) == {"done": 8}
    assert LineageEvent.objects.count() == 20
    assert LineageDelivery.objects.count() == 1
    kept = document()
    rebuild()
    assert document() == kept
