"""The parts of a report document: frozen values in the words that stand on paper.

No Django here. Times are aware datetimes in UTC, digests `sha256:<hex>`, limits decimal strings. Fields are only ever
added, at the end and with a default: issued reports are kept for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from audits.criteria import Outcome
from audits.measurements import MetricValue, ObservationStatus, Table


class DocumentError(ValueError):
    """A part of the document contradicts itself or uses a word outside of the vocabulary. `field` names it."""

    code = "report-document-invalid"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class Verdict(StrEnum):
    """The only words a report has for a control. None of them claims conformity with a law."""

    SUPPORTS = "evidence supports"
    DOES_NOT_SUPPORT = "evidence does not support"
    NOT_ASSESSED = "not assessed"
    AWAITING_A_PERSON = "awaiting a person"
    NOT_APPLICABLE = "not applicable"


class Claim(StrEnum):
    """What kind of sentence a row about law is."""

    REQUIRED_BY = "required by"
    SUPPORTS = "supports"
    PRODUCT_PROPERTY = "product property"
    HUMAN_JUDGEMENT = "human judgement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which report this is. `as_of` is the day whose law is described; `seal_name` is who seals the file."""

    number: str
    generated_at: datetime
    as_of: date
    product_version: str
    title: str = "Gate audit report"
    language: str = "en"
    seal_name: str = ""
    development_seal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The model version that was audited. `framework` may carry its version; `author` registered the version."""

    model: str
    name: str
    purpose: str
    risk_class: str
    role: str
    affected_persons: str
    owner: str
    version: int
    digest: str
    format: str
    framework: str
    code_revision: str
    author: str
    registered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The promotion request. `round` counts the rounds of evidence and review, from 1."""

    id: str
    from_stage: str
    to_stage: str
    round: int
    reason: str
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceFacts:
    """How the fairness measure of the policy was chosen.

    `answers` are (question, answer, reason) in words, `led_to` and `why` name and explain the proposal, `measures` what
    it would be measured by; `departure` says why the policy limits something else, "" where it does not.
    """

    answers: tuple[tuple[str, str, str], ...]
    led_to: str
    why: str
    measures: tuple[str, ...]
    departure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """The pinned policy version and the gate within it."""

    slug: str
    version: int
    digest: str
    title: str
    gate: str = ""
    choice: ChoiceFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingReview:
    """A role of the quorum that has not spoken yet: `count` more people are needed."""

    role: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate decided: open or closed. `enforced` is False where the gate only warns or rehearses."""

    outcome: str
    decided_at: datetime
    valid_until: datetime | None
    digest: str
    enforced: bool
    blocking: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
    missing_reviews: tuple[MissingReview, ...] = ()

    def __post_init__(self) -> None:
        """An open gate with something blocking is a contradiction that must never reach paper."""
        if self.outcome not in {"open", "closed"}:
            raise DocumentError("decision.outcome", f"{self.outcome!r} is neither open nor closed")
        if self.outcome == "open" and self.enforced and (self.blocking or self.missing_reviews):
            raise DocumentError("decision.blocking", "an open, enforced gate cannot have anything that blocks it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """One person's review. `meaning` is what the signature means; `method` how the person proved who they are.

    `assertion` holds what the reviewer's own security key signed, and its signature, for anybody to verify.
    `counts` is False for a review that no longer counts (an earlier round, other evidence, a revoked reviewer), and
    then `why_not` says why.
    """

    name: str
    role: str
    verdict: str
    meaning: str
    reason: str
    method: str
    at: datetime
    subject_digest: str
    counts: bool = True
    why_not: str = ""
    assertion: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverFacts:
    """An exception to one criterion. `decided_by` is empty while it is only asked for; `live` if it counts today."""

    criterion: str
    requested_by: str
    decided_by: str
    justification: str
    compensating_control: str
    expires: datetime
    live: bool
    break_glass: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """One observation: what a check measured, with what, and how the attempt ended.

    `metrics` maps each metric to one plain sentence (`Check.metrics`); `inputs` maps what was read to its digest;
    `libraries` maps library to version; `problem` says what went wrong when the status is not measured.
    """

    check: str
    version: str
    title: str
    status: ObservationStatus
    parameters: Mapping[str, Any] = field(default_factory=dict)
    duration_seconds: float | None = None
    seed: int | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    values: tuple[MetricValue, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        """A status that came as text becomes the enum, so an unknown word is refused here."""
        object.__setattr__(self, "status", ObservationStatus(self.status))


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFacts:
    """One judged criterion.

    `measured` is the value that was judged (with n, interval, feature and group) or None when there is none; the limits
    are decimal strings or None; `limit` is their plain text ("at most 0.20"); `rows_needed` estimates how many further
    rows would settle an inconclusive finding; `reason` and `set_by` are those of the limit. `decide_on` says whether
    the point or the whole interval must keep the limits, and `minimum_n` on how many rows it must rest: with them
    anybody can judge the value again.
    """

    criterion: str
    title: str
    check: str
    metric: str
    outcome: Outcome
    limit: str
    explanation: str
    reason: str
    set_by: str
    at_least: str | None = None
    at_most: str | None = None
    measured: MetricValue | None = None
    rows_needed: int | None = None
    controls: tuple[str, ...] = ()
    waived: bool = False
    decide_on: str = ""
    minimum_n: int = 0

    def __post_init__(self) -> None:
        """An outcome that came as text becomes the enum, so an unknown word is refused here."""
        object.__setattr__(self, "outcome", Outcome(self.outcome))


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFacts:
    """One control of the catalogue and what the evidence says about it.

    `effective` is the plain status on the day of the report ("binding", "upcoming, applies from 2 December 2027
    (Annex III)"); `why` says why it is not applicable or not assessed, or who is awaited; `findings` are criterion ids.
    """

    id: str
    framework: str
    reference: str
    title: str
    duty: str
    effective: str
    verdict: Verdict
    why: str = ""
    claim: Claim = Claim.SUPPORTS
    findings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """A verdict or claim that came as text becomes the enum, so an unknown word is refused here."""
        object.__setattr__(self, "verdict", Verdict(self.verdict))
        object.__setattr__(self, "claim", Claim(self.claim))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageNode:
    """A dataset, job or model of the lineage picture. `problem` is empty when nothing is wrong with it."""

    id: str
    kind: str
    label: str
    detail: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The lineage graph; `edges` are (from, to) pairs of node ids, in the direction in which facts flow."""

    nodes: tuple[LineageNode, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntryFacts:
    """A ledger entry and its inclusion proof: `body` the exact bytes, `proof` the sibling hashes as hex, leaf first."""

    index: int
    body: bytes
    proof: tuple[str, ...]
    title: str = ""
    leaf_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """The signed checkpoint (note text) that the proofs lead to, and the entries that this report stands on."""

    checkpoint: str = ""
    entries: tuple[LedgerEntryFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPoint:
    """Something that is missing, who owns it, and by when."""

    what: str
    owner: str
    due: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The same numbers of the version in the target stage. `rows` are (metric label, there, this version).

    `note` says whether both were measured on the same data.
    """

    version: int
    digest: str
    rows: tuple[tuple[str, float | None, float | None], ...]
    note: str = ""
