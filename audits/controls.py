"""Does the check still tell good from bad? Planted cases, measured beside the real evidence. Pure.

A check that answers the same whatever it is given would satisfy every gate for ever. So each one is also run on a case
planted to be good and one planted to be bad; where their values are not apart, whatever was measured on the real
evidence is withheld, and the criteria that rest on it are inconclusive.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audits.checks.base import Check, parse_parameters
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table

TABLE = "controls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One planted pair: the value of `metric` must be at least `apart` higher in `bad` than in `good`.

    Where low is bad, `apart` is negative. `feature` names the value where there are several.
    """

    metric: str
    good: Evidence
    bad: Evidence
    apart: float
    feature: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A distance of nothing separates nothing."""
        if self.apart == 0:
            raise ValueError("apart must not be 0")


@dataclass(frozen=True, slots=True)
class Separation:
    """What a check answered to one planted pair; `problem` is "" where it told them apart."""

    metric: str
    good: float | None
    bad: float | None
    problem: str


def separations(check: Check, controls: Iterable[Control]) -> tuple[Separation, ...]:
    """Run the check on every planted case. A check that fails on one does not tell them apart; nothing is raised."""
    return tuple(_separation(check, control) for control in controls)


def _separation(check: Check, control: Control) -> Separation:
    try:
        parameters = parse_parameters(check, control.parameters)
        good, bad = (_value(check.measure(one, parameters), control) for one in (control.good, control.bad))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a planted case breaks is the answer to be recorded
        return Separation(control.metric, None, None, f"the planted case failed: {error}"[:300])
    if good is None or bad is None:
        return Separation(control.metric, good, bad, "the planted case was not estimable")
    distance = bad - good
    told = distance >= control.apart if control.apart > 0 else distance <= control.apart
    return Separation(control.metric, good, bad, "" if told else "the planted bad case was not told from the good one")


def _value(answer: Measurement, control: Control) -> float | None:
    found = [value for value in answer.of(control.metric) if value.feature == control.feature and not value.group]
    return found[0].value if len(found) == 1 else None


def withheld(measurement: Measurement, found: Iterable[Separation]) -> Measurement:
    """The measurement with a table of its controls, and without its values where a control failed."""
    rows = tuple(found)
    table = Table(("metric", "good", "bad", "problem"), tuple(dataclasses.astuple(row) for row in rows))
    failed = next((row for row in rows if row.problem), None)
    values = measurement.values
    if failed is not None:
        reason = f"the self-test of the check failed at {failed.metric}: {failed.problem}"
        values = tuple(_without(value, reason) for value in values)
    return dataclasses.replace(measurement, values=values, tables={**measurement.tables, TABLE: table})


def _without(value: MetricValue, reason: str) -> MetricValue:
    return dataclasses.replace(value, value=None, interval=None, not_estimable=reason)


def measure_beside_controls(
    check: Check, evidence: Evidence, parameters: Any, controls: Callable[[], Iterable[Control]]
) -> Measurement:
    """Measure the evidence, then the planted cases. Raises what the check raises on the evidence, nothing else."""
    measurement = check.measure(evidence, parameters)
    planted = tuple(controls())
    return withheld(measurement, separations(check, planted)) if planted else measurement
