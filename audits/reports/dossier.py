"""Documents that follow the points of a law one by one: technical documentation, records, instructions, assessments.

Every point is answered from the records, by a person's signed answer, or stands open with the name of who owes it. A
draft may have open points; a final one may not, and a placeholder in an answer counts as open. No Django here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from audits.frameworks.catalogue import Catalogue, Control
from audits.reports.document import plain
from audits.reports.parts import Identity, Subject
from audits.reports.text import said
from registry.errors import AssayError

SCHEMA = "assay.dossier/1"
_PLACEHOLDER = re.compile(
    r"\b(TODO|TBD|TBC|FIXME|XXX|lorem ipsum|to be completed|to be determined|fill in|noch zu ergänzen)\b"
    r"|\{\{|\}\}|\?\?\?",
    re.IGNORECASE,
)


class DossierIncompleteError(AssayError):
    """A final document was asked for while points are open. `open_points` names them."""

    code = "dossier-incomplete"

    def __init__(self, open_points: tuple[str, ...]) -> None:
        super().__init__(f"{len(open_points)} points are open: {', '.join(open_points)}.", field="final")
        self.open_points = open_points


class PointStatus(StrEnum):
    """Where the answer of a point comes from, or that there is none."""

    FROM_RECORDS = "from the records"
    SIGNED = "answered by a person"
    OPEN = "to be completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One kind of document: its title and the controls that are its points, by the beginning of their ids."""

    kind: str
    title: str
    prefixes: tuple[str, ...]

    def controls(self, catalogue: Catalogue, as_of: date) -> tuple[Control, ...]:
        """The points in the order of the catalogue, as far as they are law on that day."""
        return tuple(
            control
            for control in catalogue.all()
            if control.id.startswith(self.prefixes) and control.version(as_of) is not None
        )


_ALL = (
    Outline(kind="annex-iv", title="Technical documentation (AI Act, Annex IV)", prefixes=("aia-annex4-",)),
    Outline(kind="annex-v", title="Draft of the declaration (AI Act, Annex V)", prefixes=("aia-annex5-",)),
    Outline(kind="instructions", title="Instructions for use (AI Act, Art. 13)", prefixes=("aia-13-3-",)),
    Outline(kind="fria", title="Fundamental rights impact assessment (AI Act, Art. 27)", prefixes=("aia-27-1-",)),
    Outline(kind="post-market", title="Post-market monitoring plan (AI Act, Art. 72)", prefixes=("aia-72-",)),
    Outline(
        kind="art-10",
        title="Data governance sheet (AI Act, Art. 10)",
        prefixes=("aia-10-2-", "aia-10-3", "aia-10-4", "aia-4a-1"),
    ),
    Outline(kind="art-30", title="Record of processing activities (GDPR, Art. 30)", prefixes=("gdpr-30-1-",)),
    Outline(
        kind="dpia",
        title="Data protection impact assessment (GDPR, Art. 35)",
        prefixes=("gdpr-35-7-", "gdpr-35-2", "gdpr-35-9"),
    ),
)
OUTLINES: Mapping[str, Outline] = {outline.kind: outline for outline in _ALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point. `title` is the official one of the article or annex.

    `recorded` are sentences from the records; `answer` a person's signed words, which hold `until` a day. `owner` owes
    what is open, by `due` where a day was set. `hints` are sentences from the records that help whoever answers, and
    answer nothing by themselves.
    """

    control: str
    reference: str
    duty: str
    effective: str
    recorded: tuple[str, ...] = ()
    answer: str = ""
    signed_by: str = ""
    until: date | None = None
    owner: str = ""
    due: date | None = None
    hints: tuple[str, ...] = ()
    title: str = ""

    @property
    def status(self) -> PointStatus:
        """Open as long as a placeholder stands in it."""
        if any(_PLACEHOLDER.search(text) for text in (self.answer, *self.recorded)):
            return PointStatus.OPEN
        if self.answer:
            return PointStatus.SIGNED
        return PointStatus.FROM_RECORDS if self.recorded else PointStatus.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierDocument:
    """The whole document. `final` is refused while a point is open.

    The records are those of `records_of`; `told_now` says, in sentences, what of them is told as it is now. `owed` says
    whether the document is due at all, as far as a person has classified the model.
    """

    identity: Identity
    kind: str
    subject: Subject
    points: tuple[Point, ...]
    final: bool = False
    records_of: date | None = None
    told_now: tuple[str, ...] = ()
    owed: str = ""

    def __post_init__(self) -> None:
        """Raises DossierIncompleteError for a final document with open points, or with none at all."""
        if self.final and (self.open_points or not self.points):
            raise DossierIncompleteError(tuple(point.reference for point in self.open_points) or ("all",))

    @property
    def open_points(self) -> tuple[Point, ...]:
        """What somebody still owes."""
        return tuple(point for point in self.points if point.status is PointStatus.OPEN)

    def to_evidence(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "final": self.final,
            "report": plain(self.identity),
            "subject": plain(self.subject),
            "points": [{**plain(point), "status": point.status.value} for point in self.points],
            "open": len(self.open_points),
            "records_of": plain(self.records_of),
            "told_now": list(self.told_now),
            "owed": self.owed,
        }


def render_markdown(document: DossierDocument) -> str:
    """The document in Markdown. All given text is escaped."""
    subject, identity = document.subject, document.identity
    state = "Final" if document.final else f"Draft: {len(document.open_points)} of {len(document.points)} points open"
    records = f", records as of {document.records_of}" if document.records_of else ""
    lines = [
        f"# {said(identity.title)}",
        "",
        f"{said(subject.name)}, version {subject.version}. Law as of {identity.as_of}{records}. **{state}.**",
        "",
        "This document is prepared from records and answers. It makes no statement about conformity.",
        *(said(text) for text in (document.owed, *document.told_now) if text),
        "",
    ]
    for point in document.points:
        lines += [f"## {said(point.reference)}", "", f"*{said(point.duty)}* ({said(point.effective)})", ""]
        lines += [f"- {said(text)}" for text in point.recorded]
        lines += ["", "From the records, for whoever answers:", ""] if point.hints else []
        lines += [f"- {said(text)}" for text in point.hints]
        if point.answer:
            until = f", until {point.until.isoformat()}" if point.until else ""
            lines += ["", f"{said(point.answer)}", "", f"Answered and signed by {said(point.signed_by)}{until}."]
        if point.status is PointStatus.OPEN:
            due = f" by {point.due.isoformat()}" if point.due else ""
            lines += ["", f"**○ to be completed by {said(point.owner) or 'nobody yet'}{due}**"]
        lines.append("")
    return "\n".join(lines)
