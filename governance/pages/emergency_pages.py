"""Breaking the glass, and looking at it afterwards; confirming what an approval depends on."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from audits.reports.figures import moment
from audits.reports.wording import role_in_words
from governance import broken_glass, reviews
from governance.models import BreakGlass, Condition, PromotionRequest
from governance.pages import abilities
from governance.pages.access import deciding_page, found, person_of, requests_seen_by, visible_request
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import CodeField, PasswordField, ReasonField, role_choices
from governance.policies import REVIEWING_ROLES


class BreakGlassForm(forms.Form):
    """What the emergency is, and for how long."""

    justification = ReasonField("What the emergency is", "It stands in red in every later report, with your name.")
    hours = forms.IntegerField(label="For how many hours", min_value=1)
    password = PasswordField()
    otp = CodeField()

    def __init__(self, *args: Any, max_hours: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hours"].help_text = f"The policy allows {max_hours} at most, and it is not prolonged."
        self.fields["hours"].widget.attrs["max"] = max_hours


class BrokenGlassReviewForm(forms.Form):
    """Whether it was right."""

    upheld = forms.TypedChoiceField(
        label="Your view",
        choices=(("yes", "it was right: uphold it"), ("no", "it was not: close the gate now")),
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    role = forms.ChoiceField(label="You decide as", widget=forms.RadioSelect)
    reason = ReasonField("Reason", "It stands in every later report.")
    password = PasswordField()
    otp = CodeField()

    def __init__(self, *args: Any, roles: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(roles)  # type: ignore[attr-defined]


class ConfirmationForm(forms.Form):
    """What shows that the condition is met."""

    evidence = ReasonField("What shows that it is met", "Name the run, the document or the person.")
    password = PasswordField()
    otp = CodeField()


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def break_glass(request: HttpRequest, pk: Any) -> HttpResponse:
    """Open a closed gate for some hours."""
    promotion, person = visible_request(request, pk), person_of(request)
    rule = promotion.gate.break_glass
    act = Act(
        title="Break the glass",
        told=f"The gate to {promotion.to_stage} opens for some hours although it is closed. Two others look at it "
        f"within {rule.review_days} days; one objection closes it at once. What is prohibited, withdrawn, recalled or "
        "rejected stays closed.",
        button="Break the glass",
        done="The gate is open for the time of the emergency. Two others must look at it.",
        back=promotion.get_absolute_url(),
        back_title=str(promotion),
        facts=_subject(promotion),
        refused=abilities.glass_problem(person, promotion),
        grave=True,
    )
    form = BreakGlassForm(posted(request), max_hours=rule.max_hours)
    return act_page(request, act, form, lambda told: broken_glass.break_glass(actor=person, request=promotion, **told))


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Say afterwards whether an emergency was one."""
    person = person_of(request)
    broken: BreakGlass = found(BreakGlass.objects.filter(request__in=requests_seen_by(person)), pk=pk)
    promotion = visible_request(request, broken.request_id)
    roles = abilities.glass_view_roles(person, promotion)
    emergency = broken_glass.emergency_of(broken)
    act = Act(
        title="Look at broken glass",
        told="Was it right to open the gate? Two who uphold it let it last until its end; one objection closes the "
        "gate at once.",
        button="Sign my view",
        done="Your view is signed.",
        back=promotion.get_absolute_url(),
        back_title=str(promotion),
        facts=(
            *_subject(promotion),
            ("Opened by", broken.printed_name),
            ("Emergency", broken.justification),
            ("Open", f"{moment(broken.invoked_at)} to {moment(broken.expires_at)}"),
            ("Views are due", moment(broken.review_due_at)),
            ("So far", f"{emergency.upheld} of {emergency.needed} uphold it"),
        ),
        refused=abilities.glass_view_problem(person, broken, roles),
    )
    form = BrokenGlassReviewForm(
        posted(request),
        roles=roles or tuple(REVIEWING_ROLES),
        initial={"role": roles[0] if len(roles) == 1 else None},
    )
    return act_page(
        request, act, form, lambda told: broken_glass.review_broken_glass(actor=person, broken=broken, **told)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def confirm_condition(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm that a condition of an approval is met."""
    person = person_of(request)
    rows = Condition.objects.filter(review__request__in=requests_seen_by(person)).select_related("review", "met")
    condition: Condition = found(rows, pk=pk)
    promotion = visible_request(request, condition.review.request_id)
    overdue = ". It fell due, so the gate is closed." if condition.due_at <= timezone.now() else ""
    act = Act(
        title="Confirm a condition",
        told="An approval depends on this. Unconfirmed on its day it closes the gate; confirmed later it opens it "
        "again.",
        button="Sign that it is met",
        done="The condition is confirmed.",
        back=promotion.get_absolute_url(),
        back_title=str(promotion),
        facts=(
            *_subject(promotion),
            ("Condition", condition.text),
            ("Set by", f"{condition.review.printed_name}, {role_in_words(condition.review.role)}"),
            ("Due", f"{moment(condition.due_at)}{overdue}"),
        ),
        refused=abilities.condition_problem(person, condition, promotion),
    )
    form = ConfirmationForm(posted(request))
    return act_page(
        request, act, form, lambda told: reviews.confirm_condition(actor=person, condition=condition, **told)
    )


def _subject(promotion: PromotionRequest) -> tuple[tuple[str, object], ...]:
    return (("Request", promotion), ("What is signed", promotion.subject_digest))
