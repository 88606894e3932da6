"""Who did what when, on the way to a decision: evenly spaced, because the order matters and the dates are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from audits.reports.charts.svg import INK, MUTED, RULE, WIDTH, Tone, clip, line, picture, shape, text
from audits.reports.figures import MONTHS

ACROSS, ROW = 5, 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; `detail` is a second, quieter line."""

    at: datetime
    title: str
    detail: str = ""
    tone: Tone = Tone.PLAIN


def timeline(events: Sequence[Event], *, title: str, description: str) -> str:
    """The events in order of time, five to a row."""
    ordered = sorted(events, key=lambda event: event.at)
    rows = [ordered[start : start + ACROSS] for start in range(0, len(ordered), ACROSS)]
    slot = WIDTH / ACROSS
    parts = []
    for number_of_row, row in enumerate(rows):
        y = 18 + ROW * number_of_row
        more = number_of_row + 1 < len(rows)
        parts.append(line(6, y, WIDTH if more else slot * (len(row) - 1) + 6, y, stroke=RULE, width=2))
        for index, event in enumerate(row):
            parts += _event(event, slot * index, y, slot - 10)
    if not ordered:
        parts.append(text(WIDTH / 2, 22, _("nothing has happened yet"), anchor="middle", fill=MUTED))
    return picture(title, description, max(ROW * len(rows), 40), parts)


def _event(event: Event, x: float, y: float, room: float) -> list[str]:
    at = event.at.astimezone(UTC)
    day = _("{day} {month} {year}").format(day=at.day, month=_(MONTHS[at.month - 1])[:3], year=at.year)
    when = f"{day}, {at:%H:%M}"
    return [
        shape(x + 6, y, event.tone, 5.5),
        text(x, y + 22, clip(event.title, room), size=10.5, weight=600, fill=INK),
        text(x, y + 36, clip(event.detail, room, 9.5), size=9.5, fill=INK),
        text(x, y + 50, when, size=9.5, fill=MUTED),
    ]
