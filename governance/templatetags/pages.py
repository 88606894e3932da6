"""Tags and filters of the pages: badges, navigation, charts, and the numbers as reports print them."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from audits.reports import figures, filters
from audits.reports.tongue import article, law, ours
from governance.pages import navigation, words
from registry.tongue import called

register = template.Library()
for _name in ("cell", "judged", "interval", "number", "spread", "setting"):
    register.filter(_name, getattr(filters, _name))
register.filter("role", filters.role)
register.filter("metric", filters.metric)
register.filter("each", filters.each)
register.filter("criterion", filters.criterion)
register.filter("place", filters.place)
register.filter("ours", ours)
register.filter("called", called)
register.filter("law", law)
register.filter("article", article)
register.filter("day", figures.day)
register.filter("moment", figures.moment)


@register.simple_tag
def badge(family: str, word: str) -> SafeString:
    """A badge: shape, word and colour."""
    known = words.badge(family, word)
    return format_html(
        '<span class="badge badge--{}"><span class="shape" aria-hidden="true">{}</span>{}</span>',
        known.tone,
        known.shape,
        ours(known.word),
    )


@register.filter
def drawn(svg: str) -> SafeString:
    """An SVG of `audits.reports.charts`, which escapes every text that it draws."""
    return mark_safe(svg)  # noqa: S308  (made by our own drawing kit only; tests feed it hostile text)


@register.filter
def short(digest: str) -> str:
    """The first twelve hex digits of a digest, to recognise it by."""
    return digest.removeprefix("sha256:")[:12]


@register.filter
def rule(value: Any) -> str:
    """One side of a change of a policy: a dash for nothing, otherwise as the policy would be written."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {rule(entry)}" for name, entry in value.items() if entry not in (None, [], {}))
    return ", ".join(map(rule, value)) if isinstance(value, list | tuple) else str(value)


@register.filter
def in_words(name: str) -> str:
    """`selection-rate_difference` as people say it."""
    text = name.replace("_", " ").replace("-", " ")
    return text[:1].upper() + text[1:]


@register.inclusion_tag("pages/parts/navigation.html", takes_context=True)
def navigation_bar(context: dict[str, Any]) -> dict[str, Any]:
    """The sidebar of the person who looks."""
    request: HttpRequest = context["request"]
    return {
        "request": request,
        "user": request.user,
        "sections": navigation.sections(request),
        "logout": reverse("admin:logout"),
    }
