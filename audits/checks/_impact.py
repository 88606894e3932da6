"""The arithmetic of impact ratios. Worker only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scipy import special

from audits.checks._cells import JOINED_BY, Share
from audits.checks._outcomes import Counting, Outcomes, read_outcomes
from audits.checks._relation import above_the_middle, count_by_stratum
from audits.checks._sufficient import shares
from audits.checks._tasks import BINARY, RANKING, REGRESSION
from audits.checks.base import EvidenceError
from audits.checks.fairness_impact_ratios import ImpactParameters
from audits.counting.question import MISSING, Tally
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals


def measure_impact(evidence: Evidence, parameters: ImpactParameters) -> Measurement:
    """Count, then divide: see `fairness_impact_ratios`."""
    scoring = parameters.mode == "scoring"
    sensitive = parameters.columns_of(evidence.datasets["evaluation"])
    counting = Counting(columns=sensitive, weights=parameters.weights)
    if scoring:
        outcomes = read_outcomes(evidence, (BINARY, REGRESSION, RANKING))
    else:
        outcomes = read_outcomes(evidence, (BINARY,), counting)
    favoured, note = _favoured(outcomes, scoring, parameters.weights)
    depth = min(parameters.depth, len(sensitive))
    fitted = ImpactParameters(**{**_fields(parameters), "depth": depth})
    found = count_by_stratum(outcomes, sensitive, (), favoured, fitted)
    missing, untold = found.missing("missing_prediction_fraction", "score" if scoring else "decision", fitted)
    values: list[MetricValue] = [missing]
    rows: list[tuple[Any, ...]] = []
    for feature, strata in found.features.items():
        cells = strata.get("", {})
        groups = {
            group: Share(one.get(1, Tally()), one.get(1, Tally()) + one.get(0, Tally())) for group, one in cells.items()
        }
        values += _of_feature(feature, groups, parameters, rows, untold, weighted=found.weighted)
    columns = ("feature", "category", "rows", "favoured", "share", "rate", "impact_ratio", "left_out_because")
    weights = ("weight", "favoured_weight", "squares") if found.weighted else ()
    return Measurement(
        values=tuple(values),
        inputs=outcomes.inputs,
        tables={
            "impact_ratios": Table((*columns, *weights), tuple(rows)),
            "shares": shares([missing], {missing.metric}),
        },
        notes=(f"Predictions come from {outcomes.origin}.", note, *found.notes),
    )


def _fields(parameters: ImpactParameters) -> dict[str, Any]:
    return {name: getattr(parameters, name) for name in ImpactParameters.__dataclass_fields__}


def _favoured(outcomes: Outcomes, scoring: bool, weights: str) -> tuple[str, str]:  # noqa: FBT001
    """SQL of "favoured", and what it means."""
    if not scoring:
        return "_prediction", "Favoured means selected."
    if outcomes.task.kind == REGRESSION:
        sql, middle = above_the_middle(outcomes, "_prediction", weights)
        return sql, f"Favoured means predicted above the median, {middle:g}."
    if not outcomes.has_scores:
        raise EvidenceError(
            "score", "no column is tagged score and the model gives none, so nobody can be above a median"
        )
    sql, middle = above_the_middle(outcomes, "_score", weights)
    return sql, f"Favoured means scored above the median, {middle:g}."


def _unknown(group: str) -> bool:
    return MISSING in group.split(JOINED_BY)


def _of_feature(
    feature: str,
    groups: Mapping[str, Share],
    parameters: ImpactParameters,
    rows: list[tuple[Any, ...]],
    untold: str,
    *,
    weighted: bool,
) -> Iterator[MetricValue]:
    unknown = sum(share.rows for group, share in groups.items() if _unknown(group))
    everybody = sum(share.rows for share in groups.values())
    yield MetricValue(metric="unknown_category_count", value=float(unknown), n=everybody, feature=feature)
    known = {group: share for group, share in sorted(groups.items()) if not _unknown(group) and share.rows}
    whole = sum(share.total.weight for share in known.values())
    parts = {group: share.total.weight / whole for group, share in known.items()}
    kept = {group: share for group, share in known.items() if parts[group] >= parameters.least_share}
    reason = untold or _why_none(kept)
    best = max(kept, key=lambda group: kept[group].value) if not reason else ""
    level = 2 * _normal_tail(len(kept), parameters.level) if kept else parameters.level
    rate = "scoring_rate" if parameters.mode == "scoring" else "selection_rate"
    ratios: list[MetricValue] = []
    for group, share in known.items():
        where: dict[str, Any] = {"feature": feature, "group": group, "n": share.rows}
        yield MetricValue(metric="category_share", value=parts[group], **{**where, "n": everybody - unknown})
        yield MetricValue(
            metric=rate, value=share.value, interval=intervals.proportion(*share.pair, parameters.level), **where
        )
        left_out = (
            "" if group in kept else f"holds {parts[group]:.2%} of the rows, less than {parameters.least_share:.2%}"
        )
        ratio = _ratio(share, kept[best], parameters.level, level, where) if not (left_out or reason) else None
        found = ratio or MetricValue(metric="impact_ratio", value=None, not_estimable=left_out or reason, **where)
        yield found
        ratios += [ratio] if ratio else []
        weights = (share.total.weight, share.hits.weight, share.total.squares) if weighted else ()
        counts = share.rows, share.hits.rows
        rows.append((feature, group, *counts, parts[group], share.value, found.value, left_out, *weights))
    yield _lowest(feature, ratios, kept, reason, parameters.level)


def _why_none(kept: Mapping[str, Share]) -> str:
    if len(kept) < 2:  # noqa: PLR2004 - a comparison
        return "fewer than two categories are large enough to compare"
    if not any(share.hits.weight for share in kept.values()):
        return "nobody is favoured in any category"
    return ""


def _normal_tail(groups: int, level: float) -> float:
    """Half the level at which single intervals cover all pairs at once."""
    z = intervals.simultaneous_quantile(groups, level)
    return float(special.ndtr(z)) - 0.5


def _ratio(share: Share, best: Share, level: float, wide: float, where: Mapping[str, Any]) -> MetricValue:
    value = share.value / best.value
    if share is best:
        interval = Interval(1.0, 1.0, level, "comparator")
    else:
        found = intervals.ratio(share.pair, best.pair, wide)
        interval = Interval(found.low, found.high, level, f"{found.method}-simultaneous")
    return MetricValue(
        metric="impact_ratio",
        value=value,
        interval=interval,
        feature=where["feature"],
        group=where["group"],
        n=min(share.rows, best.rows),
    )


def _lowest(
    feature: str, ratios: list[MetricValue], kept: Mapping[str, Share], reason: str, level: float
) -> MetricValue:
    metric, n = "lowest_impact_ratio", min((share.rows for share in kept.values()), default=0)
    if reason:
        return MetricValue(metric=metric, value=None, n=n, feature=feature, not_estimable=reason)
    interval = intervals.lowest_ratio([share.pair for share in kept.values()], level)
    value = min(one.value for one in ratios if one.value is not None)
    return MetricValue(metric=metric, value=value, n=n, feature=feature, interval=interval)
