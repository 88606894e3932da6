"""The page for one person about one decision: AI Act Art. 86, GDPR Art. 15(1)(h). No Django here.

The pack of `audits.individuals` is the evidence; the page prints it in words and adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audits.frameworks.catalogue import Catalogue
from audits.reports.document import plain
from audits.reports.parts import Identity, Subject

SCHEMA = "assay.explanation/1"


#: The rights under which a person asks for it.
CONTROLS = ("aia-86-1", "gdpr-15-1-h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A right under which it is given, and what it meant on the day of the law."""

    control: str
    reference: str
    duty: str
    effective: str


def rights(as_of: date) -> tuple[Right, ...]:
    """The rights to an explanation, with the law of that day."""
    catalogue = Catalogue.load()
    return tuple(
        Right(
            control=control.id,
            reference=f"{control.framework} {control.reference}",
            duty=(control.version(as_of) or control.latest).duty,
            effective=catalogue.effective(control, as_of).text,
        )
        for control in catalogue.controls(CONTROLS)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationDocument:
    """The explanation of one decision. `rights` is what the law of the day said about it."""

    identity: Identity
    subject: Subject
    pack: Mapping[str, Any]
    rights: tuple[Right, ...] = ()

    @property
    def opened_at(self) -> datetime | None:
        """When the gate opened for this version, if it did."""
        approval = self.pack["approval"]
        return datetime.fromisoformat(approval["decided_at"]) if approval else None

    def to_evidence(self) -> dict[str, Any]:
        """Everything on paper, JSON-ready."""
        return {
            "schema": SCHEMA,
            "report": plain(self.identity),
            "subject": plain(self.subject),
            "explanation": plain(self.pack),
            "rights": plain(self.rights),
        }


def context(document: ExplanationDocument, evidence_digest: str) -> dict[str, Any]:
    """Everything the template prints, from a document whose texts are already `printable`."""
    return {"document": document, "pack": document.pack, "evidence_digest": evidence_digest}
