"""Other forms of the report, one file each: functions from the document to text, without facts of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from audits.reports.document import ReportDocument
from audits.reports.formats import cyclonedx, evidence, junit, markdown, model_cards, oscal, sarif
from audits.reports.render import SUMMARY, render_html


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A form of the report: how it is asked for, served, named in the bundle and made."""

    name: str
    media_type: str
    file: str
    render: Callable[[ReportDocument], str]


_ALL = (
    Format(name="json", media_type="application/json", file="evidence.json", render=evidence.render_json),
    Format(name="html", media_type="text/html; charset=utf-8", file="report.html", render=render_html),
    Format(
        name="summary-html",
        media_type="text/html; charset=utf-8",
        file="summary.html",
        render=partial(render_html, layout=SUMMARY),
    ),
    Format(name="junit", media_type="application/xml", file="junit.xml", render=junit.render_junit),
    Format(
        name="markdown", media_type="text/markdown; charset=utf-8", file="report.md", render=markdown.render_markdown
    ),
    Format(name="sarif", media_type="application/sarif+json", file="results.sarif", render=sarif.render_sarif),
    Format(
        name="oscal", media_type="application/json", file="oscal-assessment-results.json", render=oscal.render_oscal
    ),
    Format(
        name="cyclonedx",
        media_type="application/vnd.cyclonedx+json; version=1.6",
        file="bom.cdx.json",
        render=cyclonedx.render_cyclonedx,
    ),
    Format(
        name="model-card",
        media_type="text/markdown; charset=utf-8",
        file="model-card.md",
        render=model_cards.render_huggingface,
    ),
    Format(
        name="model-card-json",
        media_type="application/json",
        file="model-card.json",
        render=model_cards.render_google,
    ),
)
FORMATS: Mapping[str, Format] = {made.name: made for made in _ALL}

__all__ = ["FORMATS", "Format"]
