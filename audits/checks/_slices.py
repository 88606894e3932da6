"""Enumerating, counting and testing slices. Worker only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from scipy import special, stats

from audits.checks._cells import Share
from audits.checks._grouping import MANY_NUMBERS, Groups, feature_name, groups_of, tally_of
from audits.checks._outcomes import Outcomes, read_outcomes
from audits.checks._rows import NUMERIC, Rows, quoted
from audits.checks._sufficient import shares
from audits.checks._tasks import BINARY
from audits.checks._weighing import weighing_of
from audits.checks.base import EvidenceError
from audits.checks.fairness_slices import SliceParameters
from audits.checks.grouping import parse_bands
from audits.counting.question import CountQuestion, Tally, count
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table
from audits.statistics import intervals, significance

MOST_VALUES, MOST_COLUMNS, FEW = 50, 30, 5
MOST_KINDS = 20_000

_AIMS = {
    "error": "CAST(_label <> _prediction AS INTEGER)",
    "rejection": "1 - _prediction",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """What went wrong in it, and outside of it."""

    feature: str
    group: str
    inside: Share
    outside: Share

    @property
    def excess(self) -> float:
        """Rate inside minus rate outside."""
        return self.inside.value - self.outside.value

    @property
    def rows(self) -> int:
        """The smaller of both sides."""
        return min(self.inside.rows, self.outside.rows)


def measure_slices(evidence: Evidence, parameters: SliceParameters) -> Measurement:
    """Count, test, adjust: see `fairness_slices`."""
    outcomes = read_outcomes(evidence, kinds=(BINARY,))
    columns, left_out = _columns(outcomes.rows, parameters)
    bands = parse_bands(parameters.bands)
    groups = groups_of(outcomes.rows, columns, bands, depth=min(parameters.depth, len(columns)), most=MOST_VALUES)
    totals, absent = _counted(outcomes, groups, parameters)
    right, wrong = totals.pop(("", ""), [Tally(), Tally()])
    whole = Share(wrong, right + wrong)
    if not whole.rows:
        raise EvidenceError("target", "no row has both label and prediction, so nothing can be wrong")
    total = absent + whole.rows
    missing = MetricValue(metric="missing_fraction", value=absent / total, n=total)
    untold = ""
    if absent > parameters.missing_tolerated * total:
        untold = f"{absent} of {total} rows lack label or prediction, more than tolerated"
    found = [
        Slice(*where, Share(hits, hits + fine), _rest(whole, hits, hits + fine))
        for where, (fine, hits) in sorted(totals.items())
    ]
    tested = [] if untold else [one for one in found if one.rows >= parameters.least_rows]
    hidden = [one for one in tested if _tells(one, parameters.suppress_below)]
    tested = [one for one in tested if one not in hidden]
    if hidden:
        left_out.append(f"{len(hidden)} slices with a count below {parameters.suppress_below} were left out.")
    weighted = weighing_of(outcomes, parameters.weights).weight is not None and parameters.weights != "counts"
    values, table = _judged(tested, whole.rows, parameters, untold, weighted=weighted)
    return Measurement(
        values=(missing, *values),
        inputs=outcomes.inputs,
        tables={
            "slices": table,
            **_tested(tested, whole, weighted=weighted),
            "shares": shares([missing], {missing.metric}),
        },
        notes=(f"Predictions come from {outcomes.origin}.", *groups.notes, *left_out),
    )


def _counted(
    outcomes: Outcomes, groups: Groups, parameters: SliceParameters
) -> tuple[dict[tuple[str, str], list[Tally]], int]:
    """Right and wrong rows of each slice and, under two empty names, of all; rows that are neither."""
    weighing = weighing_of(outcomes, parameters.weights)
    people = f"outcomes WHERE {weighing.weight} > 0" if weighing.weight else "outcomes"
    question = CountQuestion(
        relation=f"(SELECT *, {_AIMS[parameters.aim]} AS _wrong FROM {people}) judged",
        keys=groups.keys,
        outcomes={"wrong": "_wrong"},
        sets=(*groups.sets, ()),
        weighing=weighing,
    )
    totals: dict[tuple[str, str], list[Tally]] = {}
    absent = 0
    for line in count(outcomes.rows.ask, question):
        if line.outcomes[0] is None:
            absent += 0 if line.keys else tally_of(line, parameters.weights).rows
        else:
            own = totals.setdefault((feature_name(line.keys), feature_name(line.groups)), [Tally(), Tally()])
            own[int(line.outcomes[0])] += tally_of(line, parameters.weights)
    return totals, absent


def _tested(tested: list[Slice], whole: Share, *, weighted: bool) -> dict[str, Table]:
    """Everybody, and how many slices of each size and number of errors were tested: what the family of tests is of.

    Names are left out: thousands of slices come down to few kinds. Left away where even those are too many.
    """
    columns = ("n", "wrong", *_weight_columns(weighted=weighted))
    kinds = Counter(_counts(one.inside, weighted=weighted) for one in tested)
    tables = {"everybody": Table(columns, (_counts(whole, weighted=weighted),))}
    if len(kinds) <= MOST_KINDS:
        tables["tested"] = Table((*columns, "slices"), tuple((*kind, often) for kind, often in sorted(kinds.items())))
    return tables


def _weight_columns(*, weighted: bool) -> tuple[str, ...]:
    return ("weight", "squares", "wrong_weight") if weighted else ()


def _counts(share: Share, *, weighted: bool) -> tuple[Any, ...]:
    """Rows and wrong ones; where rows weigh differently, also what they weigh."""
    weights = (share.total.weight, share.total.squares, share.hits.weight) if weighted else ()
    return share.rows, share.hits.rows, *weights


def _rest(whole: Share, hits: Tally, total: Tally) -> Share:
    """Everybody else."""
    return Share(_less(whole.hits, hits), _less(whole.total, total))


def _less(all_of: Tally, part: Tally) -> Tally:
    rows = all_of.rows - part.rows
    return Tally(rows, all_of.weight - part.weight, all_of.squares - part.squares) if rows else Tally()


def _tells(one: Slice, threshold: int) -> bool:
    """Whether a count of the slice, or of what is outside, is small."""
    counts = [n for side in (one.inside, one.outside) for n in (side.hits.rows, side.total.rows - side.hits.rows)]
    return any(0 < number < threshold for number in counts)


def _columns(rows: Rows, parameters: SliceParameters) -> tuple[list[str], list[str]]:
    """The columns to slice by, and what is said of those left out."""
    named = parameters.columns or (*rows.dataset.tagged("feature"), *rows.dataset.tagged("sensitive"))
    kept, left_out = [], []
    for name in dict.fromkeys(named):
        column = rows.column(name)
        [(distinct,)] = rows.ask(f"SELECT count(DISTINCT {quoted(name)}) FROM typed")
        if distinct > MOST_VALUES and not (column.type in NUMERIC and distinct > MANY_NUMBERS):
            left_out.append(f"{name} holds {distinct} values and was left out.")
        else:
            kept.append(name)
    if not kept:
        raise EvidenceError("columns", "no column has few enough values to slice by")
    if len(kept) > MOST_COLUMNS:
        raise EvidenceError("columns", f"{len(kept)} columns make too many slices; name at most {MOST_COLUMNS}")
    return kept, left_out


def _worse(one: Slice) -> float:
    """One-sided p-value for a higher rate inside than outside: exact where few whole rows are expected."""
    (hits, size), (other_hits, other_size) = one.inside.pair, one.outside.pair
    total, wrong = size + other_size, hits + other_hits
    least = min(size, other_size) / total
    if min(wrong * least, (total - wrong) * least) < FEW and all(float(n).is_integer() for n in (hits, size, wrong)):
        return float(stats.hypergeom.sf(hits - 1, total, wrong, size))
    pooled = wrong / total
    spread = (pooled * (1 - pooled) * (1 / size + 1 / other_size)) ** 0.5
    return float(special.ndtr(-one.excess / spread)) if spread else 1.0


def _judged(
    tested: list[Slice], total: int, parameters: SliceParameters, untold: str, *, weighted: bool
) -> tuple[list[MetricValue], Table]:
    p_values = [_worse(one) for one in tested]
    adjusted = significance.benjamini_hochberg(p_values) if tested else []
    level = 1 - (1 - parameters.level) / max(1, len(tested))
    excess = [one.excess for one in tested]
    order = sorted(range(len(tested)), key=lambda i: (adjusted[i], -excess[i], tested[i].feature, tested[i].group))
    kept = [i for i in order if adjusted[i] <= parameters.discovery_rate]
    values = [MetricValue(metric="slices_tested", value=float(len(tested)), n=total)]

    def valued(metric: str, index: int, feature: str, group: str) -> MetricValue:
        one = tested[index]
        interval = intervals.difference(one.inside.pair, one.outside.pair, level)
        return MetricValue(
            metric=metric, value=excess[index], n=one.rows, feature=feature, group=group, interval=interval
        )

    values += [valued("slice_excess", i, tested[i].feature, tested[i].group) for i in kept[: parameters.shown]]
    if tested:
        values.append(MetricValue(metric="slices_found", value=float(len(kept)), n=total))
        values.append(valued("largest_excess", max(range(len(tested)), key=excess.__getitem__), "", ""))
    else:
        reason = untold or f"no slice that may be told has at least {parameters.least_rows} rows inside and outside"
        unknown = ("slices_found", "largest_excess")
        values += [MetricValue(metric=metric, value=None, n=0, not_estimable=reason) for metric in unknown]
    rows = tuple(
        (
            *(one.feature, one.group, one.inside.rows, one.inside.hits.rows, excess[i], p_values[i], adjusted[i]),
            *_counts(one.inside, weighted=weighted)[2:],
        )
        for i in order[: parameters.shown]
        for one in (tested[i],)
    )
    columns = ("feature", "slice", "n", "wrong", "excess", "p", "p_benjamini_hochberg")
    return values, Table((*columns, *_weight_columns(weighted=weighted)), rows)
