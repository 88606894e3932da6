"""Horizontal bars with intervals: how much each feature matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from audits.reports.charts.svg import BLUE, INK, MUTED, RULE, WIDTH, Axis, box, clip, line, picture, text, tick
from audits.reports.figures import ends, figure

LABEL_WIDTH, PLOT_LEFT, PLOT_RIGHT, ROW, HEAD = 150, 160, 512, 21, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar from zero; `low` and `high` bound its interval, both None for none."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


def importance(bars: Sequence[Bar], *, title: str, description: str) -> str:
    """The bars in the order given, from zero, each with its number and interval printed beside it."""
    facts = [fact for bar in bars for fact in (bar.value, bar.low, bar.high) if fact is not None]
    axis = Axis.over([0.0, *facts], PLOT_LEFT, PLOT_RIGHT)
    bottom = HEAD + ROW * max(len(bars), 1)
    parts = []
    for fact, label in axis.ticks():
        parts.append(line(axis.at(fact), HEAD, axis.at(fact), bottom, stroke=RULE, width=0.5))
        parts.append(tick(axis.at(fact), bottom + 13, label))
    for index, bar in enumerate(bars):
        parts += _row(bar, HEAD + ROW * index + ROW / 2, axis)
    parts.append(line(axis.at(0), HEAD, axis.at(0), bottom, stroke=MUTED, width=0.8))
    if not bars:
        parts.append(text(WIDTH / 2, HEAD + ROW / 2 + 4, _("nothing was measured"), anchor="middle", fill=MUTED))
    return picture(title, description, bottom + 20, parts)


def _row(bar: Bar, y: float, axis: Axis) -> list[str]:
    start, end = sorted((axis.at(0), axis.at(bar.value)))
    words = figure(bar.value)
    drawn = [
        text(0, y + 4, clip(bar.label, LABEL_WIDTH)),
        box(start, y - 6, end - start, 12, fill=BLUE, fill_opacity="0.8"),
    ]
    if bar.low is not None and bar.high is not None:
        left, right = axis.at(bar.low), axis.at(bar.high)
        drawn += [line(left, y, right, y, stroke=INK, width=1.4)]
        drawn += [line(x, y - 4, x, y + 4, stroke=INK, width=1.4) for x in (left, right)]
        words += f" {ends(figure(bar.low), figure(bar.high))}"
    drawn.append(text(WIDTH, y + 4, words, size=10, anchor="end"))
    return drawn
