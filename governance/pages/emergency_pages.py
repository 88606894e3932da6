"""Breaking the glass, and looking at it afterwards; confirming what an approval depends on."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from audits.reports.figures import moment
from audits.reports.filters import role
from governance import broken_glass, reviews
from governance.models import BreakGlass, Condition, PromotionRequest
from governance.pages import abilities
from governance.pages.access import deciding_page, found, person_of, requests_seen_by, visible_request
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import CodeField, PasswordField, ReasonField, role_choices
from governance.policies import REVIEWING_ROLES


class BreakGlassForm(forms.Form):
    """What the emergency is, and for how long."""

    justification = ReasonField(
        gettext_lazy("What the emergency is"), gettext_lazy("It stands in red in every later report, with your name.")
    )
    hours = forms.IntegerField(label=gettext_lazy("For how many hours"), min_value=1)
    password = PasswordField()
    otp = CodeField()

    def __init__(self, *args: Any, max_hours: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hours"].help_text = _("The policy allows {hours} at most, and it is not prolonged.").format(
            hours=max_hours
        )
        self.fields["hours"].widget.attrs["max"] = max_hours


class BrokenGlassReviewForm(forms.Form):
    """Whether it was right."""

    upheld = forms.TypedChoiceField(
        label=gettext_lazy("Your view"),
        choices=(
            ("yes", gettext_lazy("it was right: uphold it")),
            ("no", gettext_lazy("it was not: close the gate now")),
        ),
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    role = forms.ChoiceField(label=gettext_lazy("You decide as"), widget=forms.RadioSelect)
    reason = ReasonField(gettext_lazy("Reason"), gettext_lazy("It stands in every later report."))
    password = PasswordField()
    otp = CodeField()

    def __init__(self, *args: Any, roles: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(roles)  # type: ignore[attr-defined]


class ConfirmationForm(forms.Form):
    """What shows that the condition is met."""

    evidence = ReasonField(
        gettext_lazy("What shows that it is met"), gettext_lazy("Name the run, the document or the person.")
    )
    password = PasswordField()
    otp = CodeField()


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def break_glass(request: HttpRequest, pk: Any) -> HttpResponse:
    """Open a closed gate for some hours."""
    promotion, person = visible_request(request, pk), person_of(request)
    rule = promotion.gate.break_glass
    act = Act(
        title=_("Break the glass"),
        told=_(
            "The gate to {stage} opens for some hours although it is closed. Two others look at it within {days} days; "
            "one objection closes it at once. What is prohibited, withdrawn, recalled or rejected stays closed."
        ).format(stage=promotion.to_stage, days=rule.review_days),
        button=_("Break the glass"),
        done=_("The gate is open for the time of the emergency. Two others must look at it."),
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
        title=_("Look at broken glass"),
        told=_(
            "Was it right to open the gate? Two who uphold it let it last until its end; one objection closes the "
            "gate at once."
        ),
        button=_("Sign my view"),
        done=_("Your view is signed."),
        back=promotion.get_absolute_url(),
        back_title=str(promotion),
        facts=(
            *_subject(promotion),
            (_("Opened by"), broken.printed_name),
            (_("Emergency"), broken.justification),
            (_("Open"), _("{begin} to {end}").format(begin=moment(broken.invoked_at), end=moment(broken.expires_at))),
            (_("Views are due"), moment(broken.review_due_at)),
            (_("So far"), _("{upheld} of {needed} uphold it").format(upheld=emergency.upheld, needed=emergency.needed)),
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
    due = moment(condition.due_at)
    if condition.due_at <= timezone.now():
        due = _("{due}. It fell due, so the gate is closed.").format(due=due)
    act = Act(
        title=_("Confirm a condition"),
        told=_(
            "An approval depends on this. Unconfirmed on its day it closes the gate; confirmed later it opens it again."
        ),
        button=_("Sign that it is met"),
        done=_("The condition is confirmed."),
        back=promotion.get_absolute_url(),
        back_title=str(promotion),
        facts=(
            *_subject(promotion),
            (_("The condition"), condition.text),
            (_("Set by"), f"{condition.review.printed_name}, {role(condition.review.role)}"),
            (_("Due"), due),
        ),
        refused=abilities.condition_problem(person, condition, promotion),
    )
    form = ConfirmationForm(posted(request))
    return act_page(
        request, act, form, lambda told: reviews.confirm_condition(actor=person, condition=condition, **told)
    )


def _subject(promotion: PromotionRequest) -> tuple[tuple[str, object], ...]:
    return ((_("Request"), promotion), (_("What is signed"), promotion.subject_digest))
