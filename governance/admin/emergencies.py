from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from governance.admin.badges import as_role, state_badge
from governance.broken_glass import emergency_of
from governance.models import BreakGlass, BreakGlassReview, Condition
from registry.admin.base import ReadOnlyAdmin, badge, link


@admin.register(BreakGlass)
class BreakGlassAdmin(ReadOnlyAdmin):
    """Emergencies: who opened a closed gate, why, until when, and what others said afterwards."""

    list_display = ("request_link", "standing", "printed_name", "invoked_at", "expires_at", "review_due_at")
    search_fields = ("request__version__model__slug", "printed_name", "justification")
    list_select_related = ("request__version__model", "request__policy_version__policy", "invoked_by")
    date_hierarchy = "invoked_at"
    fields = readonly_fields = (
        "request_link",
        "round",
        "standing",
        "justification",
        "printed_name",
        "method",
        "invoked_at",
        "expires_at",
        "review_due_at",
    )

    @admin.display(description=_("standing"))
    def standing(self, broken: BreakGlass) -> str:
        """What the later reviews came to, in red whatever it is."""
        return state_badge("glass", emergency_of(broken).standing)

    @admin.display(description=_("request"))
    def request_link(self, broken: BreakGlass) -> str:
        """The review page."""
        return link(broken.request, broken.request.get_absolute_url())


@admin.register(BreakGlassReview)
class BreakGlassReviewAdmin(ReadOnlyAdmin):
    """What others said of an emergency afterwards."""

    list_display = ("broken", "said", "printed_name", as_role, "reviewed_at")
    list_select_related = ("broken__request__version__model",)
    search_fields = ("printed_name", "reason")

    @admin.display(description=_("view"), ordering="upheld")
    def said(self, view: BreakGlassReview) -> str:
        """Upheld or objected."""
        return badge("●", "upheld", "ok") if view.upheld else badge("×", "objected", "bad")


@admin.register(Condition)
class ConditionAdmin(ReadOnlyAdmin):
    """What approvals depend on."""

    list_display = ("text", "due_at", "standing", "request_link")
    list_select_related = ("review__request__version__model", "met")
    search_fields = ("text", "review__request__version__model__slug")
    date_hierarchy = "due_at"

    @admin.display(description=_("met"))
    def standing(self, condition: Condition) -> str:
        """Whether somebody confirmed it."""
        return badge("●", "met", "ok") if hasattr(condition, "met") else badge("○", "not confirmed", "wait")

    @admin.display(description=_("request"))
    def request_link(self, condition: Condition) -> str:
        """The review page."""
        return link(condition.review.request, condition.review.request.get_absolute_url())
