from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from registry.admin.base import ReadOnlyAdmin, short_digest
from registry.models import StageAssignment


class DayForm(forms.Form):
    """One day, as the browser's calendar gives it."""

    on = forms.DateField(
        label=_("Stages at the end of (UTC)"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )


class OnDayFilter(admin.SimpleListFilter):
    """What was in each stage at the end of a day: the rows in force then, in place of the whole history."""

    title = _("day")
    parameter_name = "on"
    template = "unfold/filters/filters_field.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Any day: the form asks for it."""
        return [("", "")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The form, with the day that was asked for."""
        yield {"form": DayForm(data={"on": self.value()})}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Raises IncorrectLookupParameters for what is no day."""
        if not self.value():
            return queryset
        try:
            day = date.fromisoformat(str(self.value()))
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error
        found = StageAssignment.objects.as_of(datetime.combine(day, time.max, UTC))
        return queryset.filter(pk__in=found.values("pk"))


@admin.register(StageAssignment)
class StageAssignmentAdmin(ReadOnlyAdmin):
    """Which version was in which stage from when on."""

    list_display = ("model", "stage", "version", "sequence", "assigned_at", "decision")
    list_filter = (OnDayFilter, "stage")
    list_filter_submit = True
    search_fields = ("model__slug", "stage")
    list_select_related = ("model", "version__model")
    date_hierarchy = "assigned_at"

    @admin.display(description=_("decision"))
    def decision(self, assignment: StageAssignment) -> str:
        """Digest of the gate decision that allowed it."""
        return short_digest(assignment.decision_digest)
