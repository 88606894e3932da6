"""Authenticators: enrolled by their owner, confirmed or retired by somebody else who manages people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from audits.reports.figures import moment
from governance.models import SecurityKey, TotpDevice
from governance.pages.access import deciding_page, found, person_of, strict_page
from governance.pages.acts import Act, act_page, posted, status_of
from governance.pages.forms import CodeField, PasswordField, carried_out
from governance.signatures import authenticators, enrolments
from registry.authority import permits
from registry.models import Person


class CredentialForm(forms.Form):
    """Who signs."""

    password = PasswordField()
    otp = CodeField()


class ConfirmationForm(CredentialForm):
    """The code that the owner reads out, and the credential of whoever confirms."""

    code = forms.CharField(label=gettext_lazy("The code that its owner reads out now"), max_length=12)
    field_order = ("code", "password", "otp")


@require_safe
@strict_page
def listed(request: HttpRequest) -> HttpResponse:
    """One's own authenticator; for those who manage people also everybody else's."""
    person = person_of(request)
    manages = permits(person, enrolments.MANAGE)
    rows = TotpDevice.objects.filter(retired_at=None).select_related("person", "confirmed_by")
    keys = SecurityKey.objects.filter(retired_at=None).select_related("person", "confirmed_by").order_by("-enrolled_at")
    context = {
        "mine": authenticators.device_of(person),
        "my_keys": keys.filter(person=person),
        "keys": keys.exclude(person=person)[:50] if manages else (),
        "rows": rows.exclude(person=person).order_by("-enrolled_at")[:50] if manages else (),
        "manages": manages,
    }
    return render(request, "pages/authenticators.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def enrol(request: HttpRequest) -> HttpResponse:
    """A new secret, shown in the answer to the POST and never again."""
    person, form = person_of(request), CredentialForm(posted(request))
    enrolment = None
    if form.is_valid():
        enrolment = carried_out(form, lambda: enrolments.enrol_authenticator(actor=person, **form.cleaned_data))
    return render(
        request, "pages/authenticator_enrol.html", {"form": form, "enrolment": enrolment}, status=status_of(form)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody else saw its owner read out the code."""
    person, device = person_of(request), _device(request, pk)
    act = _act(
        person,
        device,
        title=_("Confirm an authenticator"),
        told=_(
            "Have its owner, whom you know, read out the code that it shows now. A former authenticator of theirs is "
            "retired."
        ),
        button=_("Confirm it"),
        done=_("The authenticator counts from now on."),
    )
    form = ConfirmationForm(posted(request))
    return act_page(
        request, act, form, lambda told: enrolments.confirm_authenticator(actor=person, device=device, **told)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """It is lost or replaced."""
    person, device = person_of(request), _device(request, pk)
    act = _act(
        person,
        device,
        title=_("Retire an authenticator"),
        told=_("Its codes count no more; its owner signs with the password until another one is confirmed."),
        button=_("Retire it"),
        done=_("The authenticator is retired."),
    )
    form = CredentialForm(posted(request))
    return act_page(
        request, act, form, lambda told: enrolments.retire_authenticator(actor=person, device=device, **told)
    )


def _device(request: HttpRequest, pk: int) -> TotpDevice:
    """One's own, or any for those who manage people; else Http404."""
    person = person_of(request)
    rows = TotpDevice.objects.filter(retired_at=None).select_related("person")
    if not permits(person, enrolments.MANAGE):
        rows = rows.filter(person=person)
    device: TotpDevice = found(rows, pk=pk)
    return device


def _act(person: Person, device: TotpDevice, **words: Any) -> Act:
    return Act(
        back=reverse("authenticators"),
        back_title=_("Authenticators"),
        facts=((_("Its owner"), device.person.printed_name), (_("Enrolled"), moment(device.enrolled_at))),
        refused=refused_to(person, device.person),
        **words,
    )


def refused_to(person: Person, owner: Person) -> str:
    """Why `person` may not confirm or retire what belongs to `owner`, or ""."""
    if owner.pk == person.pk:
        return _("This is your own, so somebody else must do this.")
    return "" if permits(person, enrolments.MANAGE) else _("Somebody who manages people must do this.")
