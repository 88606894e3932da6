"""Refuses to start a misconfigured service: web servers and workers do not run system checks by themselves."""

from __future__ import annotations

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured


def refuse_misconfiguration() -> None:
    """Run the product's system checks. Raises ImproperlyConfigured with every error and how to mend it."""
    errors = [problem for problem in run_checks(tags=["assay"]) if problem.level >= ERROR]
    if errors:
        lines = [f"{problem.id}: {problem.msg} {problem.hint or ''}".rstrip() for problem in errors]
        raise ImproperlyConfigured("The service is misconfigured and does not start.\n" + "\n".join(lines))
