from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from governance.admin.badges import state_badge
from governance.models import Policy, PolicyStatusChange, PolicyVersion
from governance.policies.diffs import differences
from governance.templatetags.pages import rule
from registry.admin.base import ReadOnlyAdmin, link, short_digest
from registry.authority import permits
from registry.models import Person


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    """Named policies."""

    list_display = ("slug", "title", "version_list", "created_at")
    search_fields = ("slug", "title")
    fields = readonly_fields = ("slug", "title", "version_list", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        """With the versions, for their links."""
        rows: QuerySet[Policy] = super().get_queryset(request)
        return rows.prefetch_related("versions__policy")

    @admin.display(description=_("versions"))
    def version_list(self, policy: Policy) -> str:
        """Links to the versions."""
        return format_html_join(" · ", "{}", ((link(version),) for version in policy.versions.all())) or "–"


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    """Immutable texts. Drafting and activating lead to the pages where that is done and signed."""

    list_display = ("__str__", "standing", "author", "created_at", "text_digest", "page")
    search_fields = ("policy__slug", "digest", "source")
    list_select_related = ("policy", "author")
    fields = readonly_fields = (
        "policy",
        "number",
        "standing",
        "page",
        "author",
        "created_at",
        "digest",
        "changes",
        "yaml",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyVersion]:
        """With the status of each version."""
        return PolicyVersion.objects.with_status()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever drafts: the button leads to the page of the draft."""
        return isinstance(request.user, Person) and permits(request.user, "governance.draft_policy")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The page where policies are drafted."""
        return redirect("policy-draft")

    @admin.display(description=_("status"))
    def standing(self, version: Any) -> str:
        """Draft, in force, retired or recalled."""
        return state_badge("policy", version.status)

    @admin.display(description=_("digest"))
    def text_digest(self, version: PolicyVersion) -> str:
        """What pinned requests name."""
        return short_digest(version.digest)

    @admin.display(description=_("page"))
    def page(self, version: PolicyVersion) -> str:
        """Gates in words, comparison, activation."""
        url = reverse("policy-version", args=[version.policy.slug, version.number])
        past = reverse("policy-simulate", args=[version.policy.slug, version.number])
        return format_html(
            '<a class="assay-link" href="{}">{}</a> · <a class="assay-link" href="{}">{}</a>',
            url,
            _("read, compare, put into force"),
            past,
            _("try it on the past"),
        )

    @admin.display(description=_("changes against the version before"))
    def changes(self, version: PolicyVersion) -> str:
        """Rule by rule, with the way each change leans."""
        former = version.policy.versions.filter(number__lt=version.number).order_by("-number").first()
        if former is None:
            return "–"
        rows = (
            (state_badge("bearing", change.bearing), change.path, rule(change.before), rule(change.after))
            for change in differences(former.rules, version.rules)
        )
        return format_html_join("", "<p>{} <code>{}</code>: {} → <strong>{}</strong></p>", rows) or str(_("none"))

    @admin.display(description=_("text"))
    def yaml(self, version: PolicyVersion) -> str:
        """The YAML as it was written."""
        return format_html('<pre class="assay-json">{}</pre>', version.source)


@admin.register(PolicyStatusChange)
class PolicyStatusChangeAdmin(ReadOnlyAdmin):
    """When a policy version came into force, was replaced or recalled."""

    list_display = ("policy_version", "standing", "changed_by", "changed_at")
    list_select_related = ("policy_version__policy", "changed_by")
    ordering = ("-pk",)

    @admin.display(description=_("status"), ordering="status")
    def standing(self, change: PolicyStatusChange) -> str:
        """What it became."""
        return state_badge("policy", change.status)
