"""Runs, observations, findings and reports in the admin: to be searched and read."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from audits.models import AuditRun, Finding, Observation, Report
from audits.reports.tongue import ours
from registry.admin.base import ReadOnlyAdmin, badge, link, pretty_json, short_digest
from registry.admin.spoken import SpokenValues

OUTCOMES = {
    "satisfied": ("●", "ok"),
    "not-satisfied": ("◆", "bad"),
    "inconclusive": ("○", "wait"),
    "error": ("×", "bad"),
    "timed-out": ("×", "bad"),
    "not-run": ("×", "bad"),
    "measured": ("●", "ok"),
}


def outcome_badge(word: str) -> str:
    """An outcome or status; a word that nobody knows is shown without a claim."""
    shape, tone = OUTCOMES.get(word, ("?", "quiet"))
    return badge(shape, word.replace("-", " "), tone)


@admin.register(AuditRun)
class AuditRunAdmin(ReadOnlyAdmin):
    """One execution of a plan."""

    list_display = ("__str__", "version", "standing", "run_digest", "opened_at", "closed_at")
    list_filter = ("state",)
    search_fields = ("version__model__slug", "digest", "plan_digest")
    list_select_related = ("version__model",)
    date_hierarchy = "opened_at"
    fields = readonly_fields = (
        "version",
        "state",
        "seed",
        "plan_digest",
        "digest",
        "opened_at",
        "closed_at",
        "plan_text",
    )

    @admin.display(description=_("state"), ordering="state")
    def standing(self, run: AuditRun) -> str:
        """Running or closed."""
        return badge("●", "closed", "ok") if run.state == AuditRun.State.CLOSED else badge("◔", "running", "wait")

    @admin.display(description=_("digest"))
    def run_digest(self, run: AuditRun) -> str:
        """Over plan, observations and findings."""
        return short_digest(run.digest)

    @admin.display(description=_("plan"))
    def plan_text(self, run: AuditRun) -> str:
        """What was to be measured and by which limits."""
        return pretty_json(run.plan)


@admin.register(Observation)
class ObservationAdmin(ReadOnlyAdmin):
    """What one check measured."""

    list_display = ("check_id", "check_version", "how", "run_link", "duration_seconds", "measured_at")
    list_filter = (("status", SpokenValues), "check_id")
    search_fields = ("check_id", "digest", "run__version__model__slug")
    list_select_related = ("run__version__model",)
    fields = readonly_fields = (
        "run_link",
        "check_id",
        "check_version",
        "how",
        "digest",
        "duration_seconds",
        "measured_at",
        "document_text",
    )

    @admin.display(description=_("status"), ordering="status")
    def how(self, observation: Observation) -> str:
        """How the attempt ended."""
        return outcome_badge(observation.status)

    @admin.display(description=_("run"))
    def run_link(self, observation: Observation) -> str:
        """The run it belongs to."""
        return link(observation.run)

    @admin.display(description=_("document"))
    def document_text(self, observation: Observation) -> str:
        """Exactly what the digest covers."""
        return pretty_json(observation.document)


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    """The judgement of one criterion."""

    list_display = ("criterion_id", "how", "sentence", "run_link", "measured_at")
    list_filter = (("outcome", SpokenValues),)
    search_fields = ("criterion_id", "explanation", "run__version__model__slug")
    list_select_related = ("run__version__model",)
    fields = readonly_fields = (
        "run_link",
        "criterion_id",
        "how",
        "sentence",
        "digest",
        "measured_at",
        "document_text",
    )

    @admin.display(description=_("explanation"))
    def sentence(self, finding: Finding) -> str:
        """Why it came out so."""
        return ours(finding.explanation)

    @admin.display(description=_("outcome"), ordering="outcome")
    def how(self, finding: Finding) -> str:
        """How it came out."""
        return outcome_badge(finding.outcome)

    @admin.display(description=_("run"))
    def run_link(self, finding: Finding) -> str:
        """The run it belongs to."""
        return link(finding.run)

    @admin.display(description=_("document"))
    def document_text(self, finding: Finding) -> str:
        """Criterion and judgement as data."""
        return pretty_json(finding.document)


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """Sealed reports."""

    list_display = ("number", "kind", "subject", "as_of", "created_at", "file")
    search_fields = ("number", "subject", "file_digest")
    fields = readonly_fields = (
        "number",
        "kind",
        "subject",
        "language",
        "as_of",
        "file_digest",
        "evidence_digest",
        "created_at",
        "file",
    )

    @admin.display(description=_("file"))
    def file(self, report: Report) -> str:
        """The sealed PDF."""
        url = reverse("report", args=[report.number])
        return format_html('<a class="assay-link" href="{}">{}</a>', url, _("download"))
