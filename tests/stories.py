"""A small policy in force, and ways to bring a request to where a story begins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from audits import runs
from audits.measurements import Interval, Measurement, MetricValue, ObservationStatus
from audits.sandbox import ObservationResult
from governance.models import Condition, PolicyVersion, PromotionRequest, Review
from governance.policy_versions import activate_policy, draft_policy
from governance.promotions import complete, record_review, request_promotion
from governance.signatures.reviews import NewCondition
from registry.models import ModelVersion, Person
from tests.people import PASSWORD

POLICY = """\
slug: house_rules
title: House rules
description: Small rules for small stories.
selects: {risk_classes: [high]}
stages: [{name: development}, {name: staging, exclusive: true}, {name: production, exclusive: true}]
gates:
  - name: to-staging
    from: development
    to: staging
    evidence_max_age_days: 30
    decision_valid_days: 60
    waivers: {allowed: true, max_days: 20}
    checks:
      - check: fairness.group_metrics
      - check: lineage.completeness
    criteria:
      - id: selection-gap
        check: fairness.group_metrics
        metric: demographic_parity_difference
        at_most: "0.20"
        minimum_n: 30
        waivable: true
        reason: A gap of one in five is more than this use can explain.
        set_by: the model risk board
        controls: [aia-10-2-f]
      - id: known-origin
        check: lineage.completeness
        metric: paths_without_declared_source
        at_most: "0"
        decide_on: point
        reason: A model of unknown origin cannot be answered for.
        set_by: the model risk board
        controls: [aia-10-2-b]
    reviews:
      quorum: [{role: model_validator, count: 1}, {role: risk_officer, count: 1}]
      exclude: [requester, version_author]
"""


WAIVERS = "    waivers: {allowed: true, max_days: 20}\n"
GLASS = (WAIVERS, WAIVERS + "    break_glass: {allowed: true, max_hours: 8, review_days: 2}\n")


def rules(author: Person, activator: Person, *changes: tuple[str, str]) -> PolicyVersion:
    """House rules with changes, in force."""
    text = POLICY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    version = draft_policy(actor=author, source=text)
    return activate_policy(actor=activator, policy_version=version, password=PASSWORD, reason="agreed")


def ask(maya: Person, version: ModelVersion) -> PromotionRequest:
    return request_promotion(actor=maya, version=version, to_stage="staging", reason="It is ready.")


def later(monkeypatch: pytest.MonkeyPatch, **delta: float) -> None:
    """The clock goes on, or back."""
    moment = timezone.now() + timedelta(**delta)
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


@pytest.fixture
def policy(carla: Person, rosa: Person) -> PolicyVersion:
    """House rules, drafted by Carla and put into force by Rosa."""
    version = draft_policy(actor=carla, source=POLICY)
    return activate_policy(actor=rosa, policy_version=version, password=PASSWORD, reason="agreed")


def gap(value: float, half: float = 0.02, n: int = 200) -> MetricValue:
    """A measured difference of selection rates."""
    interval = Interval(max(0.0, value - half), value + half, 0.95, "newcombe")
    return MetricValue(metric="demographic_parity_difference", value=value, n=n, feature="sex", interval=interval)


def result(*values: MetricValue) -> ObservationResult:
    """What the child process of a check would have answered."""
    return ObservationResult(
        status=ObservationStatus.MEASURED,
        measurement=Measurement(values=values, inputs={}),
        duration_seconds=0.1,
    )


def measure(request: PromotionRequest, fairness: ObservationResult | None = None) -> PromotionRequest:
    """Bring in the observations of both checks, as the worker does; fair ones unless given."""
    for check, found in (
        ("fairness.group_metrics", fairness or result(gap(0.05))),
        ("lineage.completeness", result(MetricValue(metric="paths_without_declared_source", value=0.0, n=3))),
    ):
        with transaction.atomic():  # the worker's, which live servers do not share with the test
            runs.record_observation(run_id=request.run_id, check_id=check, result=found)
    request.refresh_from_db()
    return request


@pytest.fixture
def asked(policy: PolicyVersion, version: ModelVersion, maya: Person) -> PromotionRequest:
    """Maya has asked for staging; the checks are still running."""
    return request_promotion(actor=maya, version=version, to_stage="staging", reason="It is ready.")


@pytest.fixture
def in_review(asked: PromotionRequest) -> PromotionRequest:
    """The checks found nothing wrong; reviews are due."""
    return measure(asked)


def approve(request: PromotionRequest, reviewer: Person, role: str, **changes: Any) -> Review:
    """A review that approves, unless told otherwise."""
    request.refresh_from_db()
    words: dict[str, Any] = {
        "verdict": "approve",
        "meaning": "approved",
        "reason": "I read the evidence.",
        "subject_digest": request.subject_digest,
        "password": PASSWORD,
        **changes,
    }
    return record_review(actor=reviewer, request=request, role=role, **words)


@pytest.fixture
def approved(in_review: PromotionRequest, victor: Person, rosa: Person) -> PromotionRequest:
    """Victor and Rosa have approved."""
    approve(in_review, victor, "model_validator")
    approve(in_review, rosa, "risk_officer")
    in_review.refresh_from_db()
    return in_review


@pytest.fixture
def staged(approved: PromotionRequest, mel: Person) -> PromotionRequest:
    """Version 1 is in staging."""
    complete(actor=mel, request=approved)
    return approved


@pytest.fixture
def emergency(carla: Person, rosa: Person, maya: Person, version: ModelVersion) -> PromotionRequest:
    """A blocked request under a policy that knows emergencies."""
    rules(carla, rosa, GLASS)
    return measure(ask(maya, version), result(gap(0.45)))


@pytest.fixture
def conditional(in_review: PromotionRequest, victor: Person, rosa: Person) -> Condition:
    """Victor approved on a condition that falls due in two days, and Rosa approved."""
    due = NewCondition("Retrain with the new codes.", timezone.now() + timedelta(days=2))
    approve(in_review, victor, "model_validator", conditions=(due,))
    approve(in_review, rosa, "risk_officer")
    return Condition.objects.get()
