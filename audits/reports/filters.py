"""Template filters of the report: the words and numbers of `figures` and `wording`, nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.template import Library
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from audits.criteria import Outcome
from audits.frameworks.catalogue import Catalogue
from audits.measurements import MetricValue
from audits.reports import figures, tongue, wording
from audits.reports.dossier import PointStatus
from audits.reports.parts import FindingFacts, Verdict
from audits.reports.text import visible

#: What a child process was kept from, as it recorded it.
_BARRIERS = ("network", "files", "calls")

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
def limit(finding: FindingFacts) -> str:
    """What the policy allows, with the sign that numbers have beside it."""
    return figures.limit(finding.limit)


@register.filter
def criterion(name: str) -> str:
    """A criterion by its name in words, as the findings call it; a sentence in its place stays one."""
    return tongue.ours(name if " " in name else name.replace("-", " ").capitalize())


@register.filter
def criteria(names: Sequence[str]) -> str:
    """Criteria by their names in words."""
    return ", ".join(map(criterion, names))


@register.filter
def each(sentences: str) -> str:
    """Several sentences of ours in a row, each in the active language; as a whole where not all of them are ours."""
    parts = sentences.split("; ")
    told = [tongue.ours(part) for part in parts]
    one_by_one = all(said != part for said, part in zip(told, parts, strict=True))
    return "; ".join(told) if one_by_one else tongue.ours(sentences)


@register.filter
def places(names: Sequence[str]) -> str:
    """Where controls stand in the law, each framework named once; an id that the catalogue does not hold, as it is."""
    catalogue, by_framework = Catalogue.load(), dict[str, list[str]]()
    for name in names:
        control = catalogue.by_id.get(name)
        known = ("", name) if control is None else (control.framework, tongue.ours(control.reference))
        by_framework.setdefault(known[0], []).append(known[1])
    return "; ".join(f"{tongue.ours(name)} {', '.join(told)}".strip() for name, told in by_framework.items())


@register.filter
def place(name: str) -> str:
    """Where one control stands in the law."""
    return places([name])


@register.filter
def environment(facts: Mapping[str, object]) -> str:
    """On what a check ran: Python, the libraries with their versions, and what kept the check apart."""
    rest = {name: value for name, value in facts.items() if name not in {"python", "machine", "libraries", *_BARRIERS}}
    libraries = facts.get("libraries")
    named = libraries if isinstance(libraries, Mapping) else {}
    told = [f"Python {facts['python']} ({facts['machine']})" if {"python", "machine"} <= facts.keys() else ""]
    told += [", ".join(f"{name} {version}" for name, version in named.items())]
    apart = ", ".join(str(facts[name]) for name in _BARRIERS if name in facts)
    told += [_("confined by {barriers}").format(barriers=apart) if apart else ""]
    told += [", ".join(f"{name} {setting(value)}" for name, value in rest.items())]
    return "; ".join(filter(None, told))


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
def unbroken(title: str) -> SafeString:
    """A title whose reference in brackets is never broken over two lines."""
    head, bracket, rest = title.partition(" (")
    return format_html('{} <span class="whole">({}</span>', head, rest) if bracket else format_html("{}", title)


@register.filter
def clipped(text: str, longest: int) -> str:
    """At most `longest` characters: nobody's long words may push the verdict off the first page."""
    return visible(text, longest, note="…")
