"""What is put out of a stage or brought back into one: rolling back, retiring, taking out of use."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from governance import stages
from governance.models import Decommission
from governance.pages.access import deciding_page, found, person_of, strict_page, visible_models, visible_version
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import ConfirmForm, ReasonField, SignedReasonForm
from registry.authority import permits
from registry.models import RegisteredModel, StageAssignment

NOT_YOURS = "No group of yours may do this for this model."


class RollBackForm(forms.Form):
    """Which earlier version, and why."""

    to = forms.TypedChoiceField(
        label="Bring back", coerce=int, empty_value=None, required=False, help_text="Its gate is asked at this moment."
    )
    reason = ReasonField("Reason", "It is kept with the history of the stage.")

    def __init__(self, *args: object, numbers: list[int], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choice = self.fields["to"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101  (declared above)
        choice.choices = [("", "the one before"), *((number, f"version {number}") for number in numbers)]


class RetireForm(ConfirmForm):
    """Out of which stage, and why."""

    stage = forms.ChoiceField(label="Out of stage", widget=forms.RadioSelect)
    field_order = ("stage", "reason")

    def __init__(self, *args: object, stages: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choice = self.fields["stage"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101  (declared above)
        choice.choices = [(name, name) for name in stages]


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def roll_back(request: HttpRequest, slug: str, stage: str) -> HttpResponse:
    """Bring an earlier version back into a stage."""
    person = person_of(request)
    model: RegisteredModel = found(visible_models(person), slug=slug)
    former = StageAssignment.objects.filter(model=model, stage=stage, place="", version__isnull=False)
    here = StageAssignment.objects.current().filter(model=model, stage=stage).select_related("version").first()
    number = here.version.number if here and here.version else None
    numbers = sorted(set(former.values_list("version__number", flat=True)) - {number}, reverse=True)
    refused = "" if permits(person, "registry.complete_promotion", model) else NOT_YOURS
    if not numbers:
        refused = f"No earlier version of {model.name} was in {stage}."
    act = Act(
        title=f"Roll back {stage}",
        told="An earlier version takes the place of the present one, if its gate is open at this moment. The history "
        "gets a row; nothing is overwritten.",
        button="Bring it back",
        done=f"An earlier version is in {stage} again.",
        back=reverse("model", args=[slug]),
        back_title=model.name,
        facts=(("In the stage now", f"version {number}" if number else "nothing"),),
        refused=refused,
        grave=True,
    )
    form = RollBackForm(posted(request), numbers=numbers)
    return act_page(request, act, form, lambda told: stages.roll_back(actor=person, model=model, stage=stage, **told))


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def retire(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take a version out of a stage."""
    version, person = visible_version(request, slug, number), person_of(request)
    held = list(StageAssignment.objects.current().filter(version=version).values_list("stage", flat=True))
    refused = "" if permits(person, "registry.retire_version", version.model) else NOT_YOURS
    act = Act(
        title=f"Take {version} out of a stage",
        told="Nothing takes its place. The version can be promoted again later.",
        button="Take it out",
        done=f"{version} is out of the stage.",
        back=reverse("model-version", args=[slug, number]),
        back_title=str(version),
        refused=refused or ("" if held else "The version is in no stage."),
    )
    form = RetireForm(posted(request), stages=held, initial={"stage": held[0] if len(held) == 1 else None})
    return act_page(request, act, form, lambda told: stages.retire_version(actor=person, version=version, **told))


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def decommission(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take a version out of use for good."""
    version, person = visible_version(request, slug, number), person_of(request)
    refused = "" if permits(person, "registry.retire_version", version.model) else NOT_YOURS
    if Decommission.objects.filter(version=version).exists():
        refused = "This version is out of use already."
    act = Act(
        title=f"Take {version} out of use for good",
        told="It leaves every stage, its open requests are withdrawn, and all its gates stay closed. This cannot be "
        "undone; its records are kept.",
        button="Take it out of use",
        done=f"{version} is out of use.",
        back=reverse("model-version", args=[slug, number]),
        back_title=str(version),
        facts=(("Artifact", version.artifact_digest),),
        refused=refused,
        grave=True,
    )
    form = SignedReasonForm(posted(request))
    return act_page(request, act, form, lambda told: stages.decommission_version(actor=person, version=version, **told))
