"""People, and the groups that carry roles. The only part of the records that is edited in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from registry import ledger
from registry.admin.base import badge
from registry.admin.spoken import SpokenAdmin
from registry.events import Event
from registry.models import Person
from registry.tongue import called

admin.site.unregister(Group)


@admin.register(Person)
class PersonAdmin(UserAdmin, SpokenAdmin):  # type: ignore[misc, type-arg]
    """Who can sign in, and which groups they belong to. Votes come from groups only, never from being superuser."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "kind", "roles", "active", "last_login")
    list_filter = ("is_active", "is_service", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    readonly_fields = ("pseudonym", "last_login", "date_joined")
    filter_horizontal = ("groups",)
    actions = ("ask_for_erasure",)
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("username", "password", "pseudonym")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (
            _("Access"),
            {
                "fields": ("is_active", "is_staff", "is_service", "is_superuser", "groups"),
                "description": _("Groups carry the roles. A superuser without a role decides nothing."),
            },
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        """With groups, for the column of roles."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Person | None = None) -> tuple[str, ...]:
        """Only superusers make superusers, and nobody gives groups to themselves."""
        fields = tuple(super().get_readonly_fields(request, obj))
        if not request.user.is_superuser:
            fields += ("is_superuser",)
        if obj is not None and obj.pk == request.user.pk:
            fields += ("groups", "is_superuser", "is_service")
        return fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: the record names people by pseudonym for ever. A person who left is made inactive."""
        return False

    def save_related(self, request: HttpRequest, form: ModelForm[Person], formsets: Any, change: bool) -> None:
        """Keep the groups, and write each one given or taken into the ledger, in the same transaction."""
        person = form.instance
        before = set(person.groups.values_list("name", flat=True))
        super().save_related(request, form, formsets, change)
        after = set(person.groups.values_list("name", flat=True))
        actor = request.user
        assert isinstance(actor, Person)  # noqa: S101  (the admin lets nobody else in)
        for event, names in ((Event.ROLE_GRANTED, after - before), (Event.ROLE_WITHDRAWN, before - after)):
            for name in sorted(names):
                ledger.append(event, subject=f"person:{person.pseudonym}", actor=actor, facts={"group": name})

    @admin.action(description=_("Ask that the chosen person be erased"), permissions=["erase"])
    def ask_for_erasure(self, request: HttpRequest, people: QuerySet[Person]) -> HttpResponseRedirect | None:
        """On the page that shows what it would do; somebody else confirms it."""
        chosen = list(people[:2])
        if len(chosen) != 1:
            messages.warning(request, _("Choose one person; each erasure has its own ground."))
            return None
        return HttpResponseRedirect(reverse("erasure-ask", args=[chosen[0].pseudonym]))

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Whoever may ask for it."""
        return request.user.has_perm("governance.erase_person")

    @admin.display(description=_("name"), ordering="last_name")
    def full_name(self, person: Person) -> str:
        """As it is printed."""
        return person.printed_name

    @admin.display(description=_("kind"))
    def kind(self, person: Person) -> str:
        """A human being or a pipeline."""
        return str(_("service account") if person.is_service else _("person"))

    @admin.display(description=_("groups"))
    def roles(self, person: Person) -> str:
        """Their groups."""
        return ", ".join(sorted(group.name for group in person.groups.all())) or "–"

    @admin.display(description=_("active"), ordering="is_active")
    def active(self, person: Person) -> str:
        """Whether they can sign in."""
        return badge("●", "active", "ok") if person.is_active else badge("–", "cannot sign in")


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Groups: what each may do on every model. Permissions on single models are given on the model's page."""

    list_display = ("name", "members")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """With the number of members."""
        return super().get_queryset(request).annotate(member_count=Count("user"))

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        """Nobody gives themselves a voice through a group of theirs."""
        fields = tuple(super().get_readonly_fields(request, obj))
        mine = obj is not None and request.user.groups.filter(pk=obj.pk).exists()
        return (*fields, "permissions") if mine else fields

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        """The permissions, told in the reader's language."""
        if db_field.name == "permissions":
            kwargs["form_class"] = PermissionChoice
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_related(self, request: HttpRequest, form: ModelForm[Group], formsets: Any, change: bool) -> None:
        """Keep the permissions, and write each one given or taken into the ledger, in the same transaction."""
        group = form.instance
        before = _permissions_of(group)
        super().save_related(request, form, formsets, change)
        after = _permissions_of(group)
        actor = request.user
        assert isinstance(actor, Person)  # noqa: S101  (the admin lets nobody else in)
        for event, names in ((Event.PERMISSION_GRANTED, after - before), (Event.PERMISSION_WITHDRAWN, before - after)):
            for name in sorted(names):
                facts = {"group": group.name, "permission": name}
                ledger.append(event, subject=f"group:{group.pk}", actor=actor, facts=facts)

    @admin.display(description=_("members"), ordering="member_count")
    def members(self, group: Any) -> int:
        """How many people belong to it."""
        return int(group.member_count)


class PermissionChoice(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Permissions by what they let somebody do, in the reader's language."""

    def label_from_instance(self, permission: Any) -> str:
        """App, model and deed."""
        deed = {"add": _("add"), "change": _("change"), "delete": _("delete"), "view": _("view")}
        usual = deed.get(permission.codename.partition("_")[0])
        is_usual = usual and permission.codename.endswith(f"_{permission.content_type.model}")
        return f"{permission.content_type} | {usual if is_usual else called(permission.name)}"


def _permissions_of(group: Group) -> set[str]:
    held = group.permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in held}
