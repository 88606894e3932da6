"""A line through measured points, with the diagonal where perfect agreement would lie: calibration and the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from audits.reports.charts.svg import (
    BLUE,
    MUTED,
    RULE,
    WIDTH,
    Axis,
    Tone,
    line,
    number,
    path,
    picture,
    shape,
    text,
    tick,
)

LEFT, RIGHT, TOP, BOTTOM = 170, 490, 12, 252


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point; `low` and `high` bound `y`, both None for none."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


def curve(
    points: Sequence[Point],
    *,
    title: str,
    description: str,
    across: str,
    upward: str,
    diagonal: bool = False,
) -> str:
    """The points joined in order of x; `across` and `upward` name the axes."""
    ordered = sorted(points, key=lambda point: (point.x, point.y))
    heights = [fact for point in ordered for fact in (point.y, point.low, point.high) if fact is not None]
    widths = [point.x for point in ordered]
    if diagonal:
        widths, heights = widths + heights, heights + widths
    horizontal = Axis.over(widths, LEFT, RIGHT)
    vertical = Axis.over(heights, BOTTOM, TOP)
    parts = _frame(horizontal, vertical, across, upward)
    if diagonal:
        parts.append(line(LEFT, BOTTOM, RIGHT, TOP, stroke=MUTED, width=1, dash="5 3"))
    places = [(horizontal.at(point.x), vertical.at(point.y)) for point in ordered]
    for point, (x, _y) in zip(ordered, places, strict=True):
        if point.low is not None and point.high is not None:
            parts.append(line(x, vertical.at(point.low), x, vertical.at(point.high), stroke=BLUE, width=1.2))
    if places:
        points_text = "L".join(f"{number(x)} {number(y)}" for x, y in places)
        parts.append(path(f"M{points_text}", fill="none", stroke=BLUE, stroke_width="1.8"))
    else:
        parts.append(text(WIDTH / 2, (TOP + BOTTOM) / 2, _("nothing was measured"), anchor="middle", fill=MUTED))
    parts += [shape(x, y, Tone.SATISFIED, 3.2) for x, y in places]
    return picture(title, description, BOTTOM + 40, parts)


def _frame(horizontal: Axis, vertical: Axis, across: str, upward: str) -> list[str]:
    parts = []
    for fact, label in horizontal.ticks():
        x = horizontal.at(fact)
        parts.append(line(x, TOP, x, BOTTOM, stroke=RULE, width=0.5))
        parts.append(tick(x, BOTTOM + 14, label))
    for fact, label in vertical.ticks():
        y = vertical.at(fact)
        parts.append(line(LEFT, y, RIGHT, y, stroke=RULE, width=0.5))
        parts.append(tick(LEFT - 6, y + 3, label, anchor="end"))
    parts.append(text((LEFT + RIGHT) / 2, BOTTOM + 32, across, size=10, anchor="middle"))
    parts.append(text(LEFT - 44, (TOP + BOTTOM) / 2, upward, size=10, anchor="end"))
    return parts
