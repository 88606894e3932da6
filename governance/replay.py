"""The ledger retells the workflow: where each request stands and what is in each stage, from its entries alone.

Compared with the tables it shows what somebody changed there without the ledger, whatever triggers were set aside.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from governance.models import PromotionRequest, Review
from governance.refusals import subject_id
from registry.events import Event
from registry.models import LedgerEntry, StageAssignment
from registry.reconciliation import written

#: What is known of one request: state, round, subject digest.
Standing = tuple[str, int, str]
#: One review: request, round, reviewer, role, verdict, digest signed.
Signature = tuple[str, int, str, str, str, str]


@dataclass(slots=True)
class Story:
    """What the workflow looks like. `stages` maps model, stage and place to the record digest there."""

    requests: dict[str, Standing] = field(default_factory=dict)
    stages: dict[tuple[str, str, str], str] = field(default_factory=dict)
    reviews: set[Signature] = field(default_factory=set)


def retold() -> Story:
    """The story as the ledger tells it."""
    story = Story()
    told = (Event.PROMOTION_REQUESTED, Event.PROMOTION_MOVED, Event.REVIEW_RECORDED, Event.STAGE_ASSIGNED)
    bodies = LedgerEntry.objects.filter(event__in=told).order_by("index").values_list("body", flat=True)
    for body in bodies.iterator(chunk_size=2000):
        _tell(story, json.loads(written(body)))
    return story


def recorded_now() -> Story:
    """The story as the tables have it."""
    story = Story()
    for request in PromotionRequest.objects.only("pk", "state", "round", "subject_digest").iterator():
        story.requests[subject_id(request)] = (request.state, request.round, request.subject_digest)
    newest: Iterable[StageAssignment] = StageAssignment.objects.select_related("model", "version").order_by("sequence")
    for row in newest:
        _place(
            story, f"model:{row.model.slug}", row.stage, row.place, row.version.record_digest if row.version else None
        )
    for review in Review.objects.select_related("reviewer").iterator():
        story.reviews.add(
            (
                f"promotion:{review.request_id}",
                review.round,
                review.reviewer.pseudonym,
                review.role,
                review.verdict,
                review.subject_digest,
            )
        )
    return story


def contradictions() -> list[str]:
    """One sentence for each thing on which ledger and tables disagree; empty when they tell the same."""
    ledger, tables = retold(), recorded_now()
    problems = [
        f"{name}: the ledger says {ledger.requests.get(name)}, the table {tables.requests.get(name)}"
        for name in sorted(ledger.requests.keys() | tables.requests.keys())
        if ledger.requests.get(name) != tables.requests.get(name)
    ]
    problems += [
        f"{' '.join(place).strip()}: the ledger says {ledger.stages.get(place)}, the table {tables.stages.get(place)}"
        for place in sorted(ledger.stages.keys() | tables.stages.keys())
        if ledger.stages.get(place) != tables.stages.get(place)
    ]
    for review in sorted(ledger.reviews ^ tables.reviews):
        where = "ledger" if review in ledger.reviews else "table"
        problems.append(f"{review[0]}: only the {where} has a review as {review[3]} in round {review[1]}")
    return problems


def _tell(story: Story, body: Mapping[str, Any]) -> None:
    subject, facts = body["subject"], body["facts"]
    if body["event"] == Event.PROMOTION_REQUESTED:
        story.requests[subject] = (PromotionRequest.State.AUDITING, 1, "")
    elif body["event"] == Event.PROMOTION_MOVED:
        story.requests[subject] = (facts["to"], facts["round"], facts["subject_digest"])
    elif body["event"] == Event.REVIEW_RECORDED:
        story.reviews.add(
            (subject, facts["round"], body["actor"], facts["role"], facts["verdict"], facts["subject_digest"])
        )
    else:
        _place(story, subject, facts["stage"], facts.get("place", ""), facts["version"])


def _place(story: Story, model: str, stage: str, place: str, version: str | None) -> None:
    if version is None:
        story.stages.pop((model, stage, place), None)
    else:
        story.stages[model, stage, place] = version
