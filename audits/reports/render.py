"""Every document as one self-contained HTML page and as a PDF, from one value, with its evidence inside both.

A document is a frozen value with an `identity` and `to_evidence()`; a `Layout` says which template prints it. A new
kind of document is its module, its template, and a line in `_LAYOUTS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from django.template import Context, Engine
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe

from audits.reports import dossier_pages, explanation, pages, portfolio, press
from audits.reports.document import ReportDocument, plain
from audits.reports.dossier import DossierDocument
from audits.reports.paper import EVIDENCE_NAME, RenderError, fetch_embedded
from audits.reports.parts import Identity
from audits.reports.text import LONGEST, printable
from registry.canonical import canonical_json, digest

__all__ = [
    "EVIDENCE_NAME", "GATE_REPORT", "SUMMARY", "Document", "Layout", "RenderError", "evidence_bytes", "fetch_embedded",
    "paper_html", "render_html", "render_pdf",
]  # fmt: skip

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


class Document(Protocol):
    """Anything that can be drawn: a frozen dataclass that says which document it is and gives its evidence."""

    @property
    def identity(self) -> Identity:
        """Number, day of the law, language, seal."""
        ...

    def to_evidence(self) -> dict[str, Any]:
        """Every fact on paper, JSON-ready."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """How a document is drawn: its template, and the function from document and evidence digest to what it prints.

    A text longer than `longest` characters is cut on paper, and says so; the evidence keeps it whole.
    """

    template: str
    values: Callable[[Any, str], dict[str, Any]]
    longest: int = LONGEST


GATE_REPORT = Layout("reports/gate_report.html", pages.context)
#: The same report on one page, for management.
SUMMARY = Layout("reports/summary.html", pages.summary)
#: People answer in up to 10,000 characters, and a regulator reads them on paper.
DOSSIER = Layout("reports/dossier.html", dossier_pages.context, longest=12_000)

EXPLANATION = Layout("reports/explanation.html", explanation.context)

PORTFOLIO = Layout("reports/portfolio.html", portfolio.context)

_LAYOUTS: dict[type, Layout] = {
    portfolio.PortfolioDocument: PORTFOLIO,
    ReportDocument: GATE_REPORT,
    DossierDocument: DOSSIER,
    explanation.ExplanationDocument: EXPLANATION,
}


def evidence_bytes(document: Document) -> bytes:
    """The embedded evidence: canonical JSON, whose digest stands in the footer of every page.

    Raises registry.canonical.CanonicalError when a fact has no canonical form.
    """
    return canonical_json(document.to_evidence())


def render_html(document: Document, layout: Layout | None = None) -> str:
    """The document as one page that loads nothing: style and pictures inline, the evidence in a JSON script block.

    `layout` is that of the document's type unless given. The language is that of its identity.
    """
    return _html(document, evidence_bytes(document), layout, paper=False)


def paper_html(document: Document, evidence: bytes, layout: Layout | None = None) -> str:
    """The HTML that `render_pdf` draws; `evidence` gives the digest in the footer."""
    return _html(document, evidence, layout, paper=True)


def render_pdf(document: Document, layout: Layout | None = None) -> bytes:
    """The unsealed PDF. Raises RenderError when a resource is asked for that is not part of the document."""
    evidence = evidence_bytes(document)
    html = _html(document, evidence, layout, paper=True)
    identity = document.identity
    return press.draw(html, number=identity.number, generated_at=identity.generated_at, evidence=evidence)


@cache
def _engine() -> Engine:
    """An engine of our own: a document must look the same whatever the project's template settings are."""
    builtins = ["audits.reports.filters", "django.templatetags.i18n"]
    return Engine(dirs=[str(TEMPLATES)], builtins=builtins, autoescape=True)


def _html(document: Document, evidence: bytes, layout: Layout | None, *, paper: bool) -> str:
    drawn = layout or _LAYOUTS[type(document)]
    with translation.override(document.identity.language):
        values = drawn.values(printable(document, drawn.longest), digest(evidence))
        values |= {
            "paper": paper,
            "generated": plain(document.identity.generated_at),
            "evidence_json": "" if paper else _script(evidence),
        }
        # Localisation off: numbers and dates are written by our own filters and must not follow the server's language.
        return _engine().get_template(drawn.template).render(Context(values, use_l10n=False, use_tz=False))


def _script(evidence: bytes) -> SafeString:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(json.loads(evidence), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return mark_safe(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S308 - escaped right here
