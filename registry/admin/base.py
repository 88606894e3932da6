"""What all admin pages of records share: nobody adds, changes or deletes here; the verbs do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry.admin.spoken import SpokenAdmin
from registry.tongue import called

SHORT = 12


class ReadOnlyAdmin(SpokenAdmin):
    """Lists and pages to read. Permission to view is the usual one; permission to change has no effect."""

    actions: Any = None
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = False
    compressed_fields = True

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list. A form that is sent to it can only be an action it offers: nothing is edited in a list."""
        if request.method == "POST" and request.POST.get("action", "") not in self.get_actions(request):
            raise PermissionDenied("Nothing is changed in this list.")
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is read has its choices in words."""
        fields = super().get_fields(request, obj)
        return fields if obj is None else self._spoken(fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """By the names of `get_fields`."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else self._spoken(fields)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: rows come from verbs."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: state moves by verbs."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: a record is never deleted."""
        return False


def badge(shape: str, word: str, tone: str = "quiet") -> SafeString:
    """A state as shape, word and colour, the word in the reader's language."""
    return format_html(
        '<span class="assay-badge assay-badge--{}"><span aria-hidden="true">{}</span> {}</span>',
        tone,
        shape,
        called(word),
    )


def short_digest(digest: str) -> SafeString:
    """The first hex digits, with the whole digest for whoever hovers over it."""
    if not digest:
        return SafeString("–")
    return format_html('<code title="{}">{}…</code>', digest, digest.removeprefix("sha256:")[:SHORT])


def link(thing: Model | None, url: str = "") -> SafeString:
    """A link to the page of a thing; a dash for nothing."""
    if thing is None:
        return SafeString("–")
    return format_html('<a class="assay-link" href="{}">{}</a>', url or admin_url(thing), thing)


def admin_url(thing: Model) -> str:
    """The page of a row in the admin."""
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> SafeString:
    """Rows to look at rather than JSON to read; its heads are told in the reader's language."""
    head = format_html_join("", '<th scope="col">{}</th>', ((called(name),) for name in heads))
    cells = (format_html_join("", "<td>{}</td>", ((cell,) for cell in row)) for row in rows)
    body = format_html_join("", "<tr>{}</tr>", ((row,) for row in cells))
    return format_html('<table class="assay-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body)


def pretty_json(document: Any) -> SafeString:
    """A JSON document, indented and escaped."""
    return format_html(
        '<pre class="assay-json">{}</pre>', json.dumps(document, indent=2, ensure_ascii=False, default=str)
    )
