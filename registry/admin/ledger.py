from __future__ import annotations

import json

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin, pretty_json
from registry.models import Checkpoint, LedgerEntry


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every event. The page of an entry also checks its proof."""

    list_display = ("index", "event", "subject", "proof")
    list_filter = ("event",)
    search_fields = ("subject", "event")
    ordering = ("-index",)
    fields = readonly_fields = ("index", "event", "subject", "body_text", "leaf", "proof")

    @admin.display(description=_("body"))
    def body_text(self, entry: LedgerEntry) -> str:
        """The exact content, indented."""
        return pretty_json(json.loads(bytes(entry.body)))

    @admin.display(description=_("leaf hash"))
    def leaf(self, entry: LedgerEntry) -> str:
        """As hex."""
        return bytes(entry.leaf_hash).hex()

    @admin.display(description=_("proof"))
    def proof(self, entry: LedgerEntry) -> str:
        """The page that recomputes its place in the tree."""
        url = reverse("ledger-entry", args=[entry.pk])
        return format_html('<a class="assay-link" href="{}">{}</a>', url, _("check it"))


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    """Signed heads of the ledger."""

    list_display = ("size", "created_at")
    fields = readonly_fields = ("size", "note_text", "created_at")

    @admin.display(description=_("note"))
    def note_text(self, checkpoint: Checkpoint) -> str:
        """The signed note, as it is published."""
        return format_html('<pre class="assay-json">{}</pre>', checkpoint.note)
