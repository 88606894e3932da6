"""The scene of every attempt, and how an attempt is seen to be refused.

An attempt is refused with a stable code, and the ledger tells of the refusal: what a verb refused at once, what a model
class, the database or an edge refused as soon as the transaction has ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from governance.access.delegations import delegate_role
from governance.models import PromotionRequest, Review, Waiver
from governance.models.access import Role
from governance.promotions import rerun_checks
from governance.waivers import decide_waiver, request_waiver
from registry.errors import AssayError
from registry.models import LedgerEntry, ModelVersion, Person, RegisteredModel, StageAssignment
from registry.refused import write_waiting
from tests.people import PASSWORD
from tests.stories import POLICY, approve, gap, measure, result

State = PromotionRequest.State
STRICT = POLICY.replace(
    "exclude: [requester, version_author]", "exclude: [requester, version_author, run_author]"
).replace(
    "    waivers: {allowed: true, max_days: 20}\n",
    "    waivers: {allowed: true, max_days: 20}\n    break_glass: {allowed: true, max_hours: 8, review_days: 2}\n",
)


#: The same with a limit that everything meets.
LAX = STRICT.replace('at_most: "0.20"', 'at_most: "0.90"')


@dataclass
class Scene:
    """The people, a version that Mel registered and Tom trained, and Maya's request for staging."""

    fixtures: pytest.FixtureRequest
    monkeypatch: pytest.MonkeyPatch
    version: ModelVersion
    request: PromotionRequest

    def __getattr__(self, name: str) -> Any:
        return self.fixtures.getfixturevalue(name)

    @property
    def model(self) -> RegisteredModel:
        return self.version.model

    def reviewing(self) -> PromotionRequest:
        """The checks found nothing wrong."""
        return measure(self.request)

    def blocked(self) -> PromotionRequest:
        """The checks found too wide a gap."""
        return measure(self.request, result(gap(0.45)))

    def again(self) -> PromotionRequest:
        """Maya has the checks run again: a new round."""
        self.request = rerun_checks(actor=self.maya, request=self.request, reason="again")
        return self.request

    def approved(self) -> PromotionRequest:
        """Victor and Rosa approved."""
        self.reviewing()
        approve(self.request, self.victor, "model_validator")
        approve(self.request, self.rosa, "risk_officer")
        self.request.refresh_from_db()
        return self.request

    def waiver(self, days: int = 10) -> Waiver:
        """Maya asked for a waiver of the gap."""
        return request_waiver(
            actor=self.maya,
            request=self.blocked() if self.request.state == State.AUDITING else self.request,
            criterion_id="selection-gap",
            justification="The register is being completed.",
            compensating_control="A nurse checks each call.",
            expires_at=timezone.now() + timedelta(days=days),
        )

    def granted(self) -> Waiver:
        """Dora granted it."""
        waiver = self.waiver()
        decide_waiver(
            actor=self.dora,
            waiver=waiver,
            granted=True,
            role=Role.DATA_PROTECTION_OFFICER,
            reason="short",
            password=PASSWORD,
        )
        self.request.refresh_from_db()
        return waiver

    def delegated(self, delegator: Person, delegate: Person, role: Role = Role.MODEL_VALIDATOR) -> Any:
        """`delegator` is away for a week."""
        return delegate_role(
            actor=delegator,
            delegate=delegate,
            role=role,
            ends_at=timezone.now() + timedelta(days=7),
            reason="on leave",
            password=PASSWORD,
        )

    def later(self, **delta: float) -> None:
        """The clock goes on, or back."""
        moment = timezone.now() + timedelta(**delta)
        self.monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    def sql(self, statement: str, *values: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)


class Attempts:
    """A table of attempts: `@ATTEMPTS(code, name)` adds one."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, Callable[[Scene], Any]]] = []

    def __call__(self, code: str, name: str) -> Callable[[Callable[[Scene], Any]], Callable[[Scene], Any]]:
        """Add the attempt below."""

        def add(told: Callable[[Scene], Any]) -> Callable[[Scene], Any]:
            self.rows.append((name, code, told))
            return told

        return add

    def params(self) -> list[Any]:
        """For `pytest.mark.parametrize(("code", "attempt"), …)`."""
        return [pytest.param(code, told, id=name) for name, code, told in self.rows]


def must_be_refused(scene: Scene, code: str, attempt: Callable[[Scene], Any]) -> None:
    """Nothing came of it, the error bears `code`, and one entry more tells of that."""
    before = refusals(code)
    with pytest.raises(AssayError) as caught, transaction.atomic():
        attempt(scene)
    assert caught.value.code == code
    assert caught.value.problem
    write_waiting()
    assert refusals(code) == before + 1


def standing() -> tuple[Any, ...]:
    """What no attempt may change: what is in the stages, and who approved."""
    return (
        list(StageAssignment.objects.values_list("version", "stage", "sequence")),
        Review.objects.filter(verdict="approve").count(),
    )


def refusals(code: str) -> int:
    """Entries that tell of a refusal with that code."""
    entries = LedgerEntry.objects.filter(event="action.refused")
    return sum(json.loads(bytes(entry.body))["facts"]["code"] == code for entry in entries)
