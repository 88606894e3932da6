from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin, badge
from registry.models import WorkItem

STATES = {"queued": ("○", "quiet"), "leased": ("◔", "wait"), "done": ("●", "ok"), "dead": ("×", "bad")}


@admin.register(WorkItem)
class WorkItemAdmin(ReadOnlyAdmin):
    """What workers have to do, are doing and gave up."""

    list_display = ("key", "kind", "standing", "attempts", "lease_until", "created_at", "finished_at")
    list_filter = ("state", "kind")
    search_fields = ("key", "last_error")
    ordering = ("-pk",)

    @admin.display(description=_("state"), ordering="state")
    def standing(self, item: WorkItem) -> str:
        """Where it stands."""
        shape, tone = STATES[item.state]
        return badge(shape, item.get_state_display(), tone)
