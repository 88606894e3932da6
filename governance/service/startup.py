"""Refuses to start a misconfigured service: web servers and workers do not run system checks by themselves."""

from __future__ import annotations

import logging

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError

log = logging.getLogger("assay.start")


def refuse_misconfiguration() -> None:
    """Run the product's system checks. Raises ImproperlyConfigured with every error and how to mend it."""
    errors = [problem for problem in run_checks(tags=["assay"]) if problem.level >= ERROR]
    if errors:
        lines = [f"{problem.id}: {problem.msg} {problem.hint or ''}".rstrip() for problem in errors]
        raise ImproperlyConfigured("The service is misconfigured and does not start.\n" + "\n".join(lines))


def tell_of_start() -> None:
    """Have the ledger know keys and settings that are new since the last start.

    A database that is away stops nothing: the next start tells them, and readiness says what is missing.
    """
    from governance.service.configuration import record_configuration  # noqa: PLC0415  (the apps must be loaded)
    from registry.key_history import record_keys  # noqa: PLC0415

    try:
        record_keys()
        record_configuration()
    except DatabaseError:
        log.warning("the ledger could not be told of this start", exc_info=True)
