"""What a new round carries over, and gates that do not hold back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.decisions import ask_gate
from governance.errors import (
    GateClosedError,
    NotWaivableError,
    WaiverRenewalError,
)
from governance.models import PromotionRequest, PromotionRound
from governance.promotions import complete, rerun_checks
from governance.recalls import RecallPerformer
from governance.waivers import decide_waiver, request_waiver
from registry.datasets import withdraw_dataset_version
from registry.errors import InvalidInputError
from registry.models import ModelVersion, Person, StageAssignment
from tests.people import PASSWORD, World
from tests.stories import WAIVERS, ask, gap, measure, result, rules

State = PromotionRequest.State


def in_production(version: ModelVersion) -> bool:
    return StageAssignment.objects.current().filter(stage="staging", version=version).exists()


@pytest.mark.parametrize("mode", ["warn", "dry-run"])
def test_a_gate_that_is_not_enforced_lets_pass_and_the_record_says_closed(
    carla: Person, rosa: Person, maya: Person, mel: Person, version: ModelVersion, mode: str
) -> None:
    rules(carla, rosa, (WAIVERS, f"{WAIVERS}    mode: {mode}\n"))
    request = measure(ask(maya, version), result(gap(0.45)))
    if mode == "warn":
        with pytest.raises(InvalidInputError):
            complete(actor=mel, request=request)
    complete(actor=mel, request=request, reason="We are still setting the limits.")
    assert in_production(version)
    answer = ask_gate(version=version, stage="staging").document()
    assert (answer["decision"], answer["mode"], answer["enforced"]) == ("closed", mode, False)
    assert "finding-not-satisfied" in [entry["code"] for entry in answer["blocking"]]


@pytest.mark.parametrize("mode", ["warn", "dry-run"])
def test_what_is_prohibited_holds_back_in_every_mode(
    carla: Person, rosa: Person, maya: Person, mel: Person, version: ModelVersion, mode: str
) -> None:
    prohibited = ("        waivable: true\n", "        prohibited_practice: true\n")
    rules(carla, rosa, (WAIVERS, f"{WAIVERS}    mode: {mode}\n"), prohibited)
    request = measure(ask(maya, version), result(gap(0.45)))
    with pytest.raises(GateClosedError, match="prohibited"):
        complete(actor=mel, request=request, reason="never mind")
    with pytest.raises(NotWaivableError):
        request_waiver(
            actor=maya,
            request=request,
            criterion_id="selection-gap",
            justification="x",
            compensating_control="y",
            expires_at=timezone.now() + timedelta(days=1),
        )


def test_every_round_keeps_its_run_and_why_it_began(
    approved: PromotionRequest, maya: Person, dora: Person, world: World
) -> None:
    first = approved.run
    again = measure(rerun_checks(actor=maya, request=approved, reason="a newer library"))
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent was withdrawn")
    RecallPerformer().perform({"withdrawal": world.evaluation.withdrawal.pk})
    again.refresh_from_db()
    rounds = list(PromotionRound.objects.filter(request=approved))
    assert [(entry.number, entry.cause) for entry in rounds] == [
        (1, "requested"),
        (2, "rerun"),
        (3, "data_withdrawn"),
    ]
    assert rounds[0].run == first
    assert (again.state, again.round, again.subject_digest) == (State.AUDITING, 3, "")
    assert again.run == rounds[2].run


def test_a_waiver_can_be_had_again_in_a_new_round_only(asked: PromotionRequest, maya: Person, dora: Person) -> None:
    def wanted(request: PromotionRequest) -> Any:
        return request_waiver(
            actor=maya,
            request=request,
            criterion_id="selection-gap",
            justification="The register is being completed.",
            compensating_control="A nurse checks each call.",
            expires_at=timezone.now() + timedelta(days=10),
        )

    blocked = measure(asked, result(gap(0.45)))
    decide_waiver(
        actor=dora,
        waiver=wanted(blocked),
        granted=True,
        role="data_protection_officer",
        reason="short",
        password=PASSWORD,
    )
    with pytest.raises(WaiverRenewalError):
        wanted(blocked)
    assert wanted(measure(rerun_checks(actor=maya, request=blocked, reason="again"), result(gap(0.45)))).round == 2
