"""The forest plot: one row per group, its value as a mark, its interval as a whisker, the limit as a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from audits.reports.charts.svg import (
    BAND,
    BLUE,
    COLOURS,
    INK,
    MUTED,
    RULE,
    WIDTH,
    Axis,
    Tone,
    box,
    clip,
    line,
    picture,
    shape,
    text,
    tick,
)
from audits.reports.figures import MINUS, count, ends, figure
from audits.reports.tongue import marked

LABEL_WIDTH, PLOT_LEFT, PLOT_RIGHT, ROW, HEAD = 150, 200, 512, 22, 34
LEGEND = (
    (Tone.SATISFIED, gettext_noop("within the limit")),
    (Tone.NOT_SATISFIED, gettext_noop("outside the limit")),
    (Tone.INCONCLUSIVE, gettext_noop("inconclusive")),
    (Tone.ERROR, gettext_noop("not measured")),
    (Tone.PLAIN, gettext_noop("measured, not judged by itself")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One row: `value` is None when not estimable; a bound of None where an interval exists is unbounded."""

    label: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    has_interval: bool = True
    tone: Tone = Tone.PLAIN


def forest(
    marks: Sequence[Mark],
    *,
    title: str,
    description: str,
    at_least: str | None = None,
    at_most: str | None = None,
) -> str:
    """The rows in the order given, values and row counts beside them; the limits are decimal strings of a policy."""
    facts = [fact for mark in marks for fact in (mark.value, mark.low, mark.high) if fact is not None]
    facts += [float(bound) for bound in (at_least, at_most) if bound is not None]
    axis = Axis.over(facts, PLOT_LEFT, PLOT_RIGHT)
    bottom = HEAD + ROW * max(len(marks), 1)
    parts = [*_frame(axis, bottom, at_least, at_most)]
    for index, mark in enumerate(marks):
        parts += _row(mark, HEAD + ROW * index + ROW / 2, axis, (at_least, at_most))
    if not marks:
        parts.append(text(WIDTH / 2, HEAD + ROW / 2 + 4, _("nothing was measured"), anchor="middle", fill=MUTED))
    tones = {mark.tone for mark in marks}
    if tones <= {Tone.PLAIN}:
        return picture(title, description, bottom + 20, parts)
    parts += _legend([(tone, _(words)) for tone, words in LEGEND if tone in tones], bottom + 42)
    return picture(title, description, bottom + 50, parts)


def _frame(axis: Axis, bottom: float, at_least: str | None, at_most: str | None) -> list[str]:
    """Column heads, the allowed band, the limit lines with their words, and the ticks."""
    parts = [
        text(PLOT_LEFT - 10, HEAD - 4, _("rows"), size=9, fill=MUTED, anchor="end"),
        text(WIDTH, HEAD - 4, _("value [interval]"), size=9, fill=MUTED, anchor="end"),
    ]
    if at_least is not None or at_most is not None:
        left = PLOT_LEFT if at_least is None else axis.at(float(at_least))
        right = PLOT_RIGHT if at_most is None else axis.at(float(at_most))
        parts.append(box(left, HEAD - 8, right - left, bottom - HEAD + 8, fill=BAND))
    for fact, label in axis.ticks():
        x = axis.at(fact)
        parts.append(line(x, HEAD - 8, x, bottom, stroke=RULE, width=0.5))
        parts.append(tick(x, bottom + 13, label))
    parts.append(line(PLOT_LEFT, bottom, PLOT_RIGHT, bottom, stroke=MUTED, width=0.8))
    for word, bound in ((_("at least"), at_least), (_("at most"), at_most)):
        if bound is not None:
            x = axis.at(float(bound))
            parts.append(line(x, HEAD - 12, x, bottom, stroke=INK, width=1.2, dash="5 3"))
            label_x = min(max(x, PLOT_LEFT + 26), PLOT_RIGHT - 26)
            parts.append(
                text(
                    label_x,
                    HEAD - 17,
                    f"{word} {marked(bound).replace('-', MINUS)}",
                    size=9.5,
                    anchor="middle",
                    weight=600,
                )
            )
    return parts


def _row(mark: Mark, y: float, axis: Axis, limits: tuple[str | None, str | None]) -> list[str]:
    drawn = [text(0, y + 4, clip(mark.label, LABEL_WIDTH))]
    drawn.append(text(PLOT_LEFT - 10, y + 4, count(mark.n), size=9.5, anchor="end", fill=MUTED))
    if mark.value is None:
        drawn.append(
            text((PLOT_LEFT + PLOT_RIGHT) / 2, y + 4, _("not estimable"), size=10, anchor="middle", fill=MUTED)
        )
        return drawn
    beside = tuple(float(bound) for bound in limits if bound is not None)
    words = figure(mark.value, *beside)
    colour = COLOURS[mark.tone]
    if mark.has_interval:
        drawn += _whisker(mark, y, axis, colour)
        low = f"{MINUS}∞" if mark.low is None else figure(mark.low, *beside)
        high = "∞" if mark.high is None else figure(mark.high, *beside)
        words += f" {ends(low, high)}"
    drawn.append(shape(axis.at(mark.value), y, mark.tone))
    drawn.append(text(WIDTH, y + 4, words, size=10, anchor="end"))
    return drawn


def _whisker(mark: Mark, y: float, axis: Axis, colour: str = BLUE) -> list[str]:
    """The interval; an unbounded side runs to the edge without an end stop."""
    left = PLOT_LEFT if mark.low is None else axis.at(mark.low)
    right = PLOT_RIGHT if mark.high is None else axis.at(mark.high)
    parts = [line(left, y, right, y, stroke=colour, width=1.6)]
    for bound, x in ((mark.low, left), (mark.high, right)):
        if bound is not None:
            parts.append(line(x, y - 4, x, y + 4, stroke=colour, width=1.6))
    return parts


def _legend(entries: list[tuple[Tone, str]], y: float) -> list[str]:
    parts, x = [], float(PLOT_LEFT + 4)
    for tone, words in entries:
        parts += [shape(x, y - 3.5, tone, 4), text(x + 10, y, words, size=9.5, fill=MUTED)]
        x += 24 + 5.1 * len(words)
    return parts
