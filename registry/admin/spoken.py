"""What models, fields and choices are called in the admin, in the reader's language.

The models keep their English names: migrations and refusals take them from there, and labels of choices are part of
what people sign. Here they are said anew whenever a page is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import ChoiceField
from django.http import HttpRequest
from django.utils import translation
from django.utils.functional import Promise, lazy
from unfold.admin import ModelAdmin

from registry.tongue import called

said = lazy(called, str)


def speak(model: type[Model]) -> None:
    """Have the names and the help of a model and its fields said in the reader's language. Twice is once."""
    options = model._meta
    if "verbose_name_plural" not in options.original_attrs:
        # Django would put an s behind whatever the singular is called.
        with translation.override(None):
            options.verbose_name_plural = str(options.verbose_name_plural)
    _say(options, "verbose_name", "verbose_name_plural")
    for field in (*options.fields, *options.many_to_many):
        _say(field, "verbose_name", "help_text")


def _say(thing: Any, *names: str) -> None:
    for name in names:
        text = getattr(thing, name)
        # What is lazy speaks for itself, as Django's own fields do.
        if text and not isinstance(text, Promise):
            setattr(thing, name, said(text))


_SPACED = str.maketrans("-_", "  ")


class _SpokenFilter:
    """A filter whose choices are words of ours."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """As the filter knows them, said in the reader's language."""
        for choice in super().choices(changelist):  # type: ignore[misc]
            yield {**choice, "display": called(str(choice["display"]).translate(_SPACED))}


class SpokenChoices(_SpokenFilter, admin.ChoicesFieldListFilter):
    """By a choice."""


class SpokenValues(_SpokenFilter, admin.AllValuesFieldListFilter):
    """By each value on record, where these are words of ours."""


class SpokenAdmin(ModelAdmin):  # type: ignore[misc]
    """An admin of one of our models, which names and choices are said in the reader's language."""

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        speak(model)
        self._choices = {field.name: f"{field.name}_in_words" for field in model._meta.fields if field.choices}
        for name, spoken in self._choices.items():
            setattr(self, spoken, _choice_in_words(model._meta.get_field(name)))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns, choices in words."""
        return self._spoken(super().get_list_display(request))

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """The filters, choices in words."""
        return [(name, SpokenChoices) if name in self._choices else name for name in super().get_list_filter(request)]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> ChoiceField:
        """A choice to make, in words."""
        offered = db_field.get_choices(include_blank=db_field.blank or not db_field.has_default())
        kwargs["choices"] = [(value, called(str(label))) for value, label in offered]
        field: ChoiceField = super().formfield_for_choice_field(db_field, request, **kwargs)
        return field

    def _spoken(self, names: Iterable[Any]) -> list[Any]:
        return [self._choices.get(name, name) if isinstance(name, str) else name for name in names]


def _choice_in_words(field: Any) -> Callable[[Any], str]:
    """The column of a choice."""

    @admin.display(description=field.verbose_name, ordering=field.name)
    def in_words(row: Any) -> str:
        return called(str(getattr(row, f"get_{field.name}_display")()))

    return in_words
