"""The evidence itself: the same canonical bytes that are embedded in the PDF."""

from __future__ import annotations

from audits.reports.document import ReportDocument
from registry.canonical import canonical_json


def render_json(document: ReportDocument) -> str:
    """Canonical JSON (RFC 8785). Its SHA-256 is the digest in the footer of the PDF."""
    return canonical_json(document.to_evidence()).decode()
