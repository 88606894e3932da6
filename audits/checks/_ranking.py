"""The arithmetic of rankings. Worker only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from audits.checks._cells import JOINED_BY
from audits.checks._disclosure import shown_groups
from audits.checks._grouping import Groups, feature_name, groups_of
from audits.checks._rows import NUMERIC, Rows, open_rows, quoted
from audits.checks.base import EvidenceError
from audits.checks.fairness_ranking import RankingParameters
from audits.checks.grouping import parse_bands
from audits.counting.question import Tally
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals, moments, ordering
from audits.statistics.moments import Moments

Array = np.ndarray[Any, Any]
MOST_PLACES = 1000
#: Places of random orders that are held at a time; 8 MB in each of a few arrays.
MOST_DRAWN = 1_000_000
#: Two orders that are equally far from the shares may differ by so much.
ROUNDING = 1e-12


def measure_ranking(evidence: Evidence, parameters: RankingParameters) -> Measurement:
    """Read score, list and groups, then order: see `fairness_ranking`."""
    dataset = evidence.datasets["evaluation"]
    rows = open_rows(dataset, streamed=True)
    if parameters.weights != "ignored" and rows.one_tagged("weight") is not None:
        problem = "weighs rows, but each row has one place in a list; set weights to ignored"
        raise EvidenceError(str(rows.one_tagged("weight")), problem)
    score = rows.one_tagged("score")
    if score is None or rows.column(score).type not in NUMERIC:
        raise EvidenceError("score", "no numeric column is tagged score, so there is no order")
    groups = groups_of(
        rows,
        parameters.columns_of(dataset),
        parse_bands(parameters.bands),
        depth=parameters.depth,
        most=parameters.most_groups,
    )
    scores, lists, members = _columns(rows, score, parameters, groups)
    members, disclosure = _shown(members, groups, parameters.suppress_below)
    attention, places = _places(scores, lists)
    values: list[MetricValue] = []
    table: list[tuple[Any, ...]] = []
    for feature, names in members.items():
        found = _of_feature(feature, names, attention, places, parameters)
        values += found
        values += _order(feature, names, places, lists, parameters, evidence.seed)
        hits = Counter(names[places <= parameters.top])
        table += [(feature, one.group, one.n, one.value, hits[one.group]) for one in found if one.metric == "exposure"]
    return Measurement(
        values=tuple(values),
        inputs=rows.inputs,
        tables={
            "exposure": Table(("feature", "group", "n", "mean_exposure", "among_the_top"), tuple(table)),
            **_sequence(members, places, lists, parameters),
        },
        notes=(f"Ordered by {score}; {len(np.unique(lists))} lists.", *groups.notes, *disclosure),
    )


def _columns(
    rows: Rows, score: str, parameters: RankingParameters, groups: Groups
) -> tuple[Array, Array, dict[str, Array]]:
    """Scores, list codes and, for each feature, the group of every row."""
    [(absent,)] = rows.ask(f"SELECT count(*) FILTER (WHERE {quoted(score)} IS NULL) FROM typed")
    if absent:
        raise EvidenceError(score, f"is missing in {absent} rows, which have no place in the order")
    query = rows.as_text(parameters.query) if parameters.query else "''"
    keys = ", ".join(f"{key.native} AS k{i}" for i, key in enumerate(groups.keys.values()))
    texts = ", ".join(f"{key.text.format(f'k{i}')} AS g{i}" for i, key in enumerate(groups.keys.values()))
    found = rows.connection.execute(
        f"SELECT s, q, {texts} FROM "
        f"(SELECT {quoted(score)}::DOUBLE AS s, coalesce({query}, '') AS q, {keys} FROM typed)"
    ).fetchnumpy()
    texts_of = {name: np.asarray(found[f"g{i}"], dtype=object) for i, name in enumerate(groups.keys)}
    members = {
        feature_name(one): np.array([feature_name(v) for v in zip(*(texts_of[c] for c in one), strict=True)], dtype=str)
        for one in groups.sets
    }
    _, lists = np.unique(np.asarray(found["q"], dtype=str), return_inverse=True)
    return np.asarray(found["s"], dtype=float), lists, members


def _shown(members: dict[str, Array], groups: Groups, threshold: int) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The group of every row, groups too small to be told apart as one."""
    counts, parts = {}, {}
    for feature, names in members.items():
        found, sizes = np.unique(names, return_counts=True)
        rows = {str(name): int(size) for name, size in zip(found, sizes, strict=True)}
        counts[feature] = {name: {None: Tally(size, size, size)} for name, size in rows.items()}
        parts[feature] = {name: tuple(name.split(JOINED_BY)) for name in rows}
    columns = {feature_name(one): one for one in groups.sets}
    shown, disclosure = shown_groups(counts, columns, parts, threshold)
    for feature, group in shown:
        names = members[feature].astype(object)
        names[names == group] = shown[feature, group]
        members[feature] = names.astype(str)
    return members, disclosure


def _rows_of_lists(lists: Array) -> list[Array]:
    """The rows of each list, in the order of the file."""
    order = np.argsort(lists, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(lists[order])) + 1)


def _places(scores: Array, lists: Array) -> tuple[Array, Array]:
    """Attention and rank (1 is best, ties in file order) of every row within its list."""
    attention, places = np.empty(scores.size), np.empty(scores.size, dtype=int)
    for own in _rows_of_lists(lists):
        attention[own] = ordering.exposure(scores[own])
        places[own[np.argsort(-scores[own], kind="stable")]] = np.arange(1, own.size + 1)
    return attention, places


def _of_feature(
    feature: str, names: Array, attention: Array, places: Array, parameters: RankingParameters
) -> list[MetricValue]:
    values: list[MetricValue] = []
    found: dict[str, Moments] = {}
    groups, codes = np.unique(names, return_inverse=True)
    hits = np.bincount(codes[places <= parameters.top], minlength=groups.size)
    for group, (own, rest), at_top in zip(map(str, groups), _moments(attention, codes), hits, strict=True):
        found[group] = own
        values += _of_group(feature, group, own, rest, parameters.level)
        values += _top(feature, group, own.rows / names.size, (int(at_top), int(hits.sum())), parameters.level)
    n = min(one.rows for one in found.values())
    metric = "lowest_exposure_ratio"
    if len(found) < 2:  # noqa: PLR2004 - a comparison
        values.append(_nothing(metric, feature, "", n, "there is only one group"))
        return values
    low, high = (pick(found.values(), key=lambda one: one.mean) for pick in (min, max))
    pairs = len(found) * (len(found) - 1) / 2
    interval = _fieller(low, high, 1 - (1 - parameters.level) / pairs)
    if interval is not None:
        ceiling = None if interval.high is None else max(1.0, low.mean / high.mean, min(1.0, interval.high))
        interval = Interval(max(0.0, interval.low or 0.0), ceiling, parameters.level, "fieller-bonferroni")
    values.append(MetricValue(metric=metric, value=low.mean / high.mean, n=n, feature=feature, interval=interval))
    return values


def _moments(sample: Array, codes: Array) -> Iterator[tuple[Moments, Moments]]:
    """For each code, those of its rows and those of everybody else's.

    Once through the rows, whatever the number of groups: the squares of the rest follow from those within the groups
    and those between them.
    """
    sizes = np.bincount(codes)
    means = np.bincount(codes, weights=sample) / sizes
    within = np.bincount(codes, weights=(sample - means[codes]) ** 2)
    away = means - sample.mean()
    between = sizes * away**2
    for size, mean, own, apart, part in zip(sizes, means, within, away, between, strict=True):
        others = sample.size - size
        if not others:
            yield _summary(size, mean, own), Moments(0, 0, 0.0, 0.0)
            return
        other_mean_away = -size * apart / others
        squares = within.sum() - own + between.sum() - part - others * other_mean_away**2
        yield _summary(size, mean, own), _summary(others, mean - apart + other_mean_away, squares)


def _summary(size: int, mean: float, squares: float) -> Moments:
    """`squares` is the sum about the mean; rounding may leave it a little below 0."""
    return Moments(int(size), int(size), float(mean), max(0.0, float(squares)) / int(size))


def _nothing(metric: str, feature: str, group: str, n: int, reason: str) -> MetricValue:
    return MetricValue(metric=metric, value=None, n=n, feature=feature, group=group, not_estimable=reason)


def _of_group(feature: str, group: str, own: Moments, rest: Moments, level: float) -> Iterator[MetricValue]:
    yield MetricValue(
        metric="exposure",
        value=own.mean,
        n=own.rows,
        feature=feature,
        group=group,
        interval=moments.interval(own, level),
    )
    if not rest.rows:
        yield _nothing("exposure_ratio", feature, group, 0, "there is only one group")
        return
    yield MetricValue(
        metric="exposure_ratio",
        value=own.mean / rest.mean,
        n=min(own.rows, rest.rows),
        feature=feature,
        group=group,
        interval=_fieller(own, rest, level),
    )


def _fieller(first: Moments, second: Moments, level: float) -> Interval | None:
    """Fieller's interval for a ratio of independent positive means; None where the second may be 0."""
    if min(first.size, second.size) <= 1:
        return None
    z = intervals.normal_quantile(level)
    ratio = first.mean / second.mean
    doubt = (z * second.error / second.mean) ** 2
    if doubt >= 1:
        return None
    spread = z / second.mean * math.sqrt((1 - doubt) * first.error**2 + ratio**2 * second.error**2)
    return Interval(max(0.0, (ratio - spread) / (1 - doubt)), (ratio + spread) / (1 - doubt), level, "fieller")


def _top(feature: str, group: str, part: float, at_top: tuple[int, int], level: float) -> Iterator[MetricValue]:
    """Its share of the top places, beside `part`, its share of all rows (a fact about these lists, without error).

    `at_top`: how many of its rows stand there, and how many of all.
    """
    hits, places = at_top
    interval = intervals.proportion(hits, places, level)
    low, high = interval.low or 0.0, 1.0 if interval.high is None else interval.high
    for metric, value, bounds in (
        ("top_share", hits / places, (low, high)),
        ("top_share_difference", hits / places - part, (low - part, high - part)),
        ("top_skew", hits / places / part, (low / part, high / part)),
    ):
        found = Interval(*bounds, level, interval.method)
        yield MetricValue(metric=metric, value=value, n=places, feature=feature, group=group, interval=found)


def _sequence(
    members: dict[str, Array], places: Array, lists: Array, parameters: RankingParameters
) -> dict[str, Table]:
    """Whose place is which, as far as NDKL looks; left away where single places must not be told, or are too many."""
    kept = np.flatnonzero(places <= parameters.prefix)
    if parameters.suppress_below > 1 or kept.size > MOST_PLACES:
        return {}
    kept = kept[np.lexsort((places[kept], lists[kept]))]
    rows = tuple(
        (feature, int(lists[row]), int(places[row]), str(names[row]))
        for feature, names in members.items()
        for row in kept
    )
    return {"places": Table(("feature", "list", "place", "group"), rows)}


def _order(
    feature: str, names: Array, places: Array, lists: Array, parameters: RankingParameters, seed: int
) -> Iterator[MetricValue]:
    """NDKL averaged over the lists, and the share of random orders that reach it."""
    _, codes = np.unique(names, return_inverse=True)
    wanted = np.bincount(codes) / codes.size
    random = np.random.default_rng(seed)
    value, drawn = 0.0, np.zeros(parameters.orders)
    members = _rows_of_lists(lists)
    for own in members:
        value += float(ordering.divergence(codes[own[np.argsort(places[own])][: parameters.prefix]], wanted))
        drawn += _by_chance(codes[own], wanted, parameters, random)
    value, drawn = value / len(members), drawn / len(members)
    n = int((places <= parameters.prefix).sum())
    yield MetricValue(metric="ndkl", value=max(0.0, value), n=n, feature=feature)
    share = (int((drawn >= value - ROUNDING).sum()) + 1) / (parameters.orders + 1)
    yield MetricValue(metric="ndkl_p_value", value=share, n=n, feature=feature)


def _by_chance(codes: Array, wanted: Array, parameters: RankingParameters, random: np.random.Generator) -> Array:
    """(orders,) divergences of a list in random order. Only the places that count are drawn, without replacement."""
    length = min(parameters.prefix, codes.size)
    at_once = max(1, MOST_DRAWN // length)
    found = []
    for start in range(0, parameters.orders, at_once):
        orders = range(start, min(start + at_once, parameters.orders))
        drawn = np.stack([codes[random.choice(codes.size, length, replace=False)] for _ in orders])
        found.append(ordering.divergence(drawn, wanted))
    return np.concatenate(found)
