"""What an approval may depend on, as small forms beside the review."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.pages.forms import LONGEST_TEXT
from governance.signatures.reviews import NewCondition

MOST_ON_A_PAGE = 3


class ConditionForm(forms.Form):
    """One condition; left empty there is none."""

    text = forms.CharField(
        label=gettext_lazy("What must be done"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    due_on = forms.DateField(
        label=gettext_lazy("Done by (last day)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        """Text and day, or neither."""
        cleaned: dict[str, Any] = self.cleaned_data
        if cleaned.get("text") and "due_on" in cleaned and cleaned["due_on"] is None:
            self.add_error("due_on", _("Say by when it must be done."))
        if cleaned.get("due_on") and not cleaned.get("text"):
            self.add_error("text", _("Say what must be done."))
        return cleaned

    def condition(self) -> NewCondition | None:
        """What was filled in, due at the end of that day (UTC); None when it was left empty."""
        if not self.cleaned_data["text"]:
            return None
        return NewCondition(
            self.cleaned_data["text"], datetime.combine(self.cleaned_data["due_on"], time(23, 59, 59), UTC)
        )


def condition_forms(request: HttpRequest) -> list[ConditionForm]:
    """The forms of one page, filled in from what was posted."""
    posted = request.POST if request.method == "POST" else None
    return [ConditionForm(posted, prefix=f"condition-{number}") for number in range(1, MOST_ON_A_PAGE + 1)]


def told_in(filled: list[ConditionForm]) -> list[NewCondition]:
    """The conditions of valid forms, without the empty ones."""
    return [told for told in (form.condition() for form in filled) if told is not None]
