from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from governance.admin.badges import state_badge
from governance.models import BreakGlass, PromotionRequest
from registry.admin.base import ReadOnlyAdmin, badge, link


@admin.register(PromotionRequest)
class PromotionRequestAdmin(ReadOnlyAdmin):
    """Requests to pass a gate. What can be done with one is done on its own page."""

    list_display = ("__str__", "standing", "gate_name", "policy_version", "requested_by", "requested_at", "page")
    list_filter = ("state", "to_stage")
    search_fields = ("version__model__slug", "to_stage", "subject_digest", "id")
    list_select_related = ("version__model", "policy_version__policy", "requested_by")
    date_hierarchy = "requested_at"
    fields = readonly_fields = (
        "page",
        "version_link",
        "from_stage",
        "to_stage",
        "standing",
        "round",
        "policy_link",
        "gate_name",
        "run_link",
        "subject_digest",
        "reason",
        "requested_by",
        "requested_at",
        "ended_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromotionRequest]:
        """With whether the glass was broken, for the column of states."""
        rows: QuerySet[PromotionRequest] = super().get_queryset(request)
        return rows.annotate(glass=Exists(BreakGlass.objects.filter(request=OuterRef("pk"))))

    @admin.display(description=_("state"), ordering="state")
    def standing(self, request: Any) -> str:
        """Where it stands, and in red whether the glass was broken for it."""
        shown = state_badge("state", request.state)
        return format_html("{} {}", shown, badge("!", "broken glass", "bad")) if request.glass else shown

    @admin.display(description=_("page"))
    def page(self, request: PromotionRequest) -> str:
        """The review page."""
        words = _("open the review page")
        return format_html('<a class="assay-link" href="{}">{}</a>', request.get_absolute_url(), words)

    @admin.display(description=_("version"))
    def version_link(self, request: PromotionRequest) -> str:
        """What should be promoted."""
        return link(request.version)

    @admin.display(description=_("policy"))
    def policy_link(self, request: PromotionRequest) -> str:
        """The pinned policy version."""
        return link(request.policy_version)

    @admin.display(description=_("run"))
    def run_link(self, request: PromotionRequest) -> str:
        """The run of the present round."""
        return link(request.run)
