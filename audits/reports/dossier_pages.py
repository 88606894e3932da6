"""What a document that follows the points of a law prints: its points by chapter, and how many stand where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from audits.reports.dossier import DossierDocument, Point, PointStatus
from audits.reports.tongue import ours
from audits.reports.wording import POINTS

_CHAPTER = re.compile(r"^(?P<chapter>.*?(?:Art\.|Annex)\s\w+(?:\(\d+\)|, point \d+)?)")


@dataclass(frozen=True, slots=True)
class Chapter:
    """The points under one number of the law, in its order."""

    anchor: str
    title: str
    points: tuple[Point, ...]


def chapters(points: tuple[Point, ...]) -> tuple[Chapter, ...]:
    """The points by the paragraph or number that they belong to."""
    by_title: dict[str, list[Point]] = {}
    for point in points:
        found = _CHAPTER.match(point.reference)
        by_title.setdefault(found["chapter"] if found else point.reference, []).append(point)
    return tuple(
        Chapter(f"chapter-{number}", title, tuple(own)) for number, (title, own) in enumerate(by_title.items(), start=1)
    )


def context(document: DossierDocument, evidence_digest: str) -> dict[str, Any]:
    """Everything the template prints, from a document whose texts are already `printable`."""
    counts = {status: sum(point.status is status for point in document.points) for status in PointStatus}
    return {
        "document": document,
        "evidence_digest": evidence_digest,
        "open_points": document.open_points,
        "groups": chapters(document.points),
        "key_numbers": tuple(
            (ours(POINTS[status][1]), counts[status], POINTS[status][0], "bad" if status is PointStatus.OPEN else "")
            for status in PointStatus
        ),
    }
