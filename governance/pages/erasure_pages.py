"""Erasing a person: what it would take, who asked, and the second person's confirmation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from governance import erasures
from governance.models import ErasureRequest
from governance.pages.access import deciding_page, found, person_of, require_sight, strict_page
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import CodeField, PasswordField, ReasonField
from registry.models import Person
from registry.tongue import called


class GroundForm(forms.Form):
    """Why a person is erased, and who says so."""

    ground = ReasonField(
        gettext_lazy("Ground"),
        gettext_lazy("Why (GDPR Art. 17(1)), and why no duty to keep and no legal claim stands against it."),
    )
    password = PasswordField()
    otp = CodeField()


class ConfirmationForm(forms.Form):
    """Who confirms."""

    password = PasswordField()
    otp = CodeField()


@require_safe
@strict_page
def listed(request: HttpRequest) -> HttpResponse:
    """What was asked for and what was done, newest first; and whom one could ask it for."""
    require_sight(person_of(request), erasures.ERASE)
    rows = ErasureRequest.objects.select_related("person", "requested_by", "erasure__confirmed_by")
    people = Person.objects.exclude(erasure_requests__isnull=False).order_by("last_name", "username")
    context = {"rows": rows[:100], "people": people[:200], "person": person_of(request)}
    return render(request, "pages/erasures.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def ask(request: HttpRequest, pseudonym: str) -> HttpResponse:
    """Ask that a person be erased; shows first what that would do."""
    actor = person_of(request)
    require_sight(actor, erasures.ERASE)
    person: Person = found(Person.objects.all(), pseudonym=pseudonym)
    refused = ""
    if erasures.is_erased(person):
        refused = _("This person was erased already.")
    elif erasures.confirmable(person):
        refused = _("Somebody has asked for it already; it waits to be confirmed.")
    act = Act(
        title=_("Ask that a person be erased"),
        told=_(
            "Nothing happens until somebody else confirms it. What was decided stays on record under the pseudonym."
        ),
        button=_("Ask for it"),
        done=_("It waits for somebody else to confirm it."),
        refused=refused,
        facts=() if refused else _consequences(person),
        **_back(),
    )
    form = GroundForm(posted(request))
    return act_page(request, act, form, lambda told: erasures.request_erasure(actor=actor, person=person, **told))


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person has it done."""
    actor = person_of(request)
    require_sight(actor, erasures.ERASE)
    asked: ErasureRequest = found(ErasureRequest.objects.select_related("person", "requested_by"), pk=pk)
    refused = _("This person was erased already.") if hasattr(asked, "erasure") else ""
    if actor.pk in (asked.requested_by_id, asked.person_id):
        refused = _("Somebody else than who asked, and than the person, must confirm an erasure.")
    act = Act(
        title=_("Erase a person"),
        told=_("This cannot be undone. Reports that were handed out, and backups, are in other hands and stay there."),
        button=_("Erase for good"),
        done=_("The person is erased. A worker deletes the files and seals the reports anew."),
        refused=refused,
        facts=(
            (_("Asked by"), asked.requested_by.printed_name),
            (_("Ground"), asked.ground),
            *(() if refused else _consequences(asked.person)),
        ),
        grave=True,
        **_back(),
    )
    form = ConfirmationForm(posted(request))
    return act_page(request, act, form, lambda told: erasures.confirm_erasure(actor=actor, asked=asked, **told))


def _back() -> dict[str, Any]:
    return {"back": reverse("erasures"), "back_title": _("Erasures")}


def _owned(thing: str) -> str:
    """`model triage`, in the reader's language."""
    kind, _space, slug = thing.partition(" ")
    return f"{called(kind)} {slug}"


def _consequences(person: Person) -> tuple[tuple[str, object], ...]:
    found_here = erasures.preview(person)
    return (
        (_("Person"), f"{person.printed_name} ({person.pseudonym})"),
        (_("Records that name them"), found_here.rows),
        (_("Texts beside the ledger"), found_here.texts),
        (_("Reports sealed anew"), ", ".join(found_here.reports) or _("none")),
        (_("Open gates that rest on their reviews, and close"), found_here.gates),
        (_("What they own, and somebody else should"), ", ".join(map(_owned, found_here.owned)) or _("nothing")),
    )
