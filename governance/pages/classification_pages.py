"""The classification wizard: step by step to a class, with what follows from it, signed by a legal reviewer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from audits.frameworks.catalogue import Catalogue
from audits.reports.tongue import ours
from governance.law.classification_rules import Answers, Classified, classify
from governance.law.classifications import classify_model, newest_classification
from governance.pages import classification_forms as wizard
from governance.pages.access import deciding_page, found, person_of, strict_page, visible_models
from governance.pages.acts import UNPROCESSABLE
from governance.pages.forms import CodeField, PasswordField, ReasonField, carried_out
from governance.policy_versions import policy_in_force
from registry.authority import permits
from registry.errors import AssayError, InvalidInputError
from registry.models import RegisteredModel

CLASSIFY = "governance.classify_model"


class SignForm(forms.Form):
    """The reasons, and the legal reviewer's credential."""

    reasons = ReasonField(
        gettext_lazy("Reasons"), gettext_lazy("Why the answers are what they are. They are kept with the signature.")
    )
    password = PasswordField()
    otp = CodeField()


@require_safe
@strict_page
def classification(request: HttpRequest, slug: str) -> HttpResponse:
    """The classification that counts, what it means, and those before it."""
    model: RegisteredModel = found(visible_models(person_of(request)), slug=slug)
    newest = newest_classification(model)
    context = {
        "model": model,
        "newest": newest,
        "answers": wizard.in_words(newest.answers) if newest else (),
        "follows": _follows(model, newest.document["controls"], model.risk_class) if newest else None,
        "earlier": model.classifications.all()[1:20],
        "may_classify": permits(person_of(request), CLASSIFY, model),
    }
    return render(request, "pages/classification.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def classify_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask step by step. Nothing is kept until the last step is signed; the answers travel with the form."""
    person = person_of(request)
    model: RegisteredModel = found(visible_models(person), slug=slug)
    every = wizard.steps()
    if request.method != "POST":
        newest = newest_classification(model)
        return _asked(request, model, 0, dict(newest.answers) if newest else {}, None)
    number = min(max(int(request.POST.get("step", "0") or 0), 0), len(every))
    answers = wizard.answers_in(request.POST)
    if request.POST.get("go") == "back":
        return _asked(request, model, max(number - 1, 0), answers, None)
    if number < len(every):
        form = wizard.StepForm(request.POST, every[number])
        if not form.is_valid():
            return _asked(request, model, number, answers, form)
        return _asked(request, model, number + 1, answers, None)
    sign = SignForm(request.POST)
    if sign.is_valid():
        told = sign.cleaned_data
        made = carried_out(sign, lambda: classify_model(actor=person, model=model, answers=answers, **told))
        if made is not None:
            messages.success(request, _("The classification is signed."))
            return redirect("classification", slug=slug)
    return _asked(request, model, len(every), answers, sign)


def _asked(
    request: HttpRequest, model: RegisteredModel, number: int, answers: dict[str, Any], form: forms.Form | None
) -> HttpResponse:
    every = wizard.steps()
    last = number == len(every)
    here = every[number].questions if not last else ()
    context: dict[str, Any] = {
        "model": model,
        "steps": [*(step.title for step in every), _("Result and signature")],
        "number": number,
        "step": None if last else every[number],
        "carried": wizard.carried({name: value for name, value in answers.items() if name not in here}),
        "asked_here": [f"asked_{name}" for name in here],
        "refused": "" if permits(person_of(request), CLASSIFY, model) else _("Only a legal reviewer may sign it."),
    }
    if last:
        context |= _concluded(model, answers)
        context["form"] = form or SignForm()
    else:
        filled = {name: _shown(answers[name]) for name in here if name in answers}
        context["form"] = form or _blank(every[number], filled)
    status = UNPROCESSABLE if form is not None and form.errors else 200
    return render(request, "pages/classify.html", context, status=status)


def _blank(step: wizard.Step, filled: dict[str, Any]) -> forms.Form:
    form = wizard.StepForm(None, step)
    form.initial = filled
    return form


def _shown(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _concluded(model: RegisteredModel, answers: dict[str, Any]) -> dict[str, Any]:
    """What follows from the answers, before anybody signs."""
    catalogue = Catalogue.load()
    try:
        result: Classified = classify(Answers.from_document(answers, catalogue), catalogue, timezone.now().date())
    except InvalidInputError as error:
        return {"problem": ours(error.problem)}
    return {
        "result": result,
        "answers": wizard.in_words(answers),
        "follows": _follows(model, result.controls, result.risk_class, outcome=result.outcome),
    }


def _follows(model: RegisteredModel, controls: Any, risk_class: str, *, outcome: str = "") -> dict[str, Any]:
    """Which policy and roles apply with that class, and how many controls of which framework."""
    catalogue = Catalogue.load()
    counted: dict[str, int] = {}
    for control in catalogue.controls(name for name in controls if name in catalogue.by_id):
        counted[control.framework] = counted.get(control.framework, 0) + 1
    told: dict[str, Any] = {"controls": sorted(counted.items()), "policy": None, "roles": (), "problem": ""}
    if outcome == "prohibited":
        return told | {"problem": _("A prohibited practice passes no gate, under no policy.")}
    model.risk_class = risk_class  # not saved: only the verb does that
    try:
        policy = policy_in_force(model)
    except AssayError as error:
        return told | {"problem": ours(error.problem)}
    roles = sorted({seat.role for gate in policy.rules.gates for seat in gate.quorum})
    return told | {"policy": policy, "title": policy.rules.title, "roles": roles}
