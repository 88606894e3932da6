"""`Idempotency-Key`: a POST that is sent twice, because an answer was lost, creates once and is answered alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import transaction
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.authentication import grant_of
from governance.api.errors import IdempotencyKeyError
from governance.api.visibility import caller
from governance.models import IdempotencyKey
from registry.errors import AssayError

MAX_KEY = 200
_KEPT_HEADERS = ("Location",)

V = TypeVar("V")
P = ParamSpec("P")
Post = Callable[Concatenate[V, Request, P], Response]


def idempotent(*, withhold: tuple[str, ...] = ()) -> Callable[[Post[V, P]], Post[V, P]]:
    """Decorate a creating `post`. Members of the answer in `withhold` (secrets) are kept as null.

    Only success is remembered, in the transaction of what was created. A refusal created nothing and may be tried
    again; the verb has rolled its own work back, and its entry about the refusal is committed here.
    Raises IdempotencyKeyError for a key that was used for a different request.
    """

    def decorate(post: Post[V, P]) -> Post[V, P]:
        @wraps(post)
        def run(view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
            key = request.headers.get("Idempotency-Key")
            if key is None:
                return post(view, request, *args, **kwargs)
            _require_key(key)
            fingerprint = _fingerprint(request)
            with transaction.atomic():
                row, fresh = IdempotencyKey.objects.select_for_update().get_or_create(
                    person=caller(request),
                    key=key,
                    defaults={"request_digest": fingerprint, "status": 0, "body": {}},
                )
                if not fresh:
                    return _again(row, fingerprint)
                try:
                    outcome: Response | Exception = post(view, request, *args, **kwargs)
                except (AssayError, APIException) as error:
                    outcome = error
                if isinstance(outcome, Exception):
                    row.delete()
                else:
                    _keep(row, outcome, withhold)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return run

    return decorate


def _require_key(key: str) -> None:
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise IdempotencyKeyError(f"The key is 1 to {MAX_KEY} printable characters.", field="Idempotency-Key")


def _fingerprint(request: Request) -> str:
    """Keyed, because the body may hold a password, and a plain digest of it could be tried out offline."""
    grant = grant_of(request)
    tied = ",".join(sorted(grant.models)) if grant and grant.models is not None else "all"
    asked = f"{request.method} {request.get_full_path()} {tied}\n".encode() + request.body
    return salted_hmac("governance.api.idempotency", asked, algorithm="sha256").hexdigest()


def _keep(row: IdempotencyKey, response: Response, withhold: tuple[str, ...]) -> None:
    body: dict[str, Any] = json.loads(JSONRenderer().render(response.data))
    row.body = {name: None if name in withhold else value for name, value in body.items()}
    row.status = response.status_code
    row.headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    row.save(update_fields=["body", "status", "headers"])


def _again(row: IdempotencyKey, fingerprint: str) -> Response:
    if row.request_digest != fingerprint:
        raise IdempotencyKeyError("This key was used for a different request.", field="Idempotency-Key")
    return Response(row.body, status=row.status, headers={**row.headers, "Idempotent-Replayed": "true"})
