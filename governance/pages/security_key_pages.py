"""Security keys: enrolled by their owner in the browser, confirmed or retired by somebody else who manages people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from audits.reports.figures import moment
from governance.models import SecurityKey
from governance.pages.access import deciding_page, found, person_of
from governance.pages.acts import Act, act_page, posted, status_of
from governance.pages.authenticator_pages import CredentialForm, refused_to
from governance.pages.forms import carried_out
from governance.signatures import key_enrolments, security_keys
from governance.signatures.enrolments import MANAGE
from registry.authority import permits


class EnrolmentForm(CredentialForm):
    """What the key is called, and what it answered."""

    label = forms.CharField(
        label=gettext_lazy("Name of the key"),
        max_length=80,
        help_text=gettext_lazy("By which you tell it from another one, such as “desk”."),
    )
    assertion = forms.CharField(widget=forms.HiddenInput, max_length=20_000)
    field_order = ("label", "password", "otp", "assertion")


class FingerprintForm(CredentialForm):
    """What the owner reads out, and the credential of whoever confirms."""

    fingerprint = forms.CharField(label=gettext_lazy("The fingerprint that its owner reads out"), max_length=12)
    field_order = ("fingerprint", "password", "otp")


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def enrol(request: HttpRequest) -> HttpResponse:
    """Asks the key in the browser, then keeps its public half."""
    person, form, key = person_of(request), EnrolmentForm(posted(request)), None
    if form.is_valid():
        key = carried_out(form, lambda: key_enrolments.enrol_security_key(actor=person, **form.cleaned_data))
    return render(request, "pages/security_key_enrol.html", {"form": form, "key": key}, status=status_of(form))


@require_POST
@deciding_page
def options(request: HttpRequest) -> HttpResponse:
    """What the browser asks the new key."""
    return JsonResponse(security_keys.enrolment_options(person_of(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody else heard its owner read out the fingerprint."""
    person, key = person_of(request), _key(request, pk)
    act = _act(
        request,
        key,
        title=_("Confirm a security key"),
        told=_("Have its owner, whom you know, read out the fingerprint that the page of their keys shows."),
        button=_("Confirm it"),
        done=_("The security key counts from now on."),
    )
    return act_page(
        request,
        act,
        FingerprintForm(posted(request)),
        lambda told: key_enrolments.confirm_security_key(actor=person, key=key, **told),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """It is lost or replaced."""
    person, key = person_of(request), _key(request, pk)
    act = _act(
        request,
        key,
        title=_("Retire a security key"),
        told=_("It signs nothing any more; what it signed before stays good."),
        button=_("Retire it"),
        done=_("The security key is retired."),
    )
    return act_page(
        request,
        act,
        CredentialForm(posted(request)),
        lambda told: key_enrolments.retire_security_key(actor=person, key=key, **told),
    )


def _key(request: HttpRequest, pk: int) -> SecurityKey:
    """One's own, or any for those who manage people; else Http404."""
    person = person_of(request)
    rows = SecurityKey.objects.filter(retired_at=None).select_related("person")
    if not permits(person, MANAGE):
        rows = rows.filter(person=person)
    key: SecurityKey = found(rows, pk=pk)
    return key


def _act(request: HttpRequest, key: SecurityKey, **words: Any) -> Act:
    return Act(
        back=reverse("authenticators"),
        back_title=_("Authenticators"),
        facts=(
            (_("Its owner"), key.person.printed_name),
            (_("Name"), key.label),
            (_("Enrolled"), moment(key.enrolled_at)),
        ),
        refused=refused_to(person_of(request), key.person),
        **words,
    )
