"""The charts of groups beside each other: ROC curves, reliability curves, and a map of joint groups.

Each is drawn from what the check stored: the tables `roc` and `reliability`, and the rates of joint groups. The words
under a chart say what it shows and how to read it; they judge nothing, that is left to the findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from audits.measurements import MetricValue
from audits.reports import charts
from audits.reports.charts.compared import MOST_SERIES
from audits.reports.charts.heat import MOST_COLUMNS, MOST_ROWS
from audits.reports.figures import bounds, count, figure
from audits.reports.parts import CheckFacts
from audits.reports.pictured import Picture, heard, left_out, sentence
from audits.reports.tongue import ours
from audits.reports.wording import metric_in_words

JOINED_BY = " & "


def of_groups(check: CheckFacts) -> list[Picture]:
    """Every chart of groups for which the check left the numbers: the first plain feature by scores, joint groups."""
    return [*_curves(check, "reliability"), *_curves(check, "roc"), *_maps(check)]


def _curves(check: CheckFacts, name: str) -> list[Picture]:
    """One chart for each plain feature, at most two."""
    table = check.tables.get(name)
    if table is None:
        return []
    entries = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    features = dict.fromkeys(str(entry["feature"]) for entry in entries if entry["feature"])
    plain = [feature for feature in features if JOINED_BY not in feature][:2]
    draw = _reliability if name == "reliability" else _roc
    return [draw(check, feature, [entry for entry in entries if entry["feature"] == feature]) for feature in plain]


def _values(check: CheckFacts, metric: str, feature: str) -> dict[str, MetricValue]:
    return {v.group: v for v in check.values if v.metric == metric and v.feature == feature and v.group}


def _largest(groups: Iterable[str], values: dict[str, MetricValue]) -> list[str]:
    """The groups with most rows, in the order in which they were measured."""
    named = list(dict.fromkeys(groups))
    kept = sorted(named, key=lambda group: -(values[group].n if group in values else 0))[:MOST_SERIES]
    return [group for group in named if group in kept]


def _detail(word: str, value: MetricValue | None) -> str:
    if value is None or value.value is None:
        return _("{word} not estimable").format(word=word)
    return f"{word} {figure(value.value)} {bounds(value.interval)}, n {count(value.n)}"


def _reliability(check: CheckFacts, feature: str, entries: Sequence[dict[str, object]]) -> Picture:
    errors = _values(check, "expected_calibration_error", feature)
    gaps = _values(check, "calibration_gap", feature)
    groups = _largest((str(entry["group"]) for entry in entries), errors)
    series = [
        charts.Series(
            label=group,
            detail=_detail(_("error"), errors.get(group)),
            points=[
                charts.Point(
                    x=_number(one["mean_score"]),
                    y=_number(one["positives"]),
                    low=_bound(one["low"]),
                    high=_bound(one["high"]),
                )
                for one in entries
                if one["group"] == group
            ],
        )
        for group in groups
    ]
    words = _("calibration by {feature}").format(feature=feature)
    told = _told(series, _("mean score against the share that is positive"), len(errors))
    svg = charts.compared(series, title=words, description=told, across=_("mean score"), upward=_("share positive"))
    reading = _(
        "{words}. On the dotted diagonal a score means what it says; below it people are scored too high, above it too "
        "low."
    ).format(words=sentence(words))
    ends = _ends(_("Expected calibration error"), errors, groups) + _leaning(gaps, groups)
    return Picture(svg, heard(words, told), f"{reading} {ends}" + left_out(len(groups), len(errors)))


def _leaning(gaps: dict[str, MetricValue], groups: Sequence[str]) -> str:
    """Who is scored too high or too low on the whole, where the interval leaves no doubt."""
    words = []
    for direction, sure in (
        (_("On the whole scored too high, beyond chance: {groups}."), _above_zero),
        (_("On the whole scored too low, beyond chance: {groups}."), _below_zero),
    ):
        leaning = [group for group in groups if group in gaps and sure(gaps[group])]
        if leaning:
            words.append(" " + direction.format(groups=", ".join(leaning)))
    return "".join(words)


def _above_zero(value: MetricValue) -> bool:
    return value.interval is not None and value.interval.low is not None and value.interval.low > 0


def _below_zero(value: MetricValue) -> bool:
    return value.interval is not None and value.interval.high is not None and value.interval.high < 0


def _roc(check: CheckFacts, feature: str, entries: Sequence[dict[str, object]]) -> Picture:
    areas = _values(check, "auc", feature)
    groups = _largest((str(entry["group"]) for entry in entries), areas)
    series = [
        charts.Series(
            label=group,
            detail=_detail(_("area"), areas.get(group)),
            points=[
                charts.Point(x=_number(one["false_positive_rate"]), y=_number(one["true_positive_rate"]))
                for one in entries
                if one["group"] == group
            ],
        )
        for group in groups
    ]
    words = _("ROC curves by {feature}").format(feature=feature)
    told = _told(series, _("false positive rate against true positive rate at each threshold"), len(areas))
    svg = charts.compared(
        series, title=words, description=told, across=_("false positive rate"), upward=_("true positive rate")
    )
    reading = _(
        "{words}. Each point is one threshold; the nearer a curve comes to the upper left corner, the better the score "
        "tells positives from negatives in that group, and on the dotted diagonal it tells nothing. Curves apart from "
        "each other mean that one threshold cannot give all groups the same error rates."
    ).format(words=sentence(words))
    ends = _ends(_("Area under the curve"), areas, groups)
    return Picture(svg, heard(words, told), f"{reading} {ends}" + left_out(len(groups), len(areas)))


def _told(series: Sequence[charts.Series], what: str, total: int) -> str:
    details = "; ".join(f"{one.label}: {one.detail}" for one in series)
    return _("{shown} of {total} groups, {what}. {details}.").format(
        shown=len(series), total=count(max(total, len(series))), what=what, details=details
    )


def _ends(words: str, values: dict[str, MetricValue], groups: Sequence[str]) -> str:
    """Highest and lowest of what is drawn, as a sentence."""
    known = [(value.value, group) for group in groups if (value := values.get(group)) and value.value is not None]
    if len(known) < 2:  # noqa: PLR2004 - ends need two values
        return ""
    (low, lowest), (high, highest) = min(known), max(known)
    return _("{words}: highest for {highest} ({high}), lowest for {lowest} ({low}).").format(
        words=words, highest=highest, high=figure(high), lowest=lowest, low=figure(low)
    )


def _maps(check: CheckFacts) -> list[Picture]:
    """The selection rate of each joint group of two columns."""
    features = dict.fromkeys(v.feature for v in check.values if v.metric == "selection_rate" and v.group)
    return [_map(check, feature) for feature in features if feature.count(JOINED_BY) == 1][:1]


def _map(check: CheckFacts, feature: str) -> Picture:
    down, across = feature.split(JOINED_BY)
    values = _values(check, "selection_rate", feature)
    pairs = {
        (group.split(JOINED_BY)[0], group.split(JOINED_BY)[1]): v
        for group, v in values.items()
        if group.count(JOINED_BY) == 1
    }
    rows, columns = (list(dict.fromkeys(pair[side] for pair in pairs)) for side in (0, 1))
    if len(columns) > len(rows):
        down, across, rows, columns = across, down, columns, rows
        pairs = {(second, first): value for (first, second), value in pairs.items()}
    fields = {pair: _field(value) for pair, value in pairs.items()}
    words = _("{words} by {down} and {across}").format(
        words=ours(metric_in_words("selection_rate")), down=down, across=across
    )
    pair = _("{one} and {other}: {told}")
    told = "; ".join(pair.format(one=a, other=b, told=_spoken(value)) for (a, b), value in list(pairs.items())[:20])
    svg = charts.heat(fields, title=words, description=f"{told}.", down=(down, rows), across=(across, columns))
    known = {f"{a}, {b}": value for (a, b), value in pairs.items() if value.value is not None}
    reading = _(
        "{words}: who is selected how often among people who are in two groups at once; darker is more often. A wedge "
        "up marks the highest field, a wedge down the lowest."
    ).format(words=sentence(words))
    ends = _ends(_("Selected"), known, list(known))
    shown = min(len(rows), MOST_ROWS) * min(len(columns), MOST_COLUMNS)
    total = len(rows) * len(columns)
    return Picture(svg, heard(words, f"{told}."), f"{reading} {ends}" + left_out(shown, total))


def _field(value: MetricValue) -> charts.Field:
    word = _("withheld") if value.not_estimable.startswith("withheld") else _("not estimable")
    interval = value.interval
    return charts.Field(
        value=value.value,
        n=value.n,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        word=word,
    )


def _spoken(value: MetricValue) -> str:
    return _("not estimable") if value.value is None else f"{figure(value.value)} {bounds(value.interval)}"


def _number(cell: object) -> float:
    return float(cell)  # type: ignore[arg-type]


def _bound(cell: object) -> float | None:
    return None if cell is None else _number(cell)
