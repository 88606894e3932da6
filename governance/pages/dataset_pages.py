"""Withdrawing a dataset version: what would be affected, before it is done."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from governance.credentials import prove
from governance.pages.access import deciding_page, found, person_of, require_sight
from governance.pages.forms import SignedReasonForm, carried_out
from registry import provenance
from registry.authority import permits
from registry.datasets import withdraw_dataset_version
from registry.models import DatasetVersion, DatasetWithdrawal, Person


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def withdraw(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Withdraw a dataset version: the gate of every descendant model version closes with it."""
    person = person_of(request)
    require_sight(person, "registry.view_datasetversion")
    rows = DatasetVersion.objects.select_related("dataset__owner", "withdrawal")
    version: DatasetVersion = found(rows, dataset__slug=slug, number=number)
    form = SignedReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        withdrawal = carried_out(form, lambda: _withdraw(person, version, **told))
        if withdrawal is not None:
            messages.success(request, f"{version} is withdrawn; every gate behind it is closed.")
            return redirect(request.path)
    context = {
        "dataset_version": version,
        "withdrawal": getattr(version, "withdrawal", None),
        "affected": provenance.descendants(version),
        "form": form,
        "offered": permits(person, "registry.add_datasetwithdrawal"),
    }
    return render(request, "pages/dataset_withdraw.html", context, status=422 if form.errors else 200)


def _withdraw(person: Person, version: DatasetVersion, *, reason: str, password: str, otp: str) -> DatasetWithdrawal:
    """On a page a person withdraws data, so the person's credential is asked for first."""
    prove(person, password=password, otp=otp)
    return withdraw_dataset_version(actor=person, version=version, reason=reason)
