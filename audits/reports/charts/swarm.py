"""Single attributions, one dot a row, feature by feature: where the influence lies and in which direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from audits.reports.charts.svg import INK, MUTED, RULE, WIDTH, Axis, clip, line, number, picture, text, tick

LABEL_WIDTH, PLOT_LEFT, PLOT_RIGHT, ROW, HEAD = 150, 160, 560, 34, 10
LEGEND_LEFT = 578
RADIUS, STEP, MOST_HIGH = 1.9, 3.0, 5
#: From low to high value of the feature, light to dark, so that a print in grey still tells them apart.
SHADES = ("#8fb8d8", "#5f97c2", "#3577a8", "#0b5a8f", "#083f66")
UNRANKED = "#8a929c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One row's attribution to `label`; `rank` is the place of the feature's value, 0 lowest to 1 highest, or None."""

    label: str
    value: float
    rank: float | None = None


def swarm(dots: Sequence[Dot], *, title: str, description: str) -> str:
    """The dots by feature in the order in which features first occur; dots of equal place are stacked."""
    labels = list(dict.fromkeys(dot.label for dot in dots))
    axis = Axis.over([0.0, *(dot.value for dot in dots)], PLOT_LEFT, PLOT_RIGHT)
    bottom = HEAD + ROW * max(len(labels), 1)
    parts = []
    for fact, words in axis.ticks():
        parts.append(line(axis.at(fact), HEAD, axis.at(fact), bottom, stroke=RULE, width=0.5))
        parts.append(tick(axis.at(fact), bottom + 13, words))
    parts.append(line(axis.at(0), HEAD, axis.at(0), bottom, stroke=MUTED, width=0.8))
    for index, label in enumerate(labels):
        middle = HEAD + ROW * index + ROW / 2
        parts.append(text(0, middle + 4, clip(label, LABEL_WIDTH)))
        parts += _row([dot for dot in dots if dot.label == label], middle, axis)
    if dots:
        parts += _legend()
    else:
        parts.append(text(WIDTH / 2, HEAD + ROW / 2 + 4, _("nothing was measured"), anchor="middle", fill=MUTED))
    return picture(title, description, bottom + 20, parts)


def _row(dots: Sequence[Dot], middle: float, axis: Axis) -> list[str]:
    heights: dict[int, int] = {}
    drawn = []
    for dot in sorted(dots, key=lambda one: one.value):
        x = axis.at(dot.value)
        place = round(x / STEP)
        count = heights.get(place, 0)
        heights[place] = count + 1
        # Above and below the middle in turn; a full column stays within its row.
        level = min((count + 1) // 2, MOST_HIGH) * (1 if count % 2 else -1)
        drawn.append(
            f'<circle cx="{number(x)}" cy="{number(middle + level * STEP)}" r="{number(RADIUS)}" '
            f'fill="{_shade(dot.rank)}"/>'
        )
    return drawn


def _shade(rank: float | None) -> str:
    return UNRANKED if rank is None else SHADES[min(int(rank * len(SHADES)), len(SHADES) - 1)]


def _legend() -> list[str]:
    parts = [text(LEGEND_LEFT, HEAD + 8, _("value"), size=9.5, fill=INK)]
    for index, (colour, words) in enumerate(
        (
            (SHADES[-1], pgettext("value of a feature", "high")),
            (SHADES[0], pgettext("value of a feature", "low")),
            (UNRANKED, _("no order")),
        )
    ):
        y = HEAD + 24 + 14 * index
        parts.append(f'<circle cx="{LEGEND_LEFT + 4}" cy="{number(y - 3)}" r="3" fill="{colour}"/>')
        parts.append(text(LEGEND_LEFT + 12, y, words, size=9.5, fill=MUTED))
    return parts
