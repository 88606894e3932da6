"""What a chart is in a report: the drawing and its words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from audits.measurements import MetricValue
from audits.reports.figures import count


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with the words for readers who hear it (`alt`) and the caption under it.

    `printed` are the values whose number, interval and rows stand beside their marks, and in `alt`: no table repeats
    them.
    """

    svg: str
    alt: str
    caption: str
    printed: tuple[MetricValue, ...] = ()


def sentence(words: str) -> str:
    """With a capital first."""
    return words[:1].upper() + words[1:]


def left_out(kept: int, total: int) -> str:
    """What is said where not everything fits."""
    if kept >= total:
        return ""
    told = _("{kept} of {total} shown; all are in the embedded evidence.")
    return " " + told.format(kept=count(kept), total=count(total))


def heard(words: str, told: str) -> str:
    """The words for readers who hear the chart."""
    return _("Chart: {words}. {told}").format(words=words, told=told)
