from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin, badge, short_digest, table
from registry.admin.cards import card_history, gap_badges
from registry.cards import SPECIAL_CATEGORIES
from registry.dataset_cards import card_of
from registry.models import Dataset, DatasetVersion, DatasetWithdrawal
from registry.tongue import called


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Named datasets."""

    list_display = ("slug", "name", "owner", "created_at")
    search_fields = ("slug", "name", "description")
    list_select_related = ("owner",)


@admin.register(DatasetVersion)
class DatasetVersionAdmin(ReadOnlyAdmin):
    """Immutable content, and the terms under which it may be used."""

    list_display = ("__str__", "state", "content", "row_count", "legal_basis", "licence", "personal_data", "created_at")
    list_filter = ("personal_data", "media_type")
    search_fields = ("dataset__slug", "digest", "source", "job")
    list_select_related = ("dataset", "withdrawal")
    fields = readonly_fields = (
        "dataset",
        "number",
        "state",
        "withdrawing",
        "card_gaps",
        "card_revisions",
        "digest",
        "media_type",
        "row_count",
        "columns_text",
        "source",
        "job",
        "licence",
        "legal_basis",
        "purpose",
        "retention_until",
        "personal_data",
        "categories",
        "record_digest",
        "created_by",
        "created_at",
    )

    @admin.display(description=_("state"))
    def state(self, version: DatasetVersion) -> str:
        """Whether it may still be used."""
        withdrawn = hasattr(version, "withdrawal")
        return badge("×", "withdrawn", "bad") if withdrawn else badge("●", "in use", "ok")

    @admin.display(description=_("content"))
    def content(self, version: DatasetVersion) -> str:
        """Its identity."""
        return short_digest(version.digest)

    @admin.display(description=_("columns"))
    def columns_text(self, version: DatasetVersion) -> str:
        """Names, types, tags as they were declared; the card may tag anew."""
        if not version.columns:
            return "–"
        rows = ((_code([column["name"]]), _code([column["type"]]), _code(column["tags"])) for column in version.columns)
        return table(("name", "type", "tags"), rows)

    @admin.display(description=_("special categories"))
    def categories(self, version: DatasetVersion) -> str:
        """In words, a dash for none."""
        return ", ".join(called(SPECIAL_CATEGORIES.get(key, key)) for key in version.special_categories) or "–"

    @admin.display(description=_("missing on the card"))
    def card_gaps(self, version: DatasetVersion) -> str:
        """Facts that are owed and not given."""
        return gap_badges(card_of(version))

    @admin.display(description=_("card"))
    def card_revisions(self, version: DatasetVersion) -> str:
        """Its history, and where the next revision is written."""
        return card_history(version, add_url=reverse("admin:registry_datasetcard_add"))

    @admin.display(description=_("what depends on it"))
    def withdrawing(self, version: DatasetVersion) -> str:
        """The page that shows what would be affected by a withdrawal."""
        url = reverse("dataset-withdraw", args=[version.dataset.slug, version.number])
        return format_html('<a class="assay-link" href="{}">{}</a>', url, _("Models that depend on it, and withdrawal"))


@admin.register(DatasetWithdrawal)
class DatasetWithdrawalAdmin(ReadOnlyAdmin):
    """Data that must not be used any more."""

    list_display = ("dataset_version", "kind", "withdrawn_by", "withdrawn_at")
    list_filter = ("kind",)
    list_select_related = ("dataset_version__dataset", "withdrawn_by")
    search_fields = ("dataset_version__dataset__slug", "reason")


def _code(words: Iterable[str]) -> SafeString:
    """Words that are written in signatures and cards as they stand here."""
    return format_html_join(", ", "<code>{}</code>", ((word,) for word in words)) or SafeString("–")
