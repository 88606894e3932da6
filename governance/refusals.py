"""Every refusal leaves an entry in the ledger, although the refused transaction is rolled back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from django.utils import timezone

from governance.errors import WrongCredentialError
from governance.models import FailedCredential
from registry import ledger, refused
from registry.errors import AssayError
from registry.models import Person

P = ParamSpec("P")
R = TypeVar("R")


def recorded(subject: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a verb: run it in one transaction, and record its refusal in another one.

    `subject` names the keyword argument the verb is about. The verb has a keyword argument `actor`.
    """

    def decorate(verb: Callable[P, R]) -> Callable[P, R]:
        @wraps(verb)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with transaction.atomic():
                    answer = verb(*args, **kwargs)
                    ledger.settle(_named(kwargs.get("actor")))
                    return answer
            except AssayError as error:
                _record(verb.__name__, error, kwargs.get("actor"), kwargs.get(subject))
                raise

        return run

    return decorate


def _record(verb: str, error: AssayError, actor: Any, subject: Any) -> None:
    error.recorded = True
    if error.code == WrongCredentialError.code and isinstance(actor, Person):
        FailedCredential.objects.create(person=actor, at=timezone.now())
    facts = {"field": error.field}
    refused.tell(refused.Refusal(verb, error.code, subject_id(subject), _named(actor), facts))


def _named(actor: Any) -> Person | str:
    return actor if isinstance(actor, Person) else ledger.SYSTEM


def subject_id(thing: Any) -> str:
    """The text id of a row as the ledger names it: `<noun>:<natural or primary key>`."""
    if thing is None:
        return "none"
    noun = {"modelversion": "version", "promotionrequest": "promotion", "registeredmodel": "model"}
    name = thing._meta.model_name if hasattr(thing, "_meta") else type(thing).__name__.lower()
    key = str(thing) if name in ("modelversion", "policyversion", "registeredmodel", "policy") else str(thing.pk)
    return f"{noun.get(name, name)}:{key}"[:200]
