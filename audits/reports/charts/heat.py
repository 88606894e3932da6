"""A rate of the people who are in two groups at once: one field a pair, shaded, with its number printed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from audits.reports.charts.svg import BLUE, INK, MUTED, PAPER, WIDTH, box, clip, number, path, picture, text
from audits.reports.figures import count, ends, figure

LABELS, HEAD, ROW, GAP = 126, 44, 46, 3
MOST_ROWS, MOST_COLUMNS = 10, 6
#: The darkest shade still leaves dark text on it readable (contrast above 4.5).
DARKEST = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One pair of groups. `value` in [0, 1] is None where it is not estimable or withheld, and `word` says which."""

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    word: str = ""


def heat(
    fields: Mapping[tuple[str, str], Field],
    *,
    title: str,
    description: str,
    down: tuple[str, Sequence[str]],
    across: tuple[str, Sequence[str]],
) -> str:
    """The fields by (row, column); `down` and `across` are a name and its groups; the first ten and six are drawn."""
    rows, columns = list(down[1][:MOST_ROWS]), list(across[1][:MOST_COLUMNS])
    width = (WIDTH - LABELS) / max(len(columns), 1)
    known = [one.value for pair, one in fields.items() if one.value is not None and _shown(pair, rows, columns)]
    parts = [
        text(0, HEAD - 8, clip(f"{down[0]} ↓", LABELS - 8), size=10, fill=MUTED),
        text(LABELS, 12, clip(f"{across[0]} →", WIDTH - LABELS), size=10, fill=MUTED),
    ]
    for place, column in enumerate(columns):
        middle = LABELS + width * (place + 0.5)
        parts.append(text(middle, HEAD - 8, clip(column, width - 8), anchor="middle", weight=600))
    for level, row in enumerate(rows):
        top = HEAD + ROW * level
        parts.append(text(0, top + ROW / 2 + 4, clip(row, LABELS - 8), weight=600))
        for place, column in enumerate(columns):
            parts += _field(fields.get((row, column)), LABELS + width * place, top, width, known)
    if not fields:
        parts.append(text(WIDTH / 2, HEAD + 16, _("nothing was measured"), anchor="middle", fill=MUTED))
    return picture(title, description, HEAD + ROW * max(len(rows), 1) + 4, parts)


def _shown(pair: tuple[str, str], rows: Sequence[str], columns: Sequence[str]) -> bool:
    return pair[0] in rows and pair[1] in columns


def _field(one: Field | None, x: float, y: float, width: float, known: Sequence[float]) -> list[str]:
    inner, middle = (width - GAP, ROW - GAP), x + (width - GAP) / 2
    if one is None or one.value is None:
        words = _("nobody") if one is None else one.word or _("not estimable")
        return [
            box(x, y, *inner, fill=PAPER, stroke=MUTED, stroke_dasharray="3 3"),
            text(
                middle, y + ROW / 2 + 3, _("nobody") if one is None else one.word, size=10, anchor="middle", fill=MUTED
            ),
        ]
    drawn = [
        box(x, y, *inner, fill=BLUE, fill_opacity=number(DARKEST * one.value), stroke=MUTED, stroke_width="0.6"),
        text(middle, y + 17, figure(one.value), size=12, anchor="middle", weight=600),
    ]
    room = width - 6
    if one.low is not None and one.high is not None:
        words = clip(ends(figure(one.low), figure(one.high)), room, 9)
        drawn.append(text(middle, y + 28, words, size=9, anchor="middle", fill=INK))
    drawn.append(
        text(
            middle,
            y + 39,
            clip(_("{number} rows").format(number=count(one.n)), room, 9),
            size=9,
            anchor="middle",
            fill=INK,
        )
    )
    return [*drawn, *_ends(one.value, x + inner[0], y, known)]


def _ends(value: float, right: float, top: float, known: Sequence[float]) -> list[str]:
    """A wedge upwards in the corner of the highest field, downwards in that of the lowest."""
    if len(set(known)) < 2 or value not in (min(known), max(known)):  # noqa: PLR2004 - ends need two values
        return []
    at, tip, foot = number, (top + 5, top + 12), (top + 12, top + 5)
    point, base = tip if value == max(known) else foot
    way = f"M{at(right - 10)} {at(point)}L{at(right - 14)} {at(base)}L{at(right - 6)} {at(base)}Z"
    return [path(way, fill=INK)]
