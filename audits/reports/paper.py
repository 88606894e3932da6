"""HTML onto paper: PDF/A-3a that is also PDF/UA-1, with the evidence embedded.

WeasyPrint is imported on the first call. The same HTML and evidence give the same bytes: every date in the file comes
from the document, and only the shipped fonts are used.
"""

from __future__ import annotations

import base64
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from audits.reports.lettering import draw_whole_lines
from audits.reports.text import FONTS
from registry.canonical import digest

if TYPE_CHECKING:
    import pydyf
    from weasyprint import Document

EVIDENCE_NAME = "evidence.json"
_SVG = "data:image/svg+xml;base64,"
_FONT = "assay:fonts/"

# PDF/A wants every XMP property outside of its own list described; this describes pdfuaid:part and states it.
_UA_DESCRIPTIONS = b"""\
<rdf:Description xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" rdf:about="" pdfuaid:part="1"/>\
<rdf:Description xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#" \
rdf:about=""><pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">\
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>\
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">\
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>\
<pdfaProperty:category>internal</pdfaProperty:category>\
<pdfaProperty:description>Part of ISO 14289 that the file follows</pdfaProperty:description>\
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"""


class RenderError(RuntimeError):
    """The document could not be drawn; nothing was written."""

    code = "report-render-failed"


def to_pdf(html: str, *, number: str, generated_at: datetime, evidence: bytes) -> bytes:
    """The unsealed PDF. Raises RenderError when a resource is asked for that is not part of the document.

    In this process; services draw through `audits.reports.press`.
    """
    from weasyprint import HTML, Attachment
    from weasyprint.urls import FatalURLFetchingError

    attachment = Attachment(
        string=evidence,
        name=EVIDENCE_NAME,
        description=f"Evidence of {number}",
        created=generated_at,
        modified=generated_at,
        relationship="Data",
    )
    draw_whole_lines()
    page = HTML(string=html, url_fetcher=fetch_embedded, base_url=None)
    try:
        with warnings.catch_warnings(), _failures_end_the_rendering():
            # WeasyPrint leaves its own colour profile open until it is collected.
            warnings.filterwarnings("ignore", message=r"unclosed file .*sRGB2014\.icc", category=ResourceWarning)
            pdf: bytes = page.write_pdf(
                pdf_variant="pdf/a-3a",
                pdf_identifier=digest(evidence).encode("ascii"),
                attachments=[attachment],
                finisher=_state_accessibility,
            )
    except FatalURLFetchingError as error:
        raise RenderError(str(error)) from None
    return pdf


def fetch_embedded(url: str, *_: Any, **__: Any) -> Any:
    """WeasyPrint's URL fetcher: shipped fonts and our own SVG pictures, and a hard stop for everything else.

    The stop ends the rendering: text is escaped, so no honest document can ask for anything else.
    """
    from weasyprint.urls import FatalURLFetchingError, URLFetcherResponse

    if url.startswith(_SVG):
        content = base64.b64decode(url.removeprefix(_SVG), validate=True)
        return URLFetcherResponse(url, content, {"Content-Type": "image/svg+xml"})
    name = url.removeprefix(_FONT)
    if url.startswith(_FONT) and name in _fonts():
        return URLFetcherResponse(url, (FONTS / name).read_bytes(), {"Content-Type": "font/otf"})
    raise FatalURLFetchingError(f"A report may load nothing from outside, and asked for {url[:80]!r}.")


class _Failures(logging.Handler):
    """Collects what WeasyPrint only writes to its log while it draws in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.messages.append(record.getMessage())


@contextmanager
def _failures_end_the_rendering() -> Iterator[None]:
    """WeasyPrint logs a picture or font that fails and goes on without it; a report with a hole in it is not issued."""
    failures, log = _Failures(), logging.getLogger("weasyprint")
    if not log.isEnabledFor(logging.ERROR):
        raise RenderError("Logging is switched off, so a part that fails to draw would go unnoticed.")
    log.addHandler(failures)
    try:
        yield
    finally:
        log.removeHandler(failures)
    if failures.messages:
        raise RenderError(f"A part of the report could not be drawn: {failures.messages[0][:160]}")


@cache
def _fonts() -> frozenset[str]:
    return frozenset(path.name for path in FONTS.iterdir() if path.suffix in {".otf", ".ttf"})


def _state_accessibility(_: Document, pdf: pydyf.PDF) -> None:
    """Write the PDF/UA claim into the one XMP packet that the PDF/A variant made."""
    for entry in pdf.objects:
        if getattr(entry, "extra", {}).get("Type") == "/Metadata":
            entry.stream = [part.replace(b"</rdf:RDF>", _UA_DESCRIPTIONS + b"</rdf:RDF>") for part in entry.stream]
            return
    raise RenderError("The PDF has no XMP packet to state its accessibility in.")
