from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from governance.admin.badges import state_badge
from governance.models import GateDecision
from registry.admin.base import ReadOnlyAdmin, link, pretty_json, short_digest
from registry.admin.spoken import SpokenValues


@admin.register(GateDecision)
class GateDecisionAdmin(ReadOnlyAdmin):
    """Signed outcomes of gates."""

    list_display = ("version", "stage", "said", "request_link", "decided_at", "valid_until", "identity")
    list_filter = (("outcome", SpokenValues), "stage")
    search_fields = ("version__model__slug", "digest", "subject_digest", "version__artifact_digest")
    list_select_related = ("version__model", "request__version__model")
    date_hierarchy = "decided_at"
    fields = readonly_fields = (
        "request_link",
        "version",
        "stage",
        "said",
        "subject_digest",
        "digest",
        "decided_at",
        "valid_until",
        "document_text",
        "envelope_text",
    )

    @admin.display(description=_("outcome"), ordering="outcome")
    def said(self, decision: GateDecision) -> str:
        """Open or closed."""
        return state_badge("gate", decision.outcome)

    @admin.display(description=_("request"))
    def request_link(self, decision: GateDecision) -> str:
        """The review page."""
        return link(decision.request, decision.request.get_absolute_url())

    @admin.display(description=_("digest"))
    def identity(self, decision: GateDecision) -> str:
        """Of the signed document."""
        return short_digest(decision.digest)

    @admin.display(description=_("document"))
    def document_text(self, decision: GateDecision) -> str:
        """What was decided and why."""
        return pretty_json(decision.document)

    @admin.display(description=_("signed envelope"))
    def envelope_text(self, decision: GateDecision) -> str:
        """The DSSE envelope that pipelines verify."""
        return pretty_json(decision.envelope)
