"""What a chart is in a report: the drawing and its words. No Django here."""

from __future__ import annotations

from dataclasses import dataclass

from audits.reports.figures import count


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with the words for readers who hear it (`alt`) and the caption under it."""

    svg: str
    alt: str
    caption: str


def sentence(words: str) -> str:
    """With a capital first."""
    return words[:1].upper() + words[1:]


def left_out(kept: int, total: int) -> str:
    """What is said where not everything fits."""
    return f" {count(kept)} of {count(total)} shown; all are in the embedded evidence." if kept < total else ""
