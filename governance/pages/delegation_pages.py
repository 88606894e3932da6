"""Who stands in for whom: giving one's role to somebody else for a while, and ending that."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from governance.access import delegations
from governance.access.roles import roles_anywhere
from governance.models import Delegation
from governance.pages.access import deciding_page, found, person_of, strict_page, visible_models
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import CodeField, CompleteForm, PasswordField, PersonField, ReasonField, role_choices
from governance.policies import REVIEWING_ROLES
from registry.models import Person, RegisteredModel


class DelegationForm(forms.Form):
    """Whom, in which role, on what, until when."""

    delegate = PersonField(Person.objects.none(), label=gettext_lazy("Who stands in for you"))
    role = forms.ChoiceField(label=gettext_lazy("In your role as"), widget=forms.RadioSelect)
    model = forms.ModelChoiceField(
        RegisteredModel.objects.none(),
        label=gettext_lazy("For"),
        required=False,
        empty_label=gettext_lazy("all models"),
        to_field_name="slug",
    )
    until = forms.DateField(
        label=gettext_lazy("Until (last day)"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reason = ReasonField(
        gettext_lazy("Reason"), gettext_lazy("As an out-of-office note: whoever looks for a reviewer reads it."), rows=2
    )
    password = PasswordField()
    otp = CodeField()

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Person.objects.filter(is_active=True, is_service=False).exclude(pk=person.pk)
        self.fields["delegate"].queryset = others.order_by("last_name", "username")  # type: ignore[attr-defined]
        self.fields["model"].queryset = visible_models(person).order_by("slug")  # type: ignore[attr-defined]
        self.fields["role"].choices = role_choices(roles_to_lend(person))  # type: ignore[attr-defined]


def roles_to_lend(person: Person) -> list[str]:
    """The roles in which the person reviews by themselves."""
    return sorted(roles_anywhere(person, delegations.REVIEW) & set(REVIEWING_ROLES))


@require_safe
@strict_page
def listed(request: HttpRequest) -> HttpResponse:
    """Delegations that the person gave or holds, newest first."""
    person = person_of(request)
    rows = Delegation.objects.filter(Q(delegator=person) | Q(delegate=person))
    live = set(rows.live(timezone.now()).values_list("pk", flat=True))
    context = {
        "rows": [
            (row, row.pk in live)
            for row in rows.select_related("delegator", "delegate", "model", "ending").order_by("-starts_at")[:50]
        ],
        "may_give": bool(roles_to_lend(person)),
        "person": person,
    }
    return render(request, "pages/delegations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def give(request: HttpRequest) -> HttpResponse:
    """Let somebody else review in one's own role."""
    person = person_of(request)
    act = Act(
        title=_("Let somebody stand in for you"),
        told=_(
            "They review in your role and in their own name. They may not approve what you may not: what you "
            "requested or made stays closed to them."
        ),
        button=_("Let them stand in"),
        done=_("The delegation is given."),
        back=reverse("delegations"),
        back_title=_("Delegations"),
        refused="" if roles_to_lend(person) else _("You review in no role, so there is none to lend."),
    )
    form = DelegationForm(posted(request), person=person)

    def verb(told: dict[str, Any]) -> object:
        ends_at = datetime.combine(told.pop("until"), time(23, 59, 59), UTC)
        return delegations.delegate_role(actor=person, ends_at=ends_at, **told)

    return act_page(request, act, form, verb, {"ends_at": "until"})


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a delegation before its time."""
    person = person_of(request)
    rows = Delegation.objects.filter(Q(delegator=person) | Q(delegate=person))
    row: Delegation = found(rows.select_related("delegator", "delegate"), pk=pk)
    act = Act(
        title=_("End the delegation"),
        told=_("What was reviewed until now stands."),
        button=_("End it now"),
        done=_("The delegation has ended."),
        back=reverse("delegations"),
        back_title=_("Delegations"),
        facts=((_("Stands in"), row.delegate.printed_name), (_("For"), row.delegator.printed_name)),
        refused=_("It is over already.") if row.ends_at <= timezone.now() or hasattr(row, "ending") else "",
    )
    return act_page(
        request,
        act,
        CompleteForm(posted(request)),
        lambda _told: delegations.end_delegation(actor=person, delegation=row),
    )
