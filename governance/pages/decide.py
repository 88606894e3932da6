"""The confirm pages of a promotion request. A GET shows what would happen; only a POST calls the verb."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from audits.criteria import Outcome
from audits.reports.tongue import ours
from governance import promotions, reviews
from governance.models import PromotionRequest
from governance.pages import abilities
from governance.pages.access import deciding_page, person_of, strict_page, visible_request
from governance.pages.condition_forms import condition_forms, told_in
from governance.pages.forms import CompleteForm, ConfirmForm, ReviewForm, carried_out
from governance.signatures import security_keys
from governance.signatures.reviews import ReviewWords, review_options
from registry.errors import AssayError

UNPROCESSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def review(request: HttpRequest, pk: Any) -> HttpResponse:
    """Sign a review of exactly what the page shows."""
    promotion = visible_request(request, pk)
    person = person_of(request)
    roles = abilities.review_roles(person, promotion)
    # Whoever holds no role still gets the refusal of the verb, and the ledger its entry, if they post all the same.
    asked = roles or tuple(quorum.role for quorum in promotion.gate.quorum)
    initial = {"subject_digest": promotion.subject_digest, "role": asked[0] if len(asked) == 1 else None}
    form = ReviewForm(request.POST if request.method == "POST" else None, roles=asked, initial=initial)
    conditions = condition_forms(request)
    # Every form is looked at, so that everything to mend is shown at once.
    if request.method == "POST" and all([form.is_valid(), *(entry.is_valid() for entry in conditions)]):
        told = form.cleaned_data | {"conditions": told_in(conditions)}
        signed = carried_out(form, lambda: reviews.record_review(actor=person, request=promotion, **told))
        if signed is not None:
            messages.success(
                request, _("Your review is signed: {verdict}.").format(verdict=ours(signed.get_verdict_display()))
            )
            return redirect(promotion)
        # The verb may have found another digest: show what is in front of the gate now, to be read again.
        promotion = visible_request(request, pk)
    findings = list(promotion.run.findings.all())
    context = {
        "promotion": promotion,
        "version": promotion.version,
        "form": form,
        "problem": abilities.review_problem(person, promotion, roles),
        "tallies": sorted(Counter(finding.outcome for finding in findings).items()),
        "unsettled": [finding for finding in findings if finding.outcome != Outcome.SATISFIED],
        "is_stale": form.is_bound and form.data.get("subject_digest") != promotion.subject_digest,
        "conditions": conditions,
        "conditions_open": any(entry.is_bound and entry.has_changed() for entry in conditions),
        "has_key": security_keys.in_use(person),
        "stands_in": abilities.stands_in(person, promotion, roles),
    }
    return render(request, "pages/decide.html", context, status=_status(form, *conditions))


@require_POST
@deciding_page
def review_statement(request: HttpRequest, pk: Any) -> HttpResponse:
    """What the reviewer's security key is asked to sign: exactly what the filled-in form says."""
    promotion, person = visible_request(request, pk), person_of(request)
    form = ReviewForm(request.POST, roles=tuple(quorum.role for quorum in promotion.gate.quorum))
    conditions = condition_forms(request)
    if not all([form.is_valid(), *(entry.is_valid() for entry in conditions)]):
        return JsonResponse({"problem": _("Fill in the form first.")}, status=UNPROCESSABLE)
    told = {name: form.cleaned_data[name] for name in ("verdict", "role", "meaning", "reason", "subject_digest")}
    words = ReviewWords(**told, conditions=tuple(told_in(conditions)))
    try:
        return JsonResponse(review_options(actor=person, request=promotion, words=words))
    except AssayError as error:
        return JsonResponse({"problem": ours(error.problem)}, status=UNPROCESSABLE)


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def withdraw(request: HttpRequest, pk: Any) -> HttpResponse:
    """Take an open request back."""
    promotion, person = visible_request(request, pk), person_of(request)
    return _confirm(
        request,
        promotion,
        ConfirmForm(request.POST if request.method == "POST" else None),
        lambda told: promotions.withdraw_request(actor=person, request=promotion, **told),
        title=_("Withdraw this request"),
        told=_(
            "The request ends without a decision. Its evidence and reviews are kept, and the version can be requested "
            "again at any time."
        ),
        button=_("Withdraw the request"),
        done=_("The request is withdrawn."),
        offered=abilities.of(person, promotion).withdraw,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def rerun(request: HttpRequest, pk: Any) -> HttpResponse:
    """Have the checks measured again, in a new round."""
    promotion, person = visible_request(request, pk), person_of(request)
    return _confirm(
        request,
        promotion,
        ConfirmForm(request.POST if request.method == "POST" else None),
        lambda told: promotions.rerun_checks(actor=person, request=promotion, **told),
        title=_("Run the checks again"),
        told=_(
            "Round {number} begins: every check is measured anew under the policy that this request pinned. Reviews "
            "and waivers of earlier rounds are kept and no longer count."
        ).format(number=promotion.round + 1),
        button=_("Run the checks again"),
        done=_("The checks are running again."),
        offered=abilities.of(person, promotion).rerun,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def complete(request: HttpRequest, pk: Any) -> HttpResponse:
    """Put the approved version into its stage."""
    promotion, person = visible_request(request, pk), person_of(request)
    place = {"version": promotion.version, "stage": promotion.to_stage}
    return _confirm(
        request,
        promotion,
        CompleteForm(request.POST if request.method == "POST" else None),
        lambda _told: promotions.complete(actor=person, request=promotion),
        title=_("Put {version} into {stage}").format(**place),
        told=_(
            "The gate is asked once more at this moment. If it is still open, the history of the stage gets a row; "
            "nothing is overwritten."
        ),
        button=_("Put it into {stage}").format(stage=promotion.to_stage),
        done=_("{version} is in {stage} now.").format(**place),
        offered=abilities.of(person, promotion).complete,
    )


def _confirm(
    request: HttpRequest,
    promotion: PromotionRequest,
    form: forms.Form,
    verb: Callable[[dict[str, Any]], object],
    *,
    offered: bool,
    done: str,
    **words: str,
) -> HttpResponse:
    """Show what would happen, and do it on POST."""
    if request.method == "POST" and form.is_valid() and carried_out(form, lambda: verb(form.cleaned_data)) is not None:
        messages.success(request, done)
        return redirect(promotion)
    context = {"promotion": promotion, "version": promotion.version, "form": form, "offered": offered, **words}
    return render(request, "pages/confirm.html", context, status=_status(form))


def _status(*filled: forms.Form) -> int:
    return UNPROCESSABLE if any(form.is_bound and form.errors for form in filled) else 200
