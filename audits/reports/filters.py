"""Template filters of the report: the words and numbers of `figures` and `wording`, nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.template import Library
from django.utils.translation import gettext as _

from audits.criteria import Outcome
from audits.measurements import MetricValue
from audits.reports import figures, tongue, wording
from audits.reports.dossier import PointStatus
from audits.reports.parts import FindingFacts, Verdict
from audits.reports.text import visible

register = Library()
register.filter("day", figures.day)
register.filter("moment", figures.moment)
register.filter("count", figures.count)
register.filter("ours", tongue.ours)
register.filter("article", tongue.article)
register.filter("law", tongue.law)


@register.filter
def role(slug: str) -> str:
    """A role as people say it."""
    return tongue.ours(wording.role_in_words(slug))


@register.filter
def metric(name: str) -> str:
    """A metric, or a column of a table, as people say it."""
    return tongue.ours(wording.metric_in_words(name))


@register.filter
def cell(value: object) -> str:
    """One cell of an evidence table."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return figures.figure(value)
    if isinstance(value, datetime):
        return figures.moment(value)
    return figures.day(value) if isinstance(value, date) else str(value)


@register.filter
def judged(finding: FindingFacts) -> str:
    """The judged value, printed so that it cannot be misread against its limit."""
    return figures.measured(finding.measured, *figures.limits_of(finding.at_least, finding.at_most))


@register.filter
def interval(finding: FindingFacts) -> str:
    """The interval of the judged value, printed so that it cannot be misread against its limit."""
    measured = finding.measured
    found = None if measured is None else measured.interval
    return figures.bounds(found, *figures.limits_of(finding.at_least, finding.at_most))


@register.filter
def number(value: MetricValue) -> str:
    """A measured value that has no limit of its own."""
    return figures.measured(value)


@register.filter
def spread(value: MetricValue) -> str:
    """The interval of a measured value that has no limit of its own."""
    return figures.bounds(value.interval)


@register.filter
def glyph(word: Outcome | Verdict | PointStatus) -> str:
    """The shape that goes with an outcome, a verdict or the state of a point."""
    if isinstance(word, PointStatus):
        return wording.POINTS[word][0]
    return wording.OUTCOMES[word][0] if isinstance(word, Outcome) else wording.VERDICTS[word]


@register.filter
def word(outcome: Outcome | PointStatus) -> str:
    """An outcome, or the state of a point, as people say it."""
    return tongue.ours((wording.POINTS[outcome] if isinstance(outcome, PointStatus) else wording.OUTCOMES[outcome])[1])


@register.filter
def setting(value: object) -> str:
    """A check parameter: lists joined, nothing as a dash."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {setting(entry)}" for key, entry in value.items()) or "–"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(setting(entry) for entry in value) or "–"
    # A parameter is printed as it was set, not rounded like a measurement.
    return repr(value) if isinstance(value, float) else cell(value)


@register.filter
def data_url(svg: str) -> str:
    """An SVG as a data URL: pictures as <img> keep their alternative text in the tagged PDF."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


@register.filter
def clipped(text: str, longest: int) -> str:
    """At most `longest` characters: nobody's long words may push the verdict off the first page."""
    return visible(text, longest, note="…")
