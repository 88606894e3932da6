"""An incident closes the gates of its version, at dispatch too, until somebody else answers for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from governance.access.roles import group_for
from governance.broken_glass import break_glass
from governance.decisions import ask_gate
from governance.errors import (
    BreakGlassRefusedError,
    GateClosedError,
    SeparationOfDutiesError,
    WrongCredentialError,
    WrongStateError,
)
from governance.incidents import close_incident, report_incident
from governance.models import Incident, IncidentEnd, PromotionRequest
from governance.models.access import Role
from governance.policies import Gate, IncidentRule, policy_from_document
from governance.policies.diffs import Bearing, differences
from governance.promotions import complete
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, ModelVersion, Person, StageAssignment
from registry.refused import HeldByDatabaseError
from tests.people import PASSWORD, World
from tests.stories import WAIVERS, approve, ask, measure, rules

SERIOUS_ONLY = (WAIVERS, f"{WAIVERS}    incidents: serious\n")


def harm(actor: Person, version: ModelVersion, **changes: Any) -> Incident:
    facts = {"title": "Calls went to the wrong people.", "description": "Two patients were called late."}
    return report_incident(actor=actor, version=version, **{**facts, **changes})


def codes(version: ModelVersion) -> list[str]:
    return [reason["code"] for reason in ask_gate(version=version, stage="staging").blocking]


def end(actor: Person, incident: Incident, **changes: Any) -> IncidentEnd:
    facts = {"reason": "The list is sorted anew.", "password": PASSWORD}
    return close_incident(actor=actor, incident=incident, **{**facts, **changes})


def test_it_closes_the_gate_at_dispatch_and_its_end_opens_it_again(
    approved: PromotionRequest, version: ModelVersion, maya: Person, mel: Person, rosa: Person
) -> None:
    incident = harm(maya, version)
    assert codes(version) == ["incident-open"]
    with pytest.raises(GateClosedError, match="Incident"):
        complete(actor=mel, request=approved)
    end(rosa, incident)
    assert ask_gate(version=version, stage="staging").is_open
    complete(actor=mel, request=approved)
    assert StageAssignment.objects.current().get(stage="staging").version == version
    assert LedgerEntry.objects.filter(event__startswith="incident.").count() == 2


def test_it_closes_the_gate_of_what_is_in_the_stage_already(
    staged: PromotionRequest, version: ModelVersion, pia: Person
) -> None:
    harm(pia, version)
    assert codes(version) == ["incident-open"]


def test_it_holds_back_its_own_version_only(
    staged: PromotionRequest, world: World, version: ModelVersion, maya: Person, victor: Person, rosa: Person
) -> None:
    harm(maya, version)
    mended = world.version(b"model two")
    request = measure(ask(maya, mended))
    approve(request, victor, "model_validator")
    approve(request, rosa, "risk_officer")
    assert ask_gate(version=mended, stage="staging").is_open


def test_a_policy_may_look_at_serious_ones_only(
    carla: Person, rosa: Person, maya: Person, victor: Person, version: ModelVersion
) -> None:
    rules(carla, rosa, SERIOUS_ONLY)
    request = measure(ask(maya, version))
    approve(request, victor, "model_validator")
    approve(request, rosa, "risk_officer")
    harm(maya, version, serious=False)
    assert codes(version) == []
    harm(maya, version, serious=True)
    assert codes(version) == ["incident-open"]


def test_the_field_stands_in_a_policy_where_it_is_used_and_leans_looser(carla: Person, rosa: Person) -> None:
    before = rules(carla, rosa, (WAIVERS, WAIVERS + "    mode: enforce\n"))
    after = rules(carla, rosa, SERIOUS_ONLY)
    gates: tuple[Gate, ...] = policy_from_document(after.document).gates
    assert [gate.incidents for gate in gates] == [IncidentRule.SERIOUS]
    assert "incidents" not in before.document["gates"][0]
    (change,) = differences(before.rules, after.rules)
    assert change.bearing is Bearing.LOOSER


def test_an_emergency_does_not_set_it_aside(
    emergency: PromotionRequest, version: ModelVersion, maya: Person, rosa: Person
) -> None:
    harm(maya, version)
    with pytest.raises(BreakGlassRefusedError, match="Incident"):
        break_glass(actor=rosa, request=emergency, justification="x", hours=1, password=PASSWORD)


def test_who_may_not_report_or_says_nothing_is_refused(version: ModelVersion, maya: Person, otto: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        harm(otto, version)
    for field in ("title", "description"):
        with pytest.raises(InvalidInputError) as caught:
            harm(maya, version, **{field: " "})
        assert caught.value.field == field
    assert not Incident.objects.exists()
    assert LedgerEntry.objects.filter(event="action.refused").count() == 3


def test_who_made_the_version_or_signs_nothing_closes_nothing(
    version: ModelVersion, maya: Person, victor: Person, rosa: Person
) -> None:
    incident = harm(maya, version)
    with pytest.raises(PermissionRefusedError):
        end(victor, incident)
    maya.groups.add(group_for(Role.RISK_OFFICER))
    with pytest.raises(SeparationOfDutiesError):
        end(maya, incident)
    with pytest.raises(WrongCredentialError):
        end(rosa, incident, password="guessed")
    with pytest.raises(InvalidInputError):
        end(rosa, incident, reason="")
    assert not IncidentEnd.objects.exists()
    end(rosa, incident)
    with pytest.raises(WrongStateError):
        end(rosa, incident)


def test_nobody_rewrites_it_in_the_database(version: ModelVersion, maya: Person) -> None:
    harm(maya, version)
    with pytest.raises(HeldByDatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE governance_incident SET serious = %s", [False])
    with pytest.raises(HeldByDatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM governance_incident")
