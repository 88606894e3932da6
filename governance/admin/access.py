"""Roles of groups, and access tokens: issued by the verb, shown once, revoked and never edited."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from governance.access.tokens import Scope, issue_token, revoke_token
from governance.models import AccessToken, RoleGroup
from registry.admin.base import ReadOnlyAdmin, badge
from registry.admin.spoken import SpokenAdmin
from registry.authority import permits
from registry.errors import AssayError
from registry.models import Person
from registry.tongue import ours


@admin.register(RoleGroup)
class RoleGroupAdmin(SpokenAdmin):
    """Which role a group carries."""

    list_display = ("group", "role")
    list_select_related = ("group",)
    list_filter = ("role",)
    search_fields = ("group__name",)


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a token is for. The secret is made by the verb."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[(scope.value, scope.value) for scope in Scope],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Give no more than the caller needs. A scope never gives more than the person may do."),
    )

    class Meta:
        model = AccessToken
        fields = ("person", "label", "scopes", "registered_models", "expires_at")

    issued: Any = None

    def clean(self) -> dict[str, Any] | None:
        """Issue the token, so that a refusal of the verb stands beside its field."""
        told = super().clean()
        if self.errors or told is None:
            return told
        try:
            self.issued = issue_token(
                actor=self.actor,
                owner=told["person"],
                label=told["label"],
                scopes=told["scopes"],
                models=list(told["registered_models"]),
                expires_at=told["expires_at"],
            )
        except AssayError as error:
            self.add_error(error.field if error.field in self.fields else None, ours(error.problem))
        return told

    actor: Person


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    """Bearer tokens of the API. Only their digests are kept."""

    form = TokenForm
    actions = ("revoke",)
    list_display = ("label", "prefix", "person", "scope_list", "standing", "expires_at")
    search_fields = ("label", "prefix", "person__username")
    list_select_related = ("person",)
    filter_horizontal = ("registered_models",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may issue tokens for others."""
        return isinstance(request.user, Person) and permits(request.user, "governance.add_accesstoken")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may end the tokens of others."""
        return isinstance(request.user, Person) and permits(request.user, "governance.change_accesstoken")

    def get_fields(self, request: HttpRequest, obj: AccessToken | None = None) -> tuple[str, ...]:
        """The form when adding; the facts, without the digest, afterwards."""
        if obj is None:
            return ("person", "label", "scopes", "registered_models", "expires_at")
        return ("label", "prefix", "person", "scope_list", "registered_models", "created_at", "expires_at", "standing")

    def get_readonly_fields(self, request: HttpRequest, obj: AccessToken | None = None) -> tuple[str, ...]:
        """Nothing of an issued token changes here."""
        return () if obj is None else tuple(self.get_fields(request, obj))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows who asks."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user
        return form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> AccessToken:
        """The verb has issued the token already."""
        return form.issued.token  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The verb has kept it already."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The verb has kept it already; hand the secret over to the answer of this one request."""
        request.issued_secret = form.issued.secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret, once, on a page that nobody may keep."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Token issued"),
            "token": obj,
            "secret": request.issued_secret,  # type: ignore[attr-defined]
            "opts": self.opts,
        }
        response = TemplateResponse(request, "admin/governance/accesstoken/issued.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description=_("Revoke the chosen tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[AccessToken]) -> None:
        """End them now."""
        assert isinstance(request.user, Person)  # noqa: S101  (the admin lets nobody else in)
        live = list(tokens.filter(revoked_at=None))
        for token in live:
            revoke_token(actor=request.user, token=token)
        messages.success(
            request,
            ngettext("{number} token is revoked.", "{number} tokens are revoked.", len(live)).format(number=len(live)),
        )

    @admin.display(description=_("scopes"))
    def scope_list(self, token: AccessToken) -> str:
        """What it may be used for."""
        return ", ".join(token.scopes)

    @admin.display(description=_("state"))
    def standing(self, token: AccessToken) -> str:
        """Live, expired or revoked."""
        if token.revoked_at:
            return badge("×", "revoked", "bad")
        return badge("●", "live", "ok") if token.expires_at > timezone.now() else badge("–", "expired")
