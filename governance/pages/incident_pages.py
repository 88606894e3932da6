"""Reporting an incident of a version, and closing it."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from audits.reports.figures import moment
from governance import incidents
from governance.models import Incident
from governance.pages.access import deciding_page, found, person_of, strict_page, visible_models, visible_version
from governance.pages.acts import Act, act_page, posted
from governance.pages.forms import ReasonField, SignedReasonForm
from registry.authority import permits

NOT_YOURS = gettext_lazy("No group of yours may do this for this model.")


class IncidentForm(forms.Form):
    """What happened."""

    title = forms.CharField(label=gettext_lazy("In one line"), max_length=200)
    description = ReasonField(
        gettext_lazy("What happened"), gettext_lazy("To whom, since when, and what was done at once.")
    )
    serious = forms.BooleanField(
        label=gettext_lazy("It is serious"),
        required=False,
        initial=True,
        help_text=gettext_lazy(
            "Death or serious harm, disruption of critical infrastructure, a breach of fundamental rights, or "
            "serious harm to property or environment, as the AI Act defines a serious incident."
        ),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def report(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Open an incident of a version."""
    version, person = visible_version(request, slug, number), person_of(request)
    act = Act(
        title=_("Report an incident of {version}").format(version=version),
        told=_(
            "From now on the gates of this version are closed, until somebody who did not make it answers for it that "
            "the incident is dealt with."
        ),
        button=_("Report it"),
        done=_("The incident is open, and the gates of this version are closed."),
        back=reverse("model-version", args=[slug, number]),
        back_title=str(version),
        refused="" if permits(person, "registry.report_incident", version.model) else str(NOT_YOURS),
        grave=True,
    )
    form = IncidentForm(posted(request))
    return act_page(request, act, form, lambda told: incidents.report_incident(actor=person, version=version, **told))


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer for it that an incident is dealt with."""
    person = person_of(request)
    rows = Incident.objects.filter(version__model__in=visible_models(person))
    incident: Incident = found(rows.select_related("version__model", "reported_by", "end"), pk=pk)
    version = incident.version
    refused = "" if permits(person, "registry.close_incident", version.model) else str(NOT_YOURS)
    if person.pk in (version.created_by_id, version.run_author_id):
        refused = _("You made this version, so somebody else must close its incidents.")
    if hasattr(incident, "end"):
        refused = _("This incident is closed already.")
    act = Act(
        title=_("Close {incident}").format(incident=incident),
        told=_("You answer for it that the incident is dealt with. The gates of the version are asked again then."),
        button=_("Sign and close it"),
        done=_("The incident is closed."),
        back=reverse("model-version", args=[version.model.slug, version.number]),
        back_title=str(version),
        facts=(
            (_("Incident"), incident.title),
            (_("What happened"), incident.description),
            (_("Serious"), _("yes") if incident.serious else _("no")),
            (
                _("Reported"),
                _("{day} by {name}").format(day=moment(incident.reported_at), name=incident.reported_by.printed_name),
            ),
        ),
        refused=refused,
    )
    form = SignedReasonForm(posted(request))
    return act_page(request, act, form, lambda told: incidents.close_incident(actor=person, incident=incident, **told))
