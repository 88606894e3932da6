"""A policy as frozen values: stages, gates, quorums, exclusions, waivers. Pure.

Built by `governance.policies.documents`, which is where they are validated.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from audits.criteria import Criterion
from audits.plans import AuditPlan, PlannedCheck
from governance.policies.metric_choice import MetricChoice
from registry.canonical import digest_of


class Mode(StrEnum):
    """What a closed gate means. Only ENFORCE is meant to hold back; the others say so in each decision."""

    ENFORCE = "enforce"
    WARN = "warn"
    DRY_RUN = "dry-run"


class Exclusion(StrEnum):
    """Who may not review, whatever roles they hold."""

    REQUESTER = "requester"
    VERSION_AUTHOR = "version_author"
    RUN_AUTHOR = "run_author"


class IncidentRule(StrEnum):
    """Which open incidents of a version close the gate."""

    ANY = "any"
    SERIOUS = "serious"


class OnDeadline(StrEnum):
    """What happens when reviews are still missing at the deadline. There is no third way: nothing approves itself."""

    ESCALATE = "escalate"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A named place a version can be in. In an exclusive one there is at most one version of a model."""

    name: str
    exclusive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """So many approvals by different people in this role."""

    role: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRule:
    """Whether findings of this gate can be waived at all, and for how many days at most."""

    allowed: bool = False
    max_days: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassRule:
    """Whether this gate can be opened in an emergency, for how long at most, and until when two others look at it."""

    allowed: bool = False
    max_hours: int = 24
    review_days: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which models a policy is for: any entry of a list suffices, every list that is not empty must match."""

    risk_classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def matches(self, *, risk_class: str, tags: Collection[str], model: str) -> bool:
        """Whether the policy is for this model. A selection without any entry is for none."""
        if not (self.risk_classes or self.tags or self.models):
            return False
        return (
            (not self.risk_classes or risk_class in self.risk_classes)
            and (not self.tags or not set(self.tags).isdisjoint(tags))
            and (not self.models or model in self.models)
        )

    @property
    def precision(self) -> int:
        """2 when models are named, 1 when tags are, 0 when the risk class alone selects."""
        return 2 if self.models else int(bool(self.tags))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The rule of one transition."""

    name: str
    from_stage: str
    to_stage: str
    evidence_max_age_days: int
    decision_valid_days: int
    plan: AuditPlan
    quorum: tuple[Quorum, ...]
    exclude: tuple[Exclusion, ...]
    mode: Mode = Mode.ENFORCE
    waivers: WaiverRule = WaiverRule()
    break_glass: BreakGlassRule = BreakGlassRule()
    review_deadline_days: int | None = None
    on_deadline: OnDeadline = OnDeadline.ESCALATE
    incidents: IncidentRule = IncidentRule.ANY

    @property
    def checks(self) -> tuple[PlannedCheck, ...]:
        """What is measured for this gate."""
        return self.plan.checks

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """What the measurements are judged by."""
        return self.plan.criteria

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form, in the shape that people write."""
        return {
            "name": self.name,
            "from": self.from_stage,
            "to": self.to_stage,
            "mode": str(self.mode),
            "evidence_max_age_days": self.evidence_max_age_days,
            "decision_valid_days": self.decision_valid_days,
            "waivers": {"allowed": self.waivers.allowed, "max_days": self.waivers.max_days},
            **self._later_fields(),
            **self.plan.to_document(),
            "reviews": {
                "quorum": [{"role": quorum.role, "count": quorum.count} for quorum in self.quorum],
                "exclude": [str(exclusion) for exclusion in self.exclude],
            },
        }

    def _later_fields(self) -> dict[str, Any]:
        """Fields that came after the first policies: written only where they are used, so that old digests stay."""
        fields: dict[str, Any] = {}
        if self.break_glass != BreakGlassRule():
            fields["break_glass"] = asdict(self.break_glass)
        if self.review_deadline_days is not None:
            fields["review_deadline_days"] = self.review_deadline_days
            fields["on_deadline"] = str(self.on_deadline)
        if self.incidents is not IncidentRule.ANY:
            fields["incidents"] = str(self.incidents)
        return fields


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Named rules. The first stage is where a version starts that is in no stage yet."""

    slug: str
    title: str
    description: str
    selects: Selection
    stages: tuple[Stage, ...]
    gates: tuple[Gate, ...]
    metric_choice: MetricChoice | None = None

    @cached_property
    def digest(self) -> str:
        """The digest of the canonical JSON of the policy."""
        return digest_of(self.to_document())

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form with every default written out; `policy_documents.policy_from_document` is its inverse."""
        return {
            "slug": self.slug,
            "title": self.title,
            "description": self.description,
            "selects": {
                "risk_classes": list(self.selects.risk_classes),
                "tags": list(self.selects.tags),
                "models": list(self.selects.models),
            },
            "stages": [{"name": stage.name, "exclusive": stage.exclusive} for stage in self.stages],
            "gates": [gate.to_document() for gate in self.gates],
            # It came later: the digests of policies without it stay as they are.
            **({"metric_choice": self.metric_choice.to_document()} if self.metric_choice else {}),
        }
