"""What a document that follows the points of a law prints: its points by chapter, and how many stand where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from audits.reports.dossier import DossierDocument, Point, PointStatus
from audits.reports.text import visible
from audits.reports.tongue import article, law, ours
from audits.reports.wording import POINTS

LONGEST_TOPIC = 70
_CHAPTER = re.compile(r"^(?P<chapter>.*?(?:Art\.|Annex)\s\w+(?:\(\d+\)|, point \d+)?)")


@dataclass(frozen=True, slots=True)
class Chapter:
    """The points under one number of the law, in its order; `about` says in a few words what they ask for.

    `alone` where the chapter is a single point of the same name, which then needs no heading of its own.
    """

    anchor: str
    title: str
    points: tuple[Point, ...]
    about: str = ""
    alone: bool = False


def chapters(points: tuple[Point, ...]) -> tuple[Chapter, ...]:
    """The points by the paragraph or number that they belong to."""
    by_title: dict[str, list[Point]] = {}
    for point in points:
        found = _CHAPTER.match(point.reference)
        by_title.setdefault(found["chapter"] if found else point.reference, []).append(point)
    # The title of an annex is that of the whole document, so its chapters are told by what they ask for.
    whole = len({point.title for point in points}) == 1 and len(by_title) > 1
    return tuple(
        Chapter(
            f"chapter-{number}",
            title,
            tuple(own),
            about=_about(own, whole=whole),
            alone=len(own) == 1 and own[0].reference == title,
        )
        for number, (title, own) in enumerate(by_title.items(), start=1)
    )


def _about(points: list[Point], *, whole: bool) -> str:
    """The official title where it tells chapters apart; else the beginning that the duties share, or the first duty."""
    if points[0].title and not whole:
        return article(points[0].title)
    duties = [law(point.duty) for point in points]
    shared = {head for head, mark, _ in (duty.partition(":") for duty in duties) if mark}
    if len(points) > 1 and len(shared) == 1:
        return shared.pop()
    return visible(duties[0].rstrip("."), LONGEST_TOPIC, note="…")


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
