"""What is put out of a stage or brought back into one: rolling back, retiring, taking out of use."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from governance import stages
from governance.models import Decommission
from governance.pages.access import deciding_page, found, person_of, strict_page, visible_models, visible_version
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import ConfirmForm, ReasonField, SignedReasonForm
from registry.authority import permits
from registry.models import RegisteredModel, StageAssignment

NOT_YOURS = gettext_lazy("No group of yours may do this for this model.")


def _version(number: int) -> str:
    return _("version {number}").format(number=number)


class RollBackForm(forms.Form):
    """Which earlier version, and why."""

    to = forms.TypedChoiceField(
        label=gettext_lazy("Bring back"),
        coerce=int,
        empty_value=None,
        required=False,
        help_text=gettext_lazy("Its gate is asked at this moment."),
    )
    reason = ReasonField(gettext_lazy("Reason"), gettext_lazy("It is kept with the history of the stage."))

    def __init__(self, *args: object, numbers: list[int], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choice = self.fields["to"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101  (declared above)
        choice.choices = [("", _("the one before")), *((number, _version(number)) for number in numbers)]


class RetireForm(ConfirmForm):
    """Out of which stage, and why."""

    stage = forms.ChoiceField(label=gettext_lazy("Out of stage"), widget=forms.RadioSelect)
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
    refused = "" if permits(person, "registry.complete_promotion", model) else str(NOT_YOURS)
    if not numbers:
        refused = _("No earlier version of {model} was in {stage}.").format(model=model.name, stage=stage)
    act = Act(
        title=_("Roll back {stage}").format(stage=stage),
        told=_(
            "An earlier version takes the place of the present one, if its gate is open at this moment. The history "
            "gets a row; nothing is overwritten."
        ),
        button=_("Bring it back"),
        done=_("An earlier version is in {stage} again.").format(stage=stage),
        back=reverse("model", args=[slug]),
        back_title=model.name,
        facts=((_("In the stage now"), _version(number) if number else _("nothing")),),
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
    refused = "" if permits(person, "registry.retire_version", version.model) else str(NOT_YOURS)
    act = Act(
        title=_("Take {version} out of a stage").format(version=version),
        told=_("Nothing takes its place. The version can be promoted again later."),
        button=_("Take it out"),
        done=_("{version} is out of the stage.").format(version=version),
        back=reverse("model-version", args=[slug, number]),
        back_title=str(version),
        refused=refused or ("" if held else _("The version is in no stage.")),
    )
    form = RetireForm(posted(request), stages=held, initial={"stage": held[0] if len(held) == 1 else None})
    return act_page(request, act, form, lambda told: stages.retire_version(actor=person, version=version, **told))


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def decommission(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take a version out of use for good."""
    version, person = visible_version(request, slug, number), person_of(request)
    refused = "" if permits(person, "registry.retire_version", version.model) else str(NOT_YOURS)
    if Decommission.objects.filter(version=version).exists():
        refused = _("This version is out of use already.")
    act = Act(
        title=_("Take {version} out of use for good").format(version=version),
        told=_(
            "It leaves every stage, its open requests are withdrawn, and all its gates stay closed. This cannot be "
            "undone; its records are kept."
        ),
        button=_("Take it out of use"),
        done=_("{version} is out of use.").format(version=version),
        back=reverse("model-version", args=[slug, number]),
        back_title=str(version),
        facts=((_("Artifact"), version.artifact_digest),),
        refused=refused,
        grave=True,
    )
    form = SignedReasonForm(posted(request))
    return act_page(request, act, form, lambda told: stages.decommission_version(actor=person, version=version, **told))
