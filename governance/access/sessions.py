"""Signing in, failing to, and signing out: each is an entry. Signed acts name the method of their own proof."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction

from registry import ledger
from registry.events import Event
from registry.models import Person


def _opened(user: Any, **_signal: Any) -> None:
    _tell(Event.SESSION_OPENED, user)


def _closed(user: Any, **_signal: Any) -> None:
    if isinstance(user, Person):  # else nobody was signed in
        _tell(Event.SESSION_CLOSED, user)


def _refused(credentials: dict[str, Any], **_signal: Any) -> None:
    """The name that was tried is told only where it is somebody's, and then as their pseudonym."""
    tried = Person.objects.filter(username=str(credentials.get("username", ""))[:150]).first()
    with transaction.atomic():
        ledger.append(Event.SESSION_REFUSED, subject=f"person:{tried.pseudonym if tried else 'unknown'}")


def _tell(event: Event, person: Person) -> None:
    with transaction.atomic():
        ledger.append(event, subject=f"person:{person.pseudonym}", actor=person)


def connect() -> None:
    """Called once when the apps are ready."""
    user_logged_in.connect(_opened, dispatch_uid="assay.session_opened")
    user_logged_out.connect(_closed, dispatch_uid="assay.session_closed")
    user_login_failed.connect(_refused, dispatch_uid="assay.session_refused")
