"""The fullest story there is: rows of nearly every kind, for tests that walk all lists and pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audits.models import Report
from governance.access.tokens import issue_token
from governance.broken_glass import break_glass, review_broken_glass
from governance.incidents import report_incident
from governance.models import PromotionRequest
from governance.models.access import Role
from governance.promotions import complete
from governance.signatures.reviews import NewCondition
from governance.waivers import decide_waiver, request_waiver
from registry.dataset_cards import card_of, write_card
from registry.datasets import withdraw_dataset_version
from registry.ledger import publish_checkpoint
from registry.models import Person
from registry.work import enqueue
from tests.governance.assurance import legal_answers
from tests.people import PASSWORD, World
from tests.stories import GLASS, approve, ask, gap, measure, result, rules


@pytest.fixture
def full(approved: PromotionRequest, mel: Person, ada: Person, dora: Person, world: World) -> PromotionRequest:
    """A promotion that has left a row of nearly every kind."""
    complete(actor=mel, request=approved)
    issue_token(actor=ada, owner=ada, label="nightly", scopes=["gate:read"])
    publish_checkpoint()
    enqueue(kind="nothing", key="nothing", payload={})
    write_card(
        actor=dora,
        version=world.evaluation,
        document={"licence": "MIT"},
        reason="asked the clinic",
        replaces=card_of(world.evaluation).digest,
    )
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent withdrawn")
    Report(
        number="AR-1",
        subject=f"promotion:{approved.pk}",
        as_of=timezone.now().date(),
        file_digest="sha256:" + "0" * 64,
        evidence_digest="sha256:" + "0" * 64,
        created_at=timezone.now(),
    ).save()
    return approved


@pytest.fixture
def exceptional(full: PromotionRequest, world: World, maya: Person, victor: Person, rosa: Person, dora: Person) -> None:
    """Beside it, a condition, a waiver, an incident, and broken glass that Victor upheld."""
    carla = Person.objects.get(username="carla")
    rules(carla, rosa, GLASS)
    good, bad = (world.version(content, datasets={}) for content in (b"two", b"three"))
    due = NewCondition("Retrain with the new codes.", timezone.now() + timedelta(days=2))
    approve(measure(ask(maya, good)), victor, "model_validator", conditions=(due,))
    request = measure(ask(maya, bad), result(gap(0.45)))
    waiver = request_waiver(
        actor=maya,
        request=request,
        criterion_id="selection-gap",
        justification="The register is being completed.",
        compensating_control="A nurse checks each call.",
        expires_at=timezone.now() + timedelta(days=10),
    )
    facts = {"role": Role.DATA_PROTECTION_OFFICER, "reason": "not now", "password": PASSWORD}
    decide_waiver(actor=dora, waiver=waiver, granted=False, **facts)
    broken = break_glass(actor=rosa, request=request, justification="Patients wait.", hours=4, password=PASSWORD)
    view = {"role": Role.MODEL_VALIDATOR, "reason": "It was right.", "password": PASSWORD}
    review_broken_glass(actor=victor, broken=broken, upheld=True, **view)
    report_incident(actor=maya, version=good, title="Late calls", description="Two were called late.")
    legal_answers(world, carla)
