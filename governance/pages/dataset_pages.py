"""Recall: withdrawing a dataset version, what falls with it, and answering for a version all the same."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audits.reports.figures import day
from governance.access.roles import roles_of
from governance.evaluation import ACCEPT_RISK
from governance.pages.access import deciding_page, found, person_of, require_sight, visible_models, visible_version
from governance.pages.forms import RiskAcceptanceForm, WithdrawalForm, carried_out
from governance.recalls import accept_risk
from governance.signatures.credentials import prove
from registry import recalls
from registry.authority import permits
from registry.dataset_cards import card_of
from registry.datasets import withdraw_dataset_version
from registry.models import DatasetVersion, DatasetWithdrawal, Person, RiskAcceptance

#: Affected versions on one page; the API pages through all of them.
SHOWN = 200


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def withdraw(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Withdraw a dataset version: the gate of every descendant model version closes with it."""
    person = person_of(request)
    require_sight(person, "registry.view_datasetversion")
    rows = DatasetVersion.objects.select_related("dataset__owner", "withdrawal")
    version: DatasetVersion = found(rows, dataset__slug=slug, number=number)
    form = WithdrawalForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        withdrawal = carried_out(form, lambda: _withdraw(person, version, **told))
        if withdrawal is not None:
            messages.success(
                request, _("{version} is withdrawn; every gate behind it is closed.").format(version=version)
            )
            return redirect(request.path)
    context = {
        "dataset_version": version,
        "card": card_of(version),
        "withdrawal": getattr(version, "withdrawal", None),
        **_reach(person, version),
        "form": form,
        "offered": permits(person, "registry.add_datasetwithdrawal"),
        "may_accept": permits(person, ACCEPT_RISK),
    }
    return render(request, "pages/dataset_withdraw.html", context, status=422 if form.errors else 200)


def _reach(person: Person, version: DatasetVersion) -> dict[str, object]:
    """What depends on the data, as far as the person may see it, each with where it is in use and what was decided."""
    affected = recalls.affected_versions(version).filter(model__in=visible_models(person))
    stages: dict[int, list[str]] = {}
    for row in recalls.affected_deployments(version).filter(model__in=visible_models(person)):
        stages.setdefault(row.version_id or 0, []).append(row.stage)
    shown = list(affected[:SHOWN])
    signed = RiskAcceptance.objects.filter(withdrawal__dataset_version=version, version__in=shown).order_by("pk")
    newest = {row.version_id: row for row in signed}
    clean = recalls.clean_versions(version)
    lines = [
        {
            "version": one,
            "stages": stages.get(one.pk, ()),
            "acceptance": newest.get(one.pk),
            "clean": number if (number := clean.get(one.model_id, 0)) > one.number else None,
        }
        for one in shown
    ]
    return {"affected": lines, "affected_count": affected.count(), "deployed_count": len(stages)}


def _withdraw(
    person: Person, version: DatasetVersion, *, kind: str, reason: str, password: str, otp: str
) -> DatasetWithdrawal:
    """On a page a person withdraws data, so the person's credential is asked for first."""
    prove(person, password=password, otp=otp)
    return withdraw_dataset_version(actor=person, version=version, kind=kind, reason=reason)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def accept(request: HttpRequest, slug: str, number: int, withdrawal: int) -> HttpResponse:
    """Answer for a version although data behind it was withdrawn."""
    person, version = person_of(request), visible_version(request, slug, number)
    inputs = {one.withdrawal.pk: one for one in recalls.withdrawn_inputs(version)}
    fallen = found(
        DatasetWithdrawal.objects.select_related("dataset_version__dataset").filter(pk__in=inputs), pk=withdrawal
    )
    roles = sorted(roles_of(person, ACCEPT_RISK, version.model))
    form = RiskAcceptanceForm(
        request.POST if request.method == "POST" else None,
        roles=roles or ["data_protection_officer"],
        initial={"role": roles[0] if len(roles) == 1 else None},
    )
    if request.method == "POST" and form.is_valid():
        told = {name: value for name, value in form.cleaned_data.items() if name != "expires_on"}
        accepted = carried_out(
            form,
            lambda: accept_risk(actor=person, version=version, withdrawal=fallen, expires_at=form.expires_at(), **told),
            {"expires_at": "expires_on"},
        )
        if accepted is not None:
            messages.success(
                request,
                _("You answer for {version} until {day}.").format(version=version, day=day(accepted.expires_at)),
            )
            return redirect("model-version", slug, number)
    context = {
        "version": version,
        "withdrawal": fallen,
        "acceptance": inputs[fallen.pk].acceptance,
        "form": form,
        "offered": bool(roles),
    }
    return render(request, "pages/risk_accept.html", context, status=422 if form.errors else 200)
