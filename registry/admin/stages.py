from __future__ import annotations

from django.contrib import admin

from registry.admin.base import ReadOnlyAdmin, short_digest
from registry.models import StageAssignment


@admin.register(StageAssignment)
class StageAssignmentAdmin(ReadOnlyAdmin):
    """Which version was in which stage from when on."""

    list_display = ("model", "stage", "version", "sequence", "assigned_at", "decision")
    list_filter = ("stage",)
    search_fields = ("model__slug", "stage")
    list_select_related = ("model", "version__model")
    date_hierarchy = "assigned_at"

    @admin.display(description="decision")
    def decision(self, assignment: StageAssignment) -> str:
        """Digest of the gate decision that allowed it."""
        return short_digest(assignment.decision_digest)
