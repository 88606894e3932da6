"""What is refused at the edge, before any verb was called, is told by the ledger too.

A caller without an account could fill the ledger with refusals, and so could a pipeline that polls what it may not see.
So of equal refusals of anonymous callers, and of equal refused reads, one a minute is told, with the number of those
left out. Whatever a known person was refused to change is told each time.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponseBase

from registry import refused
from registry.ledger import SYSTEM
from registry.models import Person

R = TypeVar("R", bound=HttpResponseBase)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
QUIET_SECONDS = 60.0
MOST_KEYS = 10_000
_CODES = {401: "not-authenticated", 403: "permission-refused", 404: "unknown-path", 405: "method-not-allowed"}
# A field may be named by the caller; only names that look like ours are kept.
_FIELD = re.compile(r"[a-z_]+(\[\d+\])?(\.[a-z_]+)*")
_LONGEST_FIELD = 60


def marked(response: R, document: Mapping[str, Any], *, recorded: bool = False) -> R:
    """The answer, with its problem document for `RefusalsTold`; `recorded` says that a verb has told of it."""
    response.assay_problem = document  # type: ignore[attr-defined]
    response.assay_recorded = recorded  # type: ignore[attr-defined]
    return response


class RefusalsTold:
    """Middleware: writes what was refused during the request, once every transaction of it has ended."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.quiet = Quiet()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer of the service."""
        response = self.get_response(request)
        # Who asked is looked up only where it matters: that costs a query.
        if 400 <= response.status_code < 500 or refused.are_waiting():  # noqa: PLR2004
            self._tell(request, response, _person(request))
        return response

    def _tell(self, request: HttpRequest, response: HttpResponseBase, person: Person | None) -> None:
        found = _refusal(request, response, person)
        if found is not None:
            left_out = 0 if _is_told_each_time(request, person) else self.quiet.admits(_key(found, person))
            if left_out is not None:
                refused.note(replace(found, more=left_out))
        refused.write_waiting(person)


class Quiet:
    """Which of equal refusals are told: the first one, and then one in `QUIET_SECONDS` of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[Any, tuple[float, int]] = {}

    def admits(self, key: Any) -> int | None:
        """How many equal ones were left out since the last one that was told; None when this one is left out too."""
        now = self._clock()
        with self._lock:
            since, left_out = self._seen.get(key, (None, 0))
            if since is not None and now - since < QUIET_SECONDS:
                self._seen[key] = (since, left_out + 1)
                return None
            if len(self._seen) >= MOST_KEYS:
                self._seen.clear()
            self._seen[key] = (now, 0)
            return left_out


def _refusal(request: HttpRequest, response: HttpResponseBase, person: Person | None) -> refused.Refusal | None:
    """What the answer refused, if no verb has told of it."""
    document: Mapping[str, Any] = getattr(response, "assay_problem", {})
    if not _is_refusal(request, response.status_code, document, person) or getattr(response, "assay_recorded", False):
        return None
    match = request.resolver_match
    route = match.route if match else "unknown path"
    facts: dict[str, Any] = {"at": {name: str(value)[:80] for name, value in match.kwargs.items()}} if match else {}
    named = str(document.get("field", ""))
    if len(named) <= _LONGEST_FIELD and _FIELD.fullmatch(named):
        facts["field"] = named
    return refused.Refusal(
        verb=f"{request.method} {route}",
        code=str(document.get("code") or _CODES[response.status_code]),
        subject=f"edge:{match.view_name if match else 'unknown'}",
        actor=person or SYSTEM,
        facts=facts,
    )


def _is_refusal(request: HttpRequest, status: int, document: Mapping[str, Any], person: Person | None) -> bool:
    """An answer that says no. A question that was asked badly is none, nor is something that is not there yet."""
    if document.get("retryable") or not 400 <= status < 500:  # noqa: PLR2004
        return False
    if request.method in SAFE_METHODS:
        return status in (401, 403) or (status == 404 and person is not None)  # noqa: PLR2004
    return bool(document) or status in _CODES


def _is_told_each_time(request: HttpRequest, person: Person | None) -> bool:
    return person is not None and request.method not in SAFE_METHODS


def _key(refusal: refused.Refusal, person: Person | None) -> tuple[Any, ...]:
    """What makes refusals equal. Of anonymous ones only the code counts: their paths are theirs to choose."""
    return (refusal.code,) if person is None else (person.pk, refusal.code, refusal.verb)


def _person(request: HttpRequest) -> Person | None:
    user = getattr(request, "user", None)
    return user if isinstance(user, Person) else None
