from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from guardian.admin import AdminGroupObjectPermissionsForm, GuardedModelAdmin

from registry.admin.base import ReadOnlyAdmin, badge, link, pretty_json, short_digest
from registry.model_permissions import set_permissions
from registry.models import ModelVersion, Person, RegisteredModel
from registry.tongue import called

RISKS = {"high": ("▲", "wait"), "limited": ("△", "quiet"), "minimal": ("○", "quiet")}


@admin.register(RegisteredModel)
class RegisteredModelAdmin(GuardedModelAdmin, ReadOnlyAdmin):  # type: ignore[misc]
    """Models to read. Whoever may edit groups may also give them permissions on a single model here."""

    list_display = ("slug", "name", "risk", "owner", "version_count", "created_at")
    list_filter = ("risk_class", "role")
    search_fields = ("slug", "name", "intended_purpose")
    list_select_related = ("owner",)
    readonly_fields = (
        "slug",
        "name",
        "owner",
        "intended_purpose",
        "role",
        "risk_class",
        "affected_persons",
        "tags",
        "created_at",
        "versions",
    )
    fields = readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        """With the number of versions."""
        rows: QuerySet[RegisteredModel] = super().get_queryset(request)  # type: ignore[no-untyped-call]
        return rows.annotate(versions_made=Count("versions"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For the pages of object permissions only: every field is read-only, and `save_model` keeps nothing."""
        return request.user.has_perm("auth.change_group")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The permission to view, not the one to manage groups."""
        return request.user.has_perm("registry.view_registeredmodel")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep nothing: a model is described by the verb that registered it."""

    def get_obj_perms_manage_group_form(self, request: HttpRequest) -> type[AdminGroupObjectPermissionsForm]:
        """The form that calls the verb in the name of whoever is signed in."""
        actor = request.user

        class PermissionsForm(AdminGroupObjectPermissionsForm):
            def save_obj_perms(self) -> None:
                assert isinstance(actor, Person)  # noqa: S101  (the admin lets nobody else in)
                assert isinstance(self.obj, RegisteredModel)  # noqa: S101  (as this admin is of models)
                chosen = self.cleaned_data[self.get_obj_perms_field_name()]
                set_permissions(actor=actor, group=self.group, model=self.obj, codenames=chosen)

        return PermissionsForm

    def obj_perms_manage_group_view(self, request: HttpRequest, object_pk: str, group_id: int) -> HttpResponse:
        """The page of a group's permissions; not for its members, who would give themselves a voice."""
        if request.user.groups.filter(pk=group_id).exists():
            raise PermissionDenied("You belong to this group, so somebody else must change what it may do.")
        answer: HttpResponse = super().obj_perms_manage_group_view(request, object_pk, group_id)  # type: ignore[no-untyped-call]
        return answer

    def obj_perms_manage_user_view(self, request: HttpRequest, object_pk: str, user_id: int) -> HttpResponse:
        """Refuse: authority comes from groups, and what a person holds alone counts nowhere."""
        raise PermissionDenied("Give the permission to a group.")

    @admin.display(description=_("risk"), ordering="risk_class")
    def risk(self, model: RegisteredModel) -> str:
        """Its risk class."""
        shape, tone = RISKS[model.risk_class]
        return badge(shape, model.get_risk_class_display(), tone)

    @admin.display(description=_("versions"), ordering="versions_made")
    def version_count(self, model: Any) -> int:
        """How many versions there are."""
        return int(model.versions_made)

    @admin.display(description=_("versions"))
    def versions(self, model: RegisteredModel) -> str:
        """The newest versions, as links."""
        rows = ((link(version),) for version in model.versions.select_related("model")[:20])
        return format_html_join(" · ", "{}", rows) or "–"


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Immutable versions."""

    list_display = ("__str__", "artifact", "artifact_format", "framework", "created_by", "created_at", "page")
    list_filter = ("artifact_format",)
    search_fields = ("model__slug", "artifact_digest", "code_revision", "source_run")
    list_select_related = ("model", "created_by")
    date_hierarchy = "created_at"
    fields = readonly_fields = (
        "model",
        "number",
        "page",
        "artifact_digest",
        "artifact_format",
        "framework",
        "signature_text",
        "source_run",
        "run_author",
        "code_revision",
        "metrics_text",
        "record_digest",
        "inputs_text",
        "created_by",
        "created_at",
    )

    @admin.display(description=_("artifact"), ordering="artifact_digest")
    def artifact(self, version: ModelVersion) -> str:
        """Its identity."""
        return short_digest(version.artifact_digest)

    @admin.display(description=_("page"))
    def page(self, version: ModelVersion) -> str:
        """The page with lineage, decisions and history."""
        return link(version, reverse("model-version", args=[version.model.slug, version.number]))

    @admin.display(description=_("signature"))
    def signature_text(self, version: ModelVersion) -> str:
        """Task, features, target."""
        return pretty_json(version.signature)

    @admin.display(description=_("declared metrics"))
    def metrics_text(self, version: ModelVersion) -> str:
        """As declared by whoever trained it; not evidence."""
        return pretty_json(version.metrics)

    @admin.display(description=_("data"))
    def inputs_text(self, version: ModelVersion) -> str:
        """Dataset versions by role."""
        uses = version.inputs.select_related("dataset_version__dataset").order_by("role")
        return format_html_join(" · ", "{}: {}", ((called(use.role), link(use.dataset_version)) for use in uses)) or "–"
