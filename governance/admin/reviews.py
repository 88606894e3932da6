from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from governance.admin.badges import as_role, state_badge
from governance.models import Review, Waiver, WaiverDecision
from registry.admin.base import ReadOnlyAdmin, badge, link
from registry.admin.spoken import SpokenValues


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    """Signed reviews."""

    list_display = ("printed_name", as_role, "said", "request_link", "round", "created_at")
    list_filter = ("verdict", ("role", SpokenValues))
    search_fields = ("printed_name", "reason", "request__version__model__slug", "subject_digest")
    list_select_related = ("request__version__model",)
    date_hierarchy = "created_at"

    @admin.display(description=_("verdict"), ordering="verdict")
    def said(self, review: Review) -> str:
        """What the person decided."""
        return state_badge("verdict", review.verdict)

    @admin.display(description=_("request"))
    def request_link(self, review: Review) -> str:
        """The review page."""
        return link(review.request, review.request.get_absolute_url())


@admin.register(Waiver)
class WaiverAdmin(ReadOnlyAdmin):
    """Exceptions that were asked for."""

    list_display = ("criterion_id", "standing", "request_link", "requested_by", "expires_at")
    search_fields = ("criterion_id", "justification", "request__version__model__slug")
    list_select_related = ("request__version__model", "requested_by", "decision")

    @admin.display(description=_("decision"))
    def standing(self, waiver: Waiver) -> str:
        """Granted, refused or waiting."""
        decision = getattr(waiver, "decision", None)
        if decision is None:
            return badge("○", "waiting", "wait")
        return badge("●", "granted", "ok") if decision.granted else badge("×", "refused", "bad")

    @admin.display(description=_("request"))
    def request_link(self, waiver: Waiver) -> str:
        """The review page."""
        return link(waiver.request, waiver.request.get_absolute_url())


@admin.register(WaiverDecision)
class WaiverDecisionAdmin(ReadOnlyAdmin):
    """Who granted or refused a waiver."""

    list_display = ("waiver", "granted", "printed_name", as_role, "decided_at")
    list_select_related = ("waiver__request__version__model",)
    search_fields = ("waiver__criterion_id", "printed_name", "reason")
