"""What the views of the API have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from governance.access.tokens import Scope
from governance.api.bodies import JSONAlways, JSONBody, StrictSerializer
from governance.api.pagination import StrictFilters, StrictOrdering
from governance.api.schema import ProblemSchema
from governance.api.visibility import caller
from registry.models import Person


class ApiView(GenericAPIView[Any]):
    """A view that declares which token scopes reach each of its methods; one it does not name is reached by none."""

    scopes: ClassVar[Mapping[str, tuple[Scope, ...]]] = {}
    #: Methods that a token tied to single models cannot reach, because they concern all models.
    untied_only: ClassVar[tuple[str, ...]] = ()

    http_method_names = ("get", "head", "post", "put")
    parser_classes: Any = (JSONBody,)
    content_negotiation_class = JSONAlways
    filter_backends: Any = (StrictFilters, StrictOrdering)
    schema = ProblemSchema()

    @property
    def actor(self) -> Person:
        """Who is calling."""
        return caller(self.request)

    def body(self, kind: type[StrictSerializer]) -> dict[str, Any]:
        """The validated body. Raises ValidationError naming each field at fault."""
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        validated: dict[str, Any] = serializer.validated_data
        return validated

    def page(self, rows: QuerySet[Any]) -> Response:
        """One page of the filtered, ordered rows, in the form of `serializer_class`."""
        found = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(found, many=True).data)


def created(document: Mapping[str, Any], location: str, status: int = 201) -> Response:
    """Something new, and where it is."""
    return Response(document, status=status, headers={"Location": location})


__all__ = ["ApiView", "Request", "Response", "created"]
