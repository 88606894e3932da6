from __future__ import annotations

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """Decides: policies, requests, reviews, waivers, gate decisions, the gate API."""

    name = "governance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect roles, system checks and the work this app performs."""
        from governance import performers, roles, system_checks  # noqa: F401, PLC0415  (models must be loaded first)
        from governance.celery import prepare_broker  # noqa: PLC0415  (settings must be loaded first)

        roles.connect()
        prepare_broker()
