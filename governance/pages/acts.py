"""The confirm page of an act that is not about one promotion request: say what would happen, and do it on POST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from governance.pages.forms import carried_out

UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """The words of the page. `refused` says why nothing is offered, "" when something is; `back` is where it leads."""

    title: str
    told: str
    button: str
    done: str
    back: str
    back_title: str
    facts: tuple[tuple[str, object], ...] = ()
    refused: str = ""
    grave: bool = False


def act_page(
    request: HttpRequest,
    act: Act,
    form: forms.Form,
    verb: Callable[[dict[str, Any]], object],
    names: dict[str, str] | None = None,
) -> HttpResponse:
    """Show `act`; on POST call `verb` with what was filled in. A refusal stands beside the field it is about."""
    if request.method == "POST" and form.is_valid():
        done = carried_out(form, lambda: verb(form.cleaned_data) or True, names)
        if done is not None:
            messages.success(request, act.done)
            return redirect(act.back)
    return render(request, "pages/act.html", {"act": act, "form": form}, status=status_of(form))


def posted(request: HttpRequest) -> Any:
    """What a form is bound to: the POST, or nothing."""
    return request.POST if request.method == "POST" else None


def status_of(form: forms.Form) -> int:
    """422 for a form that was refused."""
    return UNPROCESSABLE if form.is_bound and form.errors else 200
