"""References to law as people write them, and whether the catalogue knows them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from audits.frameworks.catalogue import Catalogue, Control

#: The names under which texts speak of a framework.
NAMES = {
    "GDPR": ("GDPR", "DSGVO", "2016/679", "data protection regulation", "Datenschutz-Grundverordnung"),
    "EU AI Act": ("AI Act", "KI-Verordnung", "KI-VO", "AIA", "2024/1689"),
}
#: Places of the law at which no control of ours stands, and to which a text may still point.
WITHOUT_CONTROL = frozenset({("EU AI Act", "Annex I")})
_PLACE = re.compile(
    r"\b(?:Art(?:icles?|ikel|s?\.)|Art\b)\s*(?P<article>\d{1,3}[a-z]?)(?P<deep>(?:\s?\(\w{1,5}\))*)"
    r"|\b(?P<part>Annex|Anhang|Recital|Rec\.|Erwägungsgrund|Erwägungsgründe)\s+(?P<number>[IVX]{1,5}\b|\d{1,3})"
)
_STEP = re.compile(r"\((\w{1,5})\)")
_KINDS = {"Annex": "Annex", "Anhang": "Annex"}


@dataclass(frozen=True, slots=True)
class Citation:
    """One reference: `place` is Art. 10, Annex III or Recital 71, `deep` what follows; `framework` may be ""."""

    text: str
    place: str
    deep: tuple[str, ...]
    framework: str


def citations(sentence: str) -> Iterator[Citation]:
    """The references of one sentence, each with the framework that the sentence names nearest to it."""
    for found in _PLACE.finditer(sentence):
        if found["article"]:
            place = f"Art. {found['article']}"
        else:
            place = f"{_KINDS.get(found['part'], 'Recital')} {found['number']}"
        deep = tuple(_STEP.findall(found["deep"] or ""))
        yield Citation(found[0].strip(), place, deep, _framework_near(sentence, found.start(), found.end()))


def _framework_near(sentence: str, start: int, end: int) -> str:
    """The framework named nearest to the reference, "" when none is; of two as near, the one after it."""
    nearest = {
        min(
            abs(hit.start() - end) if hit.start() >= end else abs(start - hit.end()) + 1
            for name in names
            for hit in re.finditer(re.escape(name), sentence)
        ): framework
        for framework, names in NAMES.items()
        if any(name in sentence for name in names)
    }
    return nearest[min(nearest)] if nearest else ""


def is_known(citation: Citation, catalogue: Catalogue) -> bool:
    """Whether the catalogue knows the place."""
    bare = any(
        place == citation.place and citation.framework in ("", framework) for framework, place in WITHOUT_CONTROL
    )
    return bare or bool(controls_of(citation, catalogue))


def controls_of(citation: Citation, catalogue: Catalogue) -> tuple[Control, ...]:
    """The controls at the place cited or at a part of it; else those at the nearest whole it could be a part of.

    A whole of which the catalogue holds other parts holds no further ones: with Art. 10(1) to 10(4) there is no 10(9).
    """
    here = [
        (control, deep)
        for control in catalogue.all()
        if not citation.framework or control.framework == citation.framework
        for place, deep in _places(control.reference)
        if place == citation.place
    ]
    wanted = citation.deep
    found = [control for control, deep in here if deep[: len(wanted)] == wanted]
    if not found:
        found = [
            control
            for control, deep in here
            if wanted[: len(deep)] == deep
            and not any(
                other.framework == control.framework and len(more) > len(deep) and more[: len(deep)] == deep
                for other, more in here
            )
        ]
    return tuple(dict.fromkeys(found))


@cache
def _places(reference: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Every place that a reference of the catalogue names: `Art. 2(1)-(2), (6)` is 2(1), 2(2) and 2(6)."""
    places: list[tuple[str, tuple[str, ...]]] = []
    place = ""
    last: tuple[str, ...] = ()
    for part in re.split(r"[,;]|\band\b", reference):
        words = part.strip()
        found = _PLACE.match(words)
        if found:
            place = f"Art. {found['article']}" if found["article"] else ""
            place = place or f"{_KINDS.get(found['part'], 'Recital')} {found['number']}"
        if not place:
            continue
        steps = [tuple(_STEP.findall(side)) for side in re.split(r"[-–]", words.removeprefix(place))]
        steps = [step for step in steps if step] or [()]
        if not found and last and steps[0]:
            # "(b)" after "Art. 5(1)(a)" is a sibling of the last step, "(6)" after "Art. 2(1)" likewise.
            steps[0] = (*last[: max(len(last) - len(steps[0]), 0)], *steps[0])
        places += [(place, step) for step in _spread(steps)]
        last = steps[0]
    return tuple(places)


def _spread(steps: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """`(1)-(3)` as 1, 2, 3; points as letters likewise."""
    if len(steps) == 1:
        return steps
    first, last = steps[0], steps[-1]
    head, start, end = first[:-1], first[-1] if first else "", last[-1] if last else ""
    if start.isdigit() and end.isdigit():
        return [(*head, str(number)) for number in range(int(start), int(end) + 1)]
    if len(start) == len(end) == 1:
        return [(*head, chr(code)) for code in range(ord(start), ord(end) + 1)]
    return [first, (*head, *last[-1:])]
