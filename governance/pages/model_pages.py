"""The pages of models and their versions, and the way to ask for a promotion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from audits.reports.dossier import OUTLINES
from audits.reports.tongue import ours
from governance import explanations, promotions
from governance.broken_glass import emergencies_of
from governance.models import BreakGlass, Decommission, GateDecision, Incident, PromotionRequest
from governance.pages.access import found, person_of, strict_page, visible_models, visible_version
from governance.pages.forms import PromotionForm, carried_out, day_asked
from governance.pages.story import about
from governance.policies import Policy
from governance.policy_versions import policy_in_force
from governance.reports.lineage_pictures import lineage_picture
from registry.authority import permits
from registry.errors import AssayError
from registry.models import ModelVersion, Person, RegisteredModel, StageAssignment

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class StageNow:
    """A stage of the policy in force, and what is in it: several versions where the stage is not exclusive."""

    name: str
    assignments: tuple[StageAssignment, ...]


@require_safe
@strict_page
def models(request: HttpRequest) -> HttpResponse:
    """The models that the person may see, with what is in their stages."""
    search = request.GET.get("q", "").strip()[:80]
    newest = ModelVersion.objects.filter(model=OuterRef("pk")).order_by("-number").values("number")[:1]
    rows = visible_models(person_of(request)).select_related("owner").annotate(newest=Subquery(newest))
    if search:
        rows = rows.filter(Q(slug__icontains=search) | Q(name__icontains=search))
    page = Paginator(rows.order_by("slug"), PAGE_SIZE).get_page(request.GET.get("page"))
    listed = [model.pk for model in page.object_list]
    stages: dict[int, list[StageAssignment]] = {pk: [] for pk in listed}
    for assignment in StageAssignment.objects.current().filter(model__in=listed).select_related("version__model"):
        stages[assignment.model_id].append(assignment)
    open_requests = dict(
        PromotionRequest.objects.filter(version__model__in=listed, state__in=PromotionRequest.OPEN_STATES)
        .order_by()
        .values_list("version__model")
        .annotate(amount=Count("pk"))
    )
    context = {
        "page": page,
        "search": search,
        "rows": [(model, stages[model.pk], open_requests.get(model.pk, 0)) for model in page.object_list],
    }
    return render(request, "pages/models.html", context)


@require_safe
@strict_page
def model(request: HttpRequest, slug: str) -> HttpResponse:
    """One model: what it is for, what is where, every version, everything that was asked and decided."""
    row: RegisteredModel = found(visible_models(person_of(request)).select_related("owner"), slug=slug)
    rules, problem = _rules(row)
    day, day_problem = day_asked(request, "on")
    versions = Paginator(row.versions.select_related("created_by"), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "model": row,
        "policy_problem": problem,
        "stages": _stages(row, rules),
        "policy": rules,
        "page": versions,
        "requests": PromotionRequest.objects.filter(version__model=row).select_related(
            "version__model", "requested_by"
        )[:10],
        "emergencies": emergencies_of(BreakGlass.objects.filter(request__version__model=row)),
        "history": StageAssignment.objects.filter(model=row).select_related("version__model")[:20],
        "assigners": _names(row),
        "may_roll_back": permits(person_of(request), "registry.complete_promotion", row),
        "day": day,
        "day_problem": day_problem,
        "then": _on(row, day) if day else (),
    }
    return render(request, "pages/model.html", context)


@require_safe
@strict_page
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One immutable version: identity, data, lineage, promotions, decisions, what the ledger has."""
    row = visible_version(request, slug, number)
    person = person_of(request)
    context = {
        "version": row,
        "model": row.model,
        "inputs": row.inputs.select_related("dataset_version__dataset", "dataset_version__withdrawal").order_by("role"),
        "lineage": lineage_picture(row),
        "requests": row.promotion_requests.select_related("version__model", "requested_by")[:10],
        "decisions": GateDecision.objects.filter(version=row).select_related("request")[:10],
        "assignments": StageAssignment.objects.filter(version=row)[:20],
        "here": StageAssignment.objects.current().filter(version=row),
        "story": about([f"version:{row}"], 30),
        "may_request": permits(person, "registry.request_promotion", row.model),
        "may_order": permits(person, "registry.read_report", row.model),
        "outlines": tuple(OUTLINES.values()),
        "may_retire": permits(person, "registry.retire_version", row.model),
        "may_explain": permits(person, explanations.PERMISSION, row.model),
        "emergencies": emergencies_of(BreakGlass.objects.filter(request__version=row)),
        "incidents": Incident.objects.filter(version=row).select_related("reported_by", "end"),
        "may_report": permits(person, "registry.report_incident", row.model),
        "decommission": Decommission.objects.filter(version=row).first(),
    }
    return render(request, "pages/version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def request_promotion(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Ask that a version may pass a gate."""
    row, person = visible_version(request, slug, number), person_of(request)
    rules, problem = _rules(row.model)
    stages = (
        [stage.name for stage in rules.stages if stage.name in {gate.to_stage for gate in rules.gates}] if rules else []
    )
    form = PromotionForm(request.POST if request.method == "POST" else None, stages=stages)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        made = carried_out(form, lambda: promotions.request_promotion(actor=person, version=row, **told))
        if made is not None:
            messages.success(request, _("The promotion is requested, and the checks are running."))
            return redirect(made)
    context = {
        "version": row,
        "model": row.model,
        "form": form,
        "policy": rules,
        "policy_problem": problem,
        "here": StageAssignment.objects.current().filter(version=row),
        "offered": bool(rules) and permits(person, "registry.request_promotion", row.model),
    }
    return render(request, "pages/promotion_ask.html", context, status=422 if form.errors else 200)


def _rules(row: RegisteredModel) -> tuple[Policy | None, str]:
    """The rules in force for the model, or why there are none."""
    try:
        return policy_in_force(row).rules, ""
    except AssayError as error:
        return None, ours(error.problem)


def _stages(row: RegisteredModel, rules: Policy | None) -> list[StageNow]:
    """The stages of the policy in its order, then others that still hold something."""
    current = (
        StageAssignment.objects.current().filter(model=row, version__isnull=False).select_related("version__model")
    )
    now: dict[str, list[StageAssignment]] = {stage.name: [] for stage in rules.stages} if rules else {}
    for assignment in current:
        now.setdefault(assignment.stage, []).append(assignment)
    return [StageNow(name, tuple(assignments)) for name, assignments in now.items()]


def _on(row: RegisteredModel, day: date) -> list[StageAssignment]:
    """What was in the stages at the end of that day (UTC)."""
    then = StageAssignment.objects.as_of(datetime.combine(day, time.max, UTC)).filter(model=row)
    return list(then.select_related("version__model").order_by("stage", "place"))


def _names(row: RegisteredModel) -> dict[str, str]:
    """Pseudonym to name of whoever changed a stage of this model."""
    pseudonyms = StageAssignment.objects.filter(model=row).values("assigned_by")
    return {person.pseudonym: person.printed_name for person in Person.objects.filter(pseudonym__in=pseudonyms)}
