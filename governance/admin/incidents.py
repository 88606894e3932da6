from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from governance.models import Incident
from registry.admin.base import ReadOnlyAdmin, badge, link


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    """What versions did, and whether it is dealt with."""

    list_display = ("title", "version_link", "weight", "standing", "reported_by", "reported_at")
    list_filter = ("serious",)
    search_fields = ("title", "description", "version__model__slug")
    list_select_related = ("version__model", "reported_by", "end")
    date_hierarchy = "reported_at"
    fields = readonly_fields = (
        "title",
        "version_link",
        "description",
        "weight",
        "standing",
        "reported_by",
        "reported_at",
        "closing",
    )

    @admin.display(description=_("version"))
    def version_link(self, incident: Incident) -> str:
        """Whose gates it closes."""
        return link(incident.version)

    @admin.display(description=_("weight"), ordering="serious")
    def weight(self, incident: Incident) -> str:
        """Serious in the sense of the AI Act, or not."""
        return badge("▲", "serious", "bad") if incident.serious else badge("○", "not serious")

    @admin.display(description=_("state"))
    def standing(self, incident: Incident) -> str:
        """Open or closed."""
        return badge("●", "closed", "ok") if hasattr(incident, "end") else badge("◆", "open", "bad")

    @admin.display(description=_("how it ended"))
    def closing(self, incident: Incident) -> str:
        """What was found, by whom."""
        end = getattr(incident, "end", None)
        return f"{end.reason} ({end.printed_name}, {end.closed_at:%Y-%m-%d %H:%M} UTC)" if end else "–"
