"""Other forms of the report, one file each: functions from the document to text, without facts of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from audits.reports.document import ReportDocument
from audits.reports.formats import evidence, junit, markdown, sarif


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A form of the report: how it is asked for, served, named and made."""

    name: str
    media_type: str
    suffix: str
    render: Callable[[ReportDocument], str]


FORMATS: Mapping[str, Format] = {
    made.name: made
    for made in (
        Format(name="json", media_type="application/json", suffix=".json", render=evidence.render_json),
        Format(name="junit", media_type="application/xml", suffix=".junit.xml", render=junit.render_junit),
        Format(
            name="markdown", media_type="text/markdown; charset=utf-8", suffix=".md", render=markdown.render_markdown
        ),
        Format(name="sarif", media_type="application/sarif+json", suffix=".sarif", render=sarif.render_sarif),
    )
}

__all__ = ["FORMATS", "Format"]
