"""A day that a document tells about: what of the records belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time


@dataclass(frozen=True, slots=True)
class Moment:
    """The day that is told about: what was on record by `known`, and what of it held at `at`.

    They differ for a day to come only: then everything is known that is known now, and what ends before is over.
    """

    day: date
    known: datetime
    at: datetime

    @classmethod
    def of(cls, day: date, *, now: datetime) -> Moment:
        """Today is this moment; any other day is its end (UTC)."""
        if day == now.date():
            return cls(day, now, now)
        end = datetime.combine(day, time.max, UTC)
        return cls(day, min(end, now), end)
