"""The coverage of a version, control by control, and the signed answers that only people can give."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from audits.frameworks.catalogue import Catalogue, Control, UnknownControlError
from audits.reports.parts import Verdict
from audits.reports.tongue import law, ours
from governance.law.classifications import assign_control, attest
from governance.law.coverage import Row, coverage, roll_up
from governance.models import Attestation, ControlAssignment
from governance.pages.access import deciding_page, found, person_of, strict_page, visible_models, visible_version
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import CodeField, PasswordField, PersonField, ReasonField, day_asked
from governance.reporting import require_day
from registry import storage
from registry.authority import permits
from registry.errors import InvalidInputError
from registry.models import Person, RegisteredModel

ATTEST, ASSIGN = "governance.attest_control", "governance.classify_model"
LARGEST_EVIDENCE = 20 << 20
#: What is owed comes first.
_ORDER = (
    Verdict.DOES_NOT_SUPPORT,
    Verdict.AWAITING_A_PERSON,
    Verdict.NOT_ASSESSED,
    Verdict.SUPPORTS,
    Verdict.NOT_APPLICABLE,
)


class AnswerForm(forms.Form):
    """A signed answer to one control."""

    answer = ReasonField(
        gettext_lazy("Your answer"), gettext_lazy("What is done, where that can be seen, and what is not."), rows=6
    )
    evidence = forms.FileField(
        label=gettext_lazy("Evidence (a file)"),
        required=False,
        help_text=gettext_lazy("It is kept by its digest, which your signature covers. 20 MB at most."),
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Holds until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("On that day the control waits for a person again."),
    )
    password = PasswordField()
    otp = CodeField()

    def clean_evidence(self) -> Any:
        """Small enough to be kept."""
        given = self.cleaned_data["evidence"]
        if given is not None and given.size > LARGEST_EVIDENCE:
            raise forms.ValidationError(_("The file is larger than 20 MB."))
        return given


class AssignForm(forms.Form):
    """Who owes the answer, and by when."""

    owner = PersonField(Person.objects.none(), label=gettext_lazy("Who owes the answer"))
    due = forms.DateField(label=gettext_lazy("By"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Person.objects.filter(is_active=True, is_service=False).order_by("last_name", "username")
        able = [person.pk for person in people if permits(person, ATTEST, model)]
        self.fields["owner"].queryset = people.filter(pk__in=able)  # type: ignore[attr-defined]


@require_safe
@strict_page
def matrix(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Every control of a version: what stands, on what it rests, who owes what by when. Filtered by the query.

    Law and records are those of `?as_of=`, today unless given. For what is no such day nothing is told.
    """
    version, person = visible_version(request, slug, number), person_of(request)
    today = timezone.now().date()
    day, problem = _day(request, today)
    rows = () if problem else coverage(version, day)
    acts = day == today and not problem
    chosen = {name: request.GET.get(name, "") for name in ("framework", "verdict", "owner")}
    kept = sorted((row for row in rows if _fits(row, chosen)), key=lambda row: _ORDER.index(row.facts.verdict))
    context = {
        "version": version,
        "model": version.model,
        "rows": [(row, _attestations(row)) for row in kept],
        "total": len(rows),
        "roll_up": [
            (name, [(verdict, counts.get(verdict, 0)) for verdict in _ORDER]) for name, counts in roll_up(rows).items()
        ],
        "verdicts": [verdict.value for verdict in _ORDER],
        # A choice that nothing of the day fits is still shown as chosen.
        "frameworks": sorted({*(row.facts.framework for row in rows), chosen["framework"]} - {""}),
        "owners": sorted({*(row.owner for row in rows), chosen["owner"]} - {""}),
        "chosen": chosen,
        "day": day,
        "day_given": request.GET.get("as_of", ""),
        "day_problem": problem,
        "is_past": day < today and not problem,
        "is_ahead": day > today and not problem,
        # What is answered or assigned counts from now on, so a page about another day offers neither.
        "may_answer": acts and permits(person, ATTEST, version.model),
        "may_assign": acts and permits(person, ASSIGN, version.model),
    }
    return render(request, "pages/coverage.html", context, status=422 if problem else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def answer(request: HttpRequest, slug: str, control: str) -> HttpResponse:
    """Answer for a control and sign."""
    person = person_of(request)
    model: RegisteredModel = found(visible_models(person), slug=slug)
    asked = _control(control)
    owed = ControlAssignment.objects.filter(model=model, control_id=control).select_related("owner").first()
    refused = "" if permits(person, ATTEST, model) else _("You hold no role that answers for controls of this model.")
    if owed is not None and owed.owner_id != person.pk:
        refused = _("{name} owes this answer.").format(name=owed.owner.printed_name)
    act = Act(
        title=_("Answer for {reference}").format(reference=asked.reference),
        told=law(asked.duty),
        button=_("Sign the answer"),
        done=_("Your answer is signed."),
        refused=refused,
        facts=_facts(model, asked, owed),
        **_back(model),
    )
    year = (timezone.now() + timedelta(days=365)).date()
    form = AnswerForm(posted(request), request.FILES or None, initial={"expires_on": year})

    def verb(told: dict[str, Any]) -> object:
        given = told.pop("evidence")
        digest = ""
        if given is not None:
            digest = storage.store_bytes(given.read(), media_type="application/octet-stream").digest
        return attest(actor=person, model=model, control_id=control, evidence_digest=digest, **told)

    return act_page(request, act, form, verb, {"evidence_digest": "evidence"})


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def assign(request: HttpRequest, slug: str, control: str) -> HttpResponse:
    """Say who owes the answer to a control, and by when."""
    person = person_of(request)
    model: RegisteredModel = found(visible_models(person), slug=slug)
    asked = _control(control)
    owed = ControlAssignment.objects.filter(model=model, control_id=control).select_related("owner").first()
    act = Act(
        title=_("Who answers for {reference}?").format(reference=asked.reference),
        told=law(asked.duty),
        button=_("Let them owe it"),
        done=_("It is noted who owes the answer."),
        refused="" if permits(person, ASSIGN, model) else _("Only who classifies models may say who owes an answer."),
        facts=_facts(model, asked, owed),
        **_back(model),
    )
    form = AssignForm(posted(request), model=model)
    return act_page(
        request, act, form, lambda told: assign_control(actor=person, model=model, control_id=control, **told)
    )


def _day(request: HttpRequest, today: date) -> tuple[date, str]:
    """The day to tell about, and why the one that was asked for is none."""
    asked, problem = day_asked(request, "as_of")
    if asked is not None:
        try:
            require_day(asked)
        except InvalidInputError as error:
            problem = ours(error.problem)
    return asked or today, problem


def _fits(row: Row, chosen: dict[str, str]) -> bool:
    has = {"framework": row.facts.framework, "verdict": row.facts.verdict.value, "owner": row.owner}
    return all(not wanted or has[name] == wanted for name, wanted in chosen.items())


def _attestations(row: Row) -> Attestation | None:
    """The signed answer that the row rests on, if it rests on one."""
    keys = [name.partition(":")[2] for name in row.evidence if name.startswith("attestation:")]
    return Attestation.objects.filter(pk__in=keys).first() if keys else None


def _control(name: str) -> Control:
    try:
        return Catalogue.load().control(name)
    except UnknownControlError:
        return found(ControlAssignment.objects.none(), pk=0)  # type: ignore[no-any-return]  # always Http404


def _facts(model: RegisteredModel, asked: Control, owed: ControlAssignment | None) -> tuple[tuple[str, object], ...]:
    owes = _("nobody in particular")
    if owed is not None:
        owes = _("{name}, by {day}").format(name=owed.owner.printed_name, day=owed.due)
    return ((_("Model"), model.name), (_("Control"), f"{asked.framework} {asked.reference}"), (_("Owed by"), owes))


def _back(model: RegisteredModel) -> dict[str, Any]:
    newest = model.versions.order_by("-number").first()
    if newest is None:
        return {"back": reverse("model", args=[model.slug]), "back_title": model.name}
    return {"back": reverse("coverage", args=[model.slug, newest.number]), "back_title": _("Coverage")}
