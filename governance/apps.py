from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GovernanceConfig(AppConfig):
    """Decides: policies, requests, reviews, waivers, gate decisions, the gate API."""

    name = "governance"
    verbose_name = _("Governance")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect roles, system checks, the work this app performs and the tables that the ledger answers for."""
        from governance import performers, reconcilers  # noqa: F401, PLC0415  (models are loaded)
        from governance.access import roles, sessions  # noqa: PLC0415  (models are loaded)
        from governance.celery import prepare_broker  # noqa: PLC0415  (settings must be loaded first)
        from governance.service import system_checks  # noqa: F401, PLC0415  (models are loaded)

        roles.connect()
        sessions.connect()
        prepare_broker()
