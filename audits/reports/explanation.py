"""The page for one person about one decision: AI Act Art. 86, GDPR Art. 15(1)(h). No Django here.

The pack of `audits.individuals` is the evidence; the page prints it in words and adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audits.reports.document import plain
from audits.reports.parts import Identity, Subject

SCHEMA = "assay.explanation/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationDocument:
    """The explanation of one decision."""

    identity: Identity
    subject: Subject
    pack: Mapping[str, Any]

    def to_evidence(self) -> dict[str, Any]:
        """Everything on paper, JSON-ready."""
        return {
            "schema": SCHEMA,
            "report": plain(self.identity),
            "subject": plain(self.subject),
            "explanation": plain(self.pack),
        }


def context(document: ExplanationDocument, evidence_digest: str) -> dict[str, Any]:
    """Everything the template prints, from a document whose texts are already `printable`."""
    return {"document": document, "pack": document.pack, "evidence_digest": evidence_digest}
