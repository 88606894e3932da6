"""A classification by Carla, and a control that she owes and answers."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from governance.law.classifications import assign_control, attest, classify_model
from governance.models import Attestation
from registry.models import Person
from tests.governance.law.test_classification_rules import PLAIN
from tests.people import PASSWORD, World

CONTROL = "aia-14-1"


def legal_answers(world: World, carla: Person) -> Attestation:
    """The answer, which stands for ninety days."""
    today = timezone.now().date()
    classify_model(actor=carla, model=world.model, answers=PLAIN, reasons="It orders calls.", password=PASSWORD)
    assign_control(actor=carla, model=world.model, control_id=CONTROL, owner=carla, due=today + timedelta(days=10))
    return attest(
        actor=carla,
        model=world.model,
        control_id=CONTROL,
        answer="A nurse decides each case.",
        expires_on=today + timedelta(days=90),
        password=PASSWORD,
    )
