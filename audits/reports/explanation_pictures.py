"""The charts of an explanation, drawn from the tables that the check left; in the active language.

Importance with intervals, single attributions, effects of the strongest numbers, typical and borderline cases, and the
change against the version in the stage. The words under a chart say how to read it; they judge nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from audits.measurements import Table
from audits.reports import charts
from audits.reports.figures import count, figure
from audits.reports.parts import CheckFacts
from audits.reports.pictured import Picture, heard, left_out, sentence
from audits.reports.tongue import marked, ours

MOST_BARS, MOST_EFFECTS, MOST_REASONS = 14, 2, 3


def of_explanation(check: CheckFacts) -> list[Picture]:
    """Every chart for which the check left a table, in the order in which an explanation is read."""
    return [*_importance(check), *_swarm(check), *_effects(check), *_cases(check), *_change(check)]


def _rows(check: CheckFacts, name: str) -> list[Mapping[str, Any]]:
    """The table as a mapping for each row; none where it was not left."""
    table = check.tables.get(name) or Table((), ())
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _importance(check: CheckFacts) -> list[Picture]:
    rows = _rows(check, "importance")
    if not rows:
        return []
    kept = rows[:MOST_BARS]
    bars = [
        charts.Bar(label=str(r["feature"]), value=r["share"], low=r["share_low"], high=r["share_high"]) for r in kept
    ]
    told = _("{number} features; {first} has the largest share, {share}.").format(
        number=count(len(kept)), first=kept[0]["feature"], share=figure(kept[0]["share"])
    )
    reading = _("Share of all absolute attribution, with the interval that another sample of rows would move it in.")
    return [_barred(_("importance of the features"), told, reading + left_out(len(kept), len(rows)), bars)]


def _swarm(check: CheckFacts) -> list[Picture]:
    rows = _rows(check, "swarm")
    if not rows:
        return []
    dots = [charts.Dot(label=str(r["feature"]), value=float(r["attribution"]), rank=r["value_rank"]) for r in rows]
    words = _("attribution of single answers")
    told = _("{number} dots: each is one row's attribution to a feature, dark where its value is high.").format(
        number=count(len(dots))
    )
    svg = charts.swarm(dots, title=words, description=told)
    caption = _("{words}, strongest feature first.").format(words=sentence(words))
    reading = _("Right of the line a feature raised the answer, left of it lowered it.")
    return [Picture(svg, heard(words, told), f"{caption} {reading}")]


def _effects(check: CheckFacts) -> list[Picture]:
    """Accumulated local effects, which unlike partial dependence never ask about combinations that do not occur."""
    rows, pictures = _rows(check, "effects"), []
    for name in list(dict.fromkeys(row["feature"] for row in rows))[:MOST_EFFECTS]:
        points = [charts.Point(x=float(r["value"]), y=float(r["effect"])) for r in rows if r["feature"] == name]
        words = _("accumulated local effect of {feature}").format(feature=name)
        told = _("The answer's change as {feature} goes from {first} to {last}, all else as it occurs.").format(
            feature=name, first=marked(f"{points[0].x:g}"), last=marked(f"{points[-1].x:g}")
        )
        svg = charts.curve(points, title=words, description=told, across=str(name), upward=_("effect"))
        caption = _("{words}, centred on zero.").format(words=sentence(words))
        pictures.append(Picture(svg, heard(words, told), caption + _warned(check)))
    return pictures


def _cases(check: CheckFacts) -> list[Picture]:
    rows = _rows(check, "cases")
    if not rows:
        return []
    named, bars = _case_names(), []
    answers = {row["case"]: figure(float(row["answer"])) for row in rows}
    for case in answers:
        own = [row for row in rows if row["case"] == case][:MOST_REASONS]
        said = named.get(case, case)
        bars += [charts.Bar(label=f"{said}: {row['feature']}", value=float(row["attribution"])) for row in own]
    told = _(
        "The strongest attributions of rows that are typical of either side, and of rows nearest to the threshold."
    )
    caption = _("Typical and borderline cases, each with its strongest reasons. Answers: {answers}.").format(
        answers=", ".join(f"{named.get(case, case)} {answer}" for case, answer in answers.items())
    )
    return [_barred(_("typical and borderline cases"), told, caption, bars)]


def _case_names() -> dict[str, str]:
    return {
        "typical above": _("typical above"),
        "typical below": _("typical below"),
        "borderline 1": _("borderline 1"),
        "borderline 2": _("borderline 2"),
    }


def _change(check: CheckFacts) -> list[Picture]:
    rows = _rows(check, "change")
    if not rows:
        return []
    bounds = {v.feature: v.interval for v in check.values if v.metric == "share_change" and v.interval is not None}
    kept = rows[:MOST_BARS]
    bars = [
        charts.Bar(
            label=str(row["feature"]),
            value=float(row["change"]),
            low=bounds[row["feature"]].low if row["feature"] in bounds else None,
            high=bounds[row["feature"]].high if row["feature"] in bounds else None,
        )
        for row in kept
    ]
    told = _("{number} features, the one that changed most first: {first}.").format(
        number=count(len(kept)), first=kept[0]["feature"]
    )
    reading = _("Share of each feature in the new version minus its share in the current one, with its interval.")
    return [_barred(_("change of importance"), told, reading + left_out(len(kept), len(rows)), bars)]


def _barred(words: str, told: str, caption: str, bars: Sequence[charts.Bar]) -> Picture:
    return Picture(charts.importance(bars, title=words, description=told), heard(words, told), caption)


def _warned(check: CheckFacts) -> str:
    """The check's own warning about correlated features, which divide attributions between them."""
    return "".join(f" {ours(note)}" for note in check.notes if "are correlated" in note)
