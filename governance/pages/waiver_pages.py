"""Asking for a waiver, and deciding one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audits.models import Finding
from governance import waivers
from governance.models import Waiver
from governance.pages import abilities
from governance.pages.access import deciding_page, found, person_of, requests_seen_by, strict_page, visible_request
from governance.pages.forms import WaiverDecisionForm, WaiverForm, carried_out
from registry.authority import permits


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def ask(request: HttpRequest, pk: Any) -> HttpResponse:
    """Ask that one finding may stand for a while."""
    promotion, person = visible_request(request, pk), person_of(request)
    choices = abilities.waivable(promotion)
    form = WaiverForm(
        request.POST if request.method == "POST" else None,
        criteria=choices,
        max_days=promotion.gate.waivers.max_days,
        initial={"criterion_id": request.GET.get("criterion", "")},
    )
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        asked = carried_out(
            form,
            lambda: waivers.request_waiver(
                actor=person,
                request=promotion,
                criterion_id=told["criterion_id"],
                justification=told["justification"],
                compensating_control=told["compensating_control"],
                expires_at=form.expires_at(),
            ),
            {"expires_at": "expires_on"},
        )
        if asked is not None:
            messages.success(request, _("The waiver is asked for; somebody else decides it."))
            return redirect(promotion)
    context = {
        "promotion": promotion,
        "version": promotion.version,
        "form": form,
        "choices": choices,
        "offered": permits(person, "registry.request_waiver", promotion.version.model),
    }
    return render(request, "pages/waiver_ask.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Grant or refuse a waiver that somebody else asked for."""
    person = person_of(request)
    rows = Waiver.objects.filter(request__in=requests_seen_by(person)).select_related("requested_by", "decision")
    waiver: Waiver = found(rows, pk=pk)
    promotion = visible_request(request, waiver.request_id)
    roles = () if waiver.requested_by_id == person.pk else abilities.waiver_roles(person, promotion)
    form = WaiverDecisionForm(
        request.POST if request.method == "POST" else None,
        roles=roles or ("risk_officer", "data_protection_officer", "compliance_officer"),
        initial={"role": roles[0] if len(roles) == 1 else None},
    )
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        decision = carried_out(form, lambda: waivers.decide_waiver(actor=person, waiver=waiver, **told))
        if decision is not None:
            messages.success(request, _("The waiver is granted.") if decision.granted else _("The waiver is refused."))
            return redirect(promotion)
    context = {
        "promotion": promotion,
        "version": promotion.version,
        "waiver": waiver,
        "decided": getattr(waiver, "decision", None),
        "finding": Finding.objects.filter(run=promotion.run_id, criterion_id=waiver.criterion_id).first(),
        "form": form,
        "roles": roles,
    }
    return render(request, "pages/waiver_decide.html", context, status=422 if form.errors else 200)
