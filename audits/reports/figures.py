"""How numbers and times are written on paper. One place, so that a test can find every printed number in the evidence.

Months and number marks are those of the active language.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from audits.measurements import Interval, MetricValue
from audits.reports.tongue import marked, ours

MOST_DIGITS = 12
MINUS = "\u2212"
_HYPHEN = re.compile(r"(?<!\w)-(?=\d)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MONTHS = (
    *(gettext_noop("January"), gettext_noop("February"), gettext_noop("March"), gettext_noop("April")),
    *(gettext_noop("May"), gettext_noop("June"), gettext_noop("July"), gettext_noop("August")),
    *(gettext_noop("September"), gettext_noop("October"), gettext_noop("November"), gettext_noop("December")),
)


def count(number: int) -> str:
    """12345 as 12,345."""
    return marked(f"{number:,}").replace("-", MINUS)


def figure(value: float, *limits: float, digits: int = 3) -> str:
    """`value` with three decimals; more where fewer would round it onto or across one of `limits`.

    0.2004 against a limit of 0.20 must not be printed as 0.200: a reader would call the verdict wrong. Values too small
    for the decimals are printed in scientific form rather than as zero.
    """
    if float(value).is_integer() and abs(value) < 10**MOST_DIGITS:
        return count(int(value))
    if abs(value) < 0.5 * 10**-digits or abs(value) >= 10**MOST_DIGITS:
        return _scientific(value)
    for places in range(digits, MOST_DIGITS + 1):
        rounded = round(value, places)
        if all(_side(rounded, limit) == _side(value, limit) for limit in limits):
            return marked(f"{value:,.{places}f}").replace("-", MINUS)
    return marked(repr(value)).replace("-", MINUS)


def _scientific(value: float) -> str:
    """3.2e-09 as 3.20 × 10⁻⁹."""
    mantissa, _e, exponent = f"{value:.2e}".partition("e")
    return f"{marked(mantissa)}\u00a0×\u00a010{str(int(exponent)).translate(_RAISED)}".replace("-", MINUS)


def _side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)


def bounds(interval: Interval | None, *limits: float) -> str:
    """An interval as [0.081, 0.203]; an unbounded side is an infinity sign; no interval is an empty text."""
    if interval is None:
        return ""
    return ends(*sides(interval, *limits))


def sides(interval: Interval, *limits: float) -> tuple[str, str]:
    """Both ends as printed."""
    low = f"{MINUS}∞" if interval.low is None else figure(interval.low, *limits)
    high = "∞" if interval.high is None else figure(interval.high, *limits)
    return low, high


def ends(low: str, high: str) -> str:
    """Two printed ends as [low, high]; where a comma is the decimal mark, another one between them would be misread."""
    return f"[{low}{pgettext('between the ends of an interval', ', ')}{high}]"


def limit(words: str) -> str:
    """What a policy allows, in the active language and with the sign that numbers have beside it."""
    return _HYPHEN.sub(MINUS, ours(words))


def measured(value: MetricValue | None, *limits: float) -> str:
    """The value as printed in tables: the number, or the words that there is none."""
    if value is None:
        return _("nothing measured")
    return _("not estimable") if value.value is None else figure(value.value, *limits)


def limits_of(at_least: str | None, at_most: str | None) -> tuple[float, ...]:
    """The decimal strings of a limit as numbers, for comparing and drawing only (never for judging)."""
    return tuple(float(bound) for bound in (at_least, at_most) if bound is not None and math.isfinite(float(bound)))


def day(when: date) -> str:
    """2026-11-20 as 20 November 2026; a datetime is taken at its UTC day."""
    if isinstance(when, datetime):
        when = when.astimezone(UTC).date()
    return _("{day} {month} {year}").format(day=when.day, month=_(MONTHS[when.month - 1]), year=when.year)


def moment(when: datetime) -> str:
    """A time as 20 November 2026, 09:15:02 UTC."""
    return _("{day}, {time} UTC").format(day=day(when), time=f"{when.astimezone(UTC):%H:%M:%S}")
