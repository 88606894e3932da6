"""Pages of lists, and lists that refuse what they do not understand."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

_RESERVED = frozenset({"page", "page_size", "ordering"})


class Filters(FilterSet):  # type: ignore[misc]  # django-filter carries no types
    """Base of the filters of each list."""


class Pages(PageNumberPagination):
    """`?page=` and `?page_size=`, 200 at most."""

    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int | None:
        """The size asked for. Raises ValidationError for anything but a number from 1."""
        given = request.query_params.get("page_size")
        if given is not None and not (given.isascii() and given.isdigit() and int(given[:9]) > 0):
            raise ValidationError({"page_size": "This is a number from 1 to 200."})
        return super().get_page_size(request)


class StrictFilters(DjangoFilterBackend):  # type: ignore[misc]  # django-filter carries no types
    """A misspelt filter would silently list everything, so it is an error."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """The filtered rows. Raises ValidationError for an unknown parameter or a bad value."""
        filters = self.get_filterset_class(view, queryset)
        known = set(filters.base_filters) if filters else set()
        unknown = sorted(set(request.query_params) - known - _RESERVED)
        if unknown:
            names = ", ".join(sorted(known | _RESERVED))
            raise ValidationError(dict.fromkeys(unknown, f"There is no such parameter; there are {names}."))
        filtered: QuerySet[Model] = super().filter_queryset(request, queryset, view)
        return filtered


class StrictOrdering(OrderingFilter):
    """`?ordering=field` or `-field`; a field that cannot be ordered by is an error."""

    def remove_invalid_fields(self, queryset: QuerySet[Any], fields: Any, view: Any, request: Request) -> list[str]:
        """The fields. Raises ValidationError."""
        valid = super().remove_invalid_fields(queryset, fields, view, request)
        if len(valid) != len(list(fields)):
            names = ", ".join(getattr(view, "ordering_fields", ()))
            raise ValidationError({"ordering": f"Order by {names}, with - for descending."})
        return list(valid)
