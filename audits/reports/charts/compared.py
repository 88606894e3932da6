"""Several curves over the unit square, one a group of people: told apart by dash, by mark and by colour at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from audits.reports.charts.curve import Point
from audits.reports.charts.svg import (
    BLUE,
    INK,
    MUTED,
    OCHRE,
    PAPER,
    RULE,
    VERMILION,
    WIDTH,
    Axis,
    clip,
    line,
    number,
    path,
    picture,
    text,
    tick,
)

LEFT, RIGHT, TOP, BOTTOM = 64, 344, 12, 292
BESIDE, ROW, MOST_SERIES, MOST_MARKS = 372, 38, 6, 6
UNIT = Axis(0.0, 1.0, LEFT, RIGHT, 0.2), Axis(0.0, 1.0, BOTTOM, TOP, 0.2)
# Okabe and Ito's bluish green and reddish purple, darkened like the rest of the palette.
GREEN, PURPLE = "#00664a", "#8a3c6e"
STYLES = (
    (BLUE, "", "disc"),
    (VERMILION, "7 3", "diamond"),
    (GREEN, "2 2.5", "square"),
    (PURPLE, "9 3 2 3", "triangle"),
    (OCHRE, "4 4", "ring"),
    (INK, "12 4", "cross"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One curve; `detail` is the line of numbers printed under its name. Points lie in the unit square."""

    label: str
    detail: str
    points: Sequence[Point]


def compared(series: Sequence[Series], *, title: str, description: str, across: str, upward: str) -> str:
    """At most six curves over the diagonal, with name and numbers beside; `across` and `upward` name the axes."""
    parts = _frame(across, upward)
    for index, one in enumerate(series[:MOST_SERIES]):
        parts += _curve(one, *STYLES[index])
        parts += _beside(one, TOP + 10 + ROW * index, *STYLES[index])
    if not series:
        parts.append(text((LEFT + RIGHT) / 2, TOP + 40, _("nothing was measured"), anchor="middle", fill=MUTED))
    return picture(title, description, BOTTOM + 40, parts)


def _frame(across: str, upward: str) -> list[str]:
    horizontal, vertical = UNIT
    parts = []
    for fact, label in horizontal.ticks():
        x, y = horizontal.at(fact), vertical.at(fact)
        parts += [line(x, TOP, x, BOTTOM, stroke=RULE, width=0.5), tick(x, BOTTOM + 14, label)]
        parts += [line(LEFT, y, RIGHT, y, stroke=RULE, width=0.5), tick(LEFT - 6, y + 3, label, anchor="end")]
    parts.append(line(LEFT, BOTTOM, RIGHT, TOP, stroke=MUTED, width=1, dash="1 3"))
    parts.append(text((LEFT + RIGHT) / 2, BOTTOM + 32, across, size=10, anchor="middle"))
    middle = f"rotate(-90 {number(18)} {number((TOP + BOTTOM) / 2)})"
    words = text(18, (TOP + BOTTOM) / 2, upward, size=10, anchor="middle")
    return [*parts, words.replace("<text ", f'<text transform="{middle}" ', 1)]


def _curve(one: Series, colour: str, dash: str, kind: str) -> list[str]:
    horizontal, vertical = UNIT
    ordered = sorted(one.points, key=lambda point: (point.x, point.y))
    places = [(horizontal.at(point.x), vertical.at(point.y)) for point in ordered]
    if not places:
        return []
    drawn = []
    for point, (x, _y) in zip(ordered, places, strict=True):
        if point.low is not None and point.high is not None:
            low, high = vertical.at(point.low), vertical.at(point.high)
            drawn.append(line(x, low, x, high, stroke=colour, width=0.9))
    dashed = {"stroke_dasharray": dash} if dash else {}
    way = "L".join(f"{number(x)} {number(y)}" for x, y in places)
    drawn.append(path(f"M{way}", fill="none", stroke=colour, stroke_width="1.7", **dashed))
    step = max(1, -(-len(places) // MOST_MARKS))
    marked = places if any(point.low is not None for point in ordered) else places[step // 2 :: step]
    return [*drawn, *(_mark(x, y, colour, kind) for x, y in marked)]


def _mark(x: float, y: float, colour: str, kind: str) -> str:
    at = number
    if kind in {"disc", "ring"}:
        fill = colour if kind == "disc" else PAPER
        return f'<circle cx="{at(x)}" cy="{at(y)}" r="3.4" fill="{fill}" stroke="{colour}" stroke-width="1.6"/>'
    if kind == "cross":
        way = f"M{at(x - 3.6)} {at(y - 3.6)}L{at(x + 3.6)} {at(y + 3.6)}M{at(x - 3.6)} {at(y + 3.6)}"
        return path(f"{way}L{at(x + 3.6)} {at(y - 3.6)}", fill="none", stroke=colour, stroke_width="2")
    corners = {
        "diamond": ((0, -4.8), (4.8, 0), (0, 4.8), (-4.8, 0)),
        "square": ((-3.4, -3.4), (3.4, -3.4), (3.4, 3.4), (-3.4, 3.4)),
        "triangle": ((0, -4.6), (4.4, 3.4), (-4.4, 3.4)),
    }[kind]
    return path("M" + "L".join(f"{at(x + dx)} {at(y + dy)}" for dx, dy in corners) + "Z", fill=colour)


def _beside(one: Series, y: float, colour: str, dash: str, kind: str) -> list[str]:
    return [
        line(BESIDE, y - 4, BESIDE + 34, y - 4, stroke=colour, width=1.7, dash=dash),
        _mark(BESIDE + 17, y - 4, colour, kind),
        text(BESIDE + 44, y, clip(one.label, WIDTH - BESIDE - 44), weight=600),
        text(BESIDE + 44, y + 14, clip(one.detail, WIDTH - BESIDE - 40, 10), size=10, fill=MUTED),
    ]
