"""Judging: one measurement against one criterion. Pure: no clock, no database, no network.

A measured number is a Python float and a limit is a decimal written by a person. They are compared exactly, as
decimals, taking the float for the shortest decimal that denotes it: `Decimal(repr(value))`. So a measured 0.2 meets a
limit of "0.20", although the binary float is a little more than one fifth. A limit belongs to the permitted side.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from audits.limits import Criterion, CriterionError, DecideOn
from audits.measurements import Interval, Measurement, MetricValue, ObservationStatus

__all__ = ["Criterion", "CriterionError", "DecideOn", "Judgement", "Outcome", "ValueOutcome", "exact", "judge"]


class Outcome(StrEnum):
    """The judgement of one criterion. Nothing but SATISFIED speaks for a gate to open."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not-satisfied"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    TIMED_OUT = "timed-out"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueOutcome:
    """How one measured value fared. `rows_needed` estimates the further rows that would decide it, None if untold."""

    label: str
    outcome: Outcome
    explanation: str
    value: float | None
    n: int
    interval: Interval | None = None
    rows_needed: int | None = None

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "outcome": str(self.outcome)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judgement of one criterion, and the value that decided it.

    `subject` is the label of the deciding value, "" when there was none. `considered` holds every value that the
    criterion selects, in measured order, so that a good group never hides a bad one.
    """

    criterion_id: str
    outcome: Outcome
    explanation: str
    subject: str = ""
    value: float | None = None
    interval: Interval | None = None
    n: int = 0
    rows_needed: int | None = None
    considered: tuple[ValueOutcome, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form."""
        considered = [entry.to_document() for entry in self.considered]
        return {**asdict(self), "outcome": str(self.outcome), "considered": considered}


def judge(
    status: ObservationStatus, measurement: Measurement | None, criterion: Criterion, error: str = ""
) -> Judgement:
    """Judge every value that the criterion selects; the worst one decides. Never raises on measured content.

    An attempt that did not measure keeps its own outcome. A measurement without a selected value is inconclusive.
    """
    if status is not ObservationStatus.MEASURED or measurement is None:
        return _unmeasured(status, criterion, error)
    considered = [
        (_judge_value(value, criterion), _slack(value, criterion)) for value in _selected(measurement, criterion)
    ]
    if not considered:
        return Judgement(
            criterion_id=criterion.id,
            outcome=Outcome.INCONCLUSIVE,
            explanation=f"{criterion.check} measured no {_target(criterion)}, so there is nothing to hold against "
            f"the limit ({criterion.limits}).",
        )
    worst, _ = min(considered, key=lambda entry: (_GRAVITY[entry[0].outcome], entry[1]))
    return Judgement(
        criterion_id=criterion.id,
        outcome=worst.outcome,
        explanation=worst.explanation,
        subject=worst.label,
        value=worst.value,
        interval=worst.interval,
        n=worst.n,
        rows_needed=worst.rows_needed,
        considered=tuple(entry for entry, _ in considered),
    )


# Worst first.
_GRAVITY = {Outcome.NOT_SATISFIED: 0, Outcome.INCONCLUSIVE: 1, Outcome.SATISFIED: 2}

_UNMEASURED = {
    ObservationStatus.ERROR: (Outcome.ERROR, "could not be completed"),
    ObservationStatus.TIMED_OUT: (Outcome.TIMED_OUT, "ran out of time"),
    ObservationStatus.NOT_RUN: (Outcome.NOT_RUN, "has not been run"),
}


def _unmeasured(status: ObservationStatus, criterion: Criterion, error: str) -> Judgement:
    """The judgement when there is no measurement. A status that promises one and brings none is an error too."""
    outcome, what = _UNMEASURED.get(status, (Outcome.ERROR, "answered without a measurement"))
    because = f": {error.strip().rstrip('.')}" if error.strip() else ""
    explanation = f"{criterion.check} {what}{because}. {_target(criterion)} therefore counts as not shown."
    return Judgement(criterion_id=criterion.id, outcome=outcome, explanation=explanation)


def _target(criterion: Criterion) -> str:
    """The metric with the feature and group asked for, in the form of `MetricValue.label`."""
    where = "=".join(part for part in (criterion.feature, criterion.group) if part)
    return f"{criterion.metric}[{where}]" if where else criterion.metric


def _selected(measurement: Measurement, criterion: Criterion) -> list[MetricValue]:
    """The values the criterion is about. A filter of None lets everything through; "" asks for the overall value."""
    return [
        value
        for value in measurement.of(criterion.metric)
        if criterion.feature in (None, value.feature) and criterion.group in (None, value.group)
    ]


def exact(number: float) -> Decimal:
    """The shortest decimal that denotes the float, which is the number people see in the report."""
    return Decimal(repr(float(number)))


def _reach(value: MetricValue, criterion: Criterion) -> tuple[float, float] | None:
    """The lowest and highest number that must lie within the limits, unbounded sides as infinities; None if untold."""
    if value.value is None:
        return None
    if criterion.decide_on is DecideOn.POINT:
        return value.value, value.value
    if value.interval is None:
        return None
    low = -math.inf if value.interval.low is None else value.interval.low
    high = math.inf if value.interval.high is None else value.interval.high
    # Written so that NaN, which compares false with everything, is refused as well.
    return (low, high) if low <= high else None


def _slack(value: MetricValue, criterion: Criterion) -> Decimal:
    """How far inside the limits the value's reach stays; negative is beyond. Orders values of equal outcome."""
    reach = _reach(value, criterion)
    if reach is None:
        return Decimal("-Infinity")
    slacks = [exact(reach[0]) - criterion.at_least] if criterion.at_least is not None else []
    if criterion.at_most is not None:
        slacks.append(criterion.at_most - exact(reach[1]))
    return min(slacks)


def _within(low: float, high: float, criterion: Criterion) -> bool:
    """Whether all of [low, high] is permitted."""
    return (criterion.at_least is None or exact(low) >= criterion.at_least) and (
        criterion.at_most is None or exact(high) <= criterion.at_most
    )


def _outside(low: float, high: float, criterion: Criterion) -> bool:
    """Whether no part of [low, high] is permitted."""
    return (criterion.at_least is not None and exact(high) < criterion.at_least) or (
        criterion.at_most is not None and exact(low) > criterion.at_most
    )


def _judge_value(value: MetricValue, criterion: Criterion) -> ValueOutcome:
    """The outcome of one value, with one sentence for the reviewer."""
    outcome, words, rows_needed = _verdict(value, criterion)
    return ValueOutcome(
        label=value.label,
        outcome=outcome,
        explanation=words,
        value=value.value,
        n=value.n,
        interval=value.interval,
        rows_needed=rows_needed,
    )


def _verdict(value: MetricValue, criterion: Criterion) -> tuple[Outcome, str, int | None]:
    """Outcome, sentence and rows needed. Everything that cannot be told apart is inconclusive."""
    missing = max(0, criterion.minimum_n - value.n)
    if value.value is None:
        why = f"cannot be estimated ({value.not_estimable})"
        words = f"{_capital(value.spoken)} {why}; the limit ({criterion.limits}) is not shown."
        return Outcome.INCONCLUSIVE, words, missing or None
    seen = _seen(value)
    if missing:
        words = (
            f"{seen} rests on fewer rows than the {criterion.minimum_n} this criterion asks for; {missing} more needed."
        )
        return Outcome.INCONCLUSIVE, words, max(missing, _further_rows(value, criterion) or 0)
    reach = _reach(value, criterion)
    if reach is None:
        words = f"{seen} comes without a usable confidence interval, and this criterion decides on the interval."
        return Outcome.INCONCLUSIVE, words, None
    whole = "the value alone" if criterion.decide_on is DecideOn.POINT else "its whole interval"
    if _within(*reach, criterion) and _within(value.value, value.value, criterion):
        return Outcome.SATISFIED, f"{seen}: {whole} is {criterion.limits}, as required.", None
    if _outside(*reach, criterion) and not _within(value.value, value.value, criterion):
        below = criterion.at_least is not None and exact(reach[1]) < criterion.at_least
        limit = f"below the limit of {criterion.at_least}" if below else f"above the limit of {criterion.at_most}"
        return Outcome.NOT_SATISFIED, f"{seen}: {whole} is {limit}.", None
    return _straddling(value, criterion, seen)


def _straddling(value: MetricValue, criterion: Criterion, seen: str) -> tuple[Outcome, str, int | None]:
    """The verdict on an interval that lies partly inside and partly outside."""
    further = _further_rows(value, criterion)
    words = f"{seen}: the interval reaches over the limit ({criterion.limits}), so the evidence does not decide"
    if further is None:
        return Outcome.INCONCLUSIVE, f"{words}.", None
    rows = "one more row" if further == 1 else f"{further} more rows"
    return Outcome.INCONCLUSIVE, f"{words}; about {rows} would, if the value stayed as it is.", further


def _seen(value: MetricValue) -> str:
    """`Metric (feature: group) is 0.41 (95 % interval 0.33 to 0.49, 120 rows)`."""
    facts = []
    if value.interval is not None:
        low, high = (_number(bound) for bound in (value.interval.low, value.interval.high))
        facts.append(f"{value.interval.level * 100:g} % interval {low} to {high}")
    facts.append(f"{value.n} {'row' if value.n == 1 else 'rows'}")
    return f"{_capital(value.spoken)} is {_number(value.value)} ({', '.join(facts)})"


def _capital(text: str) -> str:
    """The text as the beginning of a sentence. The rest keeps its capitals: names of groups have them."""
    return text[:1].upper() + text[1:]


def _number(number: float | None) -> str:
    """Four significant digits are enough to read; the exact number is in the evidence."""
    return "unbounded" if number is None else f"{number:.4g}"


# Beyond this an estimate says only "not with data like these".
_MOST_ROWS = 1_000_000_000


def _further_rows(value: MetricValue, criterion: Criterion) -> int | None:
    """Further rows until the interval clears the nearest limit it reaches over; None if that cannot be told.

    The half width of an interval shrinks about as 1/sqrt(n), so the half width h towards a limit at distance d from
    the value needs n * (h / d)^2 rows. It assumes that the value stays as it is: an order of magnitude, not a promise.
    """
    if value.value is None or value.interval is None or criterion.decide_on is DecideOn.POINT:
        return None
    needed = 0.0
    for limit in (criterion.at_least, criterion.at_most):
        if limit is None:
            continue
        distance = float(limit) - value.value
        bound = value.interval.high if distance >= 0 else value.interval.low
        if bound is None or not math.isfinite(bound) or distance == 0:
            return None
        ratio = (bound - value.value) / distance
        # A product overflows to infinity, a power would raise.
        needed = max(needed, value.n * ratio * ratio)
    if not value.n < needed < _MOST_ROWS:
        return None
    # Rounded first: 400.00000000000006 rows are 400.
    return math.ceil(round(needed, 6)) - value.n
