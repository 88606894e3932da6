"""Explaining one decision to the person it concerns: a form for the row, an answer that is shown once and not kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from governance.explanations import PERMISSION, explain_decision
from governance.pages.access import person_of, strict_page, visible_version
from governance.pages.forms import carried_out
from registry.authority import permits

_WAYS = (
    ("", gettext_lazy("cannot be changed")),
    ("either", gettext_lazy("can change")),
    ("+", gettext_lazy("can rise")),
    ("-", gettext_lazy("can fall")),
)


class RowForm(forms.Form):
    """One person's features, which of them could be changed, and in which language the answer is given."""

    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False, initial=get_language)

    def __init__(self, *args: Any, features: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._features = features
        for index, name in enumerate(features):
            self.fields[f"value-{index}"] = forms.CharField(label=name, required=False, max_length=200)
            self.fields[f"way-{index}"] = forms.ChoiceField(
                label=_("whether {name} can change").format(name=name), choices=_WAYS, required=False
            )

    def pairs(self) -> list[tuple[Any, Any]]:
        """For each feature the field of its value and that of its change."""
        return [(self[f"value-{index}"], self[f"way-{index}"]) for index in range(len(self._features))]

    def row(self) -> dict[str, str | None]:
        """The features as given; what was left empty is not known."""
        return {name: self.cleaned_data[f"value-{i}"] or None for i, name in enumerate(self._features)}

    def mutable(self) -> list[str]:
        """As `explain_decision` takes it."""
        ways = ((name, self.cleaned_data[f"way-{i}"]) for i, name in enumerate(self._features))
        return [name if way == "either" else f"{name}={way}" for name, way in ways if way]


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
@sensitive_post_parameters()
def explain(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Explain one decision; the row is used for the answer and not kept."""
    version, person = visible_version(request, slug, number), person_of(request)
    if not permits(person, PERMISSION, version.model):
        raise PermissionDenied(_("No group of yours may explain decisions of this model."))
    features = [str(name) for name in version.signature.get("features", ())]
    form = RowForm(request.POST if request.method == "POST" else None, features=features)
    given = None
    if request.method == "POST" and form.is_valid():
        given = carried_out(
            form,
            lambda: explain_decision(
                actor=person,
                version=version,
                row=form.row(),
                mutable=form.mutable(),
                language=form.cleaned_data["language"] or "en",
            ),
        )
    if given is not None and request.POST.get("as") == "pdf":
        response = HttpResponse(given.sealed, content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{given.number}.pdf"'
        response["X-Content-Type-Options"] = "nosniff"
        return response
    context = {
        "version": version,
        "model": version.model,
        "form": form,
        "given": given,
        "pack": given.document.pack if given else None,
    }
    return render(request, "pages/explain.html", context, status=422 if form.errors else 200)
