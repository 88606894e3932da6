"""What people said about law: classifications, answers owed, and answers signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from audits.frameworks.catalogue import Catalogue
from governance.models import Attestation, Classification, ControlAssignment
from registry.admin.base import ReadOnlyAdmin, badge, link, pretty_json, short_digest
from registry.admin.spoken import SpokenValues
from registry.models import ModelVersion, RegisteredModel
from registry.tongue import called

OUTCOMES = {"prohibited": ("×", "bad"), "high": ("▲", "wait"), "limited": ("△", "quiet"), "minimal": ("○", "quiet")}


class FrameworkFilter(admin.SimpleListFilter):
    """By the framework that the control belongs to."""

    title = _("framework")

    parameter_name = "framework"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, str]]:
        """The frameworks of the catalogue."""
        return ((framework.name, framework.name) for framework in Catalogue.load().frameworks)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows whose control is one of its controls."""
        if not self.value():
            return queryset
        names = [control.id for control in Catalogue.load().all() if control.framework == self.value()]
        return queryset.filter(control_id__in=names)


class DueFilter(admin.SimpleListFilter):
    """Whether an answer that is owed stands, is awaited, or is late."""

    title = _("state")

    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        """As the badges of the list say it."""
        return tuple((word, called(word)) for word in ("overdue", "awaited", "answered", "replaced"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows in that state."""
        today = timezone.now().date()
        kept = {
            "replaced": Q(replaced=True),
            "answered": Q(replaced=False, answered=True),
            "overdue": Q(replaced=False, answered=False, due__lt=today),
            "awaited": Q(replaced=False, answered=False, due__gte=today),
        }
        return queryset.filter(kept.get(self.value() or "", Q()))


class ExpiryFilter(admin.SimpleListFilter):
    """Whether a signed answer still speaks."""

    title = _("state")

    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        """As the badges of the list say it."""
        return (
            ("stands", called("stands")),
            ("overdue", str(_("overdue (has ended)"))),
            ("replaced", called("replaced")),
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows in that state."""
        today = timezone.now().date()
        kept = {
            "replaced": Q(replaced=True),
            "stands": Q(replaced=False, expires_on__gt=today),
            "overdue": Q(replaced=False, expires_on__lte=today),
        }
        return queryset.filter(kept.get(self.value() or "", Q()))


@admin.register(Classification)
class ClassificationAdmin(ReadOnlyAdmin):
    """How models were classified; the newest of a model counts."""

    list_display = ("model_link", "said", "as_of", "printed_name", "signed_at")
    list_filter = (("outcome", SpokenValues),)
    search_fields = ("model__slug", "model__name", "reasons", "printed_name")
    list_select_related = ("model",)
    date_hierarchy = "signed_at"
    fields = readonly_fields = (
        "model_link",
        "said",
        "as_of",
        "reasons",
        "answers_text",
        "document_text",
        "printed_name",
        "method",
        "signed_at",
    )

    @admin.display(description=_("model"), ordering="model__slug")
    def model_link(self, row: Classification) -> str:
        """The page of the model."""
        return _model_link(row.model)

    @admin.display(description=_("outcome"), ordering="outcome")
    def said(self, row: Classification) -> str:
        """The risk under the AI Act."""
        shape, tone = OUTCOMES[row.outcome]
        return badge(shape, row.outcome, tone)

    @admin.display(description=_("answers"))
    def answers_text(self, row: Classification) -> str:
        """Every question with its answer."""
        return pretty_json(row.answers)

    @admin.display(description=_("steps and controls"))
    def document_text(self, row: Classification) -> str:
        """What led to the outcome, and what follows."""
        return pretty_json(row.document)


class _ControlAdmin(ReadOnlyAdmin):
    """What lists of controls share."""

    @admin.display(description=_("model"), ordering="model__slug")
    def model_link(self, row: Any) -> str:
        """The page of the model."""
        return _model_link(row.model)

    @admin.display(description=_("control"), ordering="control_id")
    def control(self, row: Any) -> str:
        """Framework and reference; a control that left the catalogue keeps its id."""
        known = Catalogue.load().by_id.get(row.control_id)
        return f"{known.framework} {known.reference}" if known else str(row.control_id)

    @admin.display(description=_("coverage"))
    def coverage_link(self, row: Any) -> str:
        """The coverage of the newest version."""
        if row.newest_version is None:
            return "–"
        url = reverse("coverage", args=[row.model.slug, row.newest_version])
        words = _("version {number}").format(number=row.newest_version)
        return format_html('<a class="assay-link" href="{}">{}</a>', url, words)


@admin.register(ControlAssignment)
class ControlAssignmentAdmin(_ControlAdmin):
    """Who owes which answer, by when."""

    list_display = ("control", "model_link", "owner", "due", "standing", "coverage_link")
    list_filter = (DueFilter, FrameworkFilter, "owner")
    search_fields = ("control_id", "model__slug", "owner__username")
    list_select_related = ("model", "owner")
    date_hierarchy = "due"
    fields = readonly_fields = (
        "control",
        "model_link",
        "owner",
        "due",
        "standing",
        "assigned_by",
        "assigned_at",
        "coverage_link",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ControlAssignment]:
        """With whether a newer one replaces it, and whether an answer stands."""
        rows: QuerySet[ControlAssignment] = super().get_queryset(request)
        standing = _newest(Attestation).filter(expires_on__gt=timezone.now().date())
        found: QuerySet[ControlAssignment] = _with_newest(rows).annotate(answered=Exists(standing))
        return found

    @admin.display(description=_("state"))
    def standing(self, row: Any) -> str:
        """Answered, awaited, late, or replaced by a newer one."""
        if row.replaced:
            return badge("○", "replaced")
        if row.answered:
            return badge("●", "answered", "ok")
        late = row.due < timezone.now().date()
        return badge("▲", "overdue", "bad") if late else badge("○", "awaited", "wait")


@admin.register(Attestation)
class AttestationAdmin(_ControlAdmin):
    """Signed answers to controls."""

    list_display = (
        "control",
        "model_link",
        "printed_name",
        "due",
        "expires_on",
        "standing",
        "evidence",
        "coverage_link",
    )
    list_filter = (ExpiryFilter, FrameworkFilter)
    search_fields = ("control_id", "model__slug", "question", "answer", "printed_name")
    list_select_related = ("model",)
    date_hierarchy = "expires_on"
    fields = readonly_fields = (
        "control",
        "model_link",
        "question",
        "answer",
        "evidence_digest",
        "owner",
        "due",
        "expires_on",
        "standing",
        "printed_name",
        "method",
        "signed_at",
        "coverage_link",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attestation]:
        """With who owes the answer now, and whether a newer one replaces it."""
        rows: QuerySet[Attestation] = super().get_queryset(request)
        owed = _newest(ControlAssignment)
        found: QuerySet[Attestation] = _with_newest(rows).annotate(
            owed_by=Subquery(owed.values("owner__username")[:1]), owed_due=Subquery(owed.values("due")[:1])
        )
        return found

    @admin.display(description=_("owner"), empty_value="nobody in particular")
    def owner(self, row: Any) -> str | None:
        """Who owes the answer to this control now."""
        return row.owed_by  # type: ignore[no-any-return]  # annotated

    @admin.display(description=_("due"), empty_value="–")
    def due(self, row: Any) -> Any:
        """By when it is owed."""
        return row.owed_due

    @admin.display(description=_("evidence"))
    def evidence(self, row: Attestation) -> str:
        """Of the file that was signed with it."""
        return short_digest(row.evidence_digest)

    @admin.display(description=_("state"), ordering="expires_on")
    def standing(self, row: Any) -> str:
        """Whether it speaks today."""
        if row.replaced:
            return badge("○", "replaced")
        ended = row.expires_on <= timezone.now().date()
        return badge("▲", "overdue", "bad") if ended else badge("●", "stands", "ok")


def _model_link(model: RegisteredModel) -> str:
    return link(model, reverse("model", args=[model.slug]))


def _newest(kind: Any) -> QuerySet[Any]:
    """Of the same model and control as the outer row, the newest first; only that one counts."""
    same = kind.objects.filter(model=OuterRef("model"), control_id=OuterRef("control_id"))
    newer = kind.objects.filter(model=OuterRef("model"), control_id=OuterRef("control_id"), pk__gt=OuterRef("pk"))
    return same.filter(~Exists(newer))  # type: ignore[no-any-return]


def _with_newest(rows: QuerySet[Any]) -> QuerySet[Any]:
    """With `replaced`, and the number of the model's newest version."""
    newer = rows.model._default_manager.filter(
        model=OuterRef("model"), control_id=OuterRef("control_id"), pk__gt=OuterRef("pk")
    )
    versions = ModelVersion.objects.filter(model=OuterRef("model")).order_by(F("number").desc())
    found: QuerySet[Any] = rows.annotate(replaced=Exists(newer), newest_version=Subquery(versions.values("number")[:1]))
    return found
