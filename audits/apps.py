from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditsConfig(AppConfig):
    """Measures: runs, checks, observations, findings, reports."""

    name = "audits"
    verbose_name = _("Audits")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the work this app performs, and the tables that the ledger answers for."""
        from audits import performers, reconcilers  # noqa: F401, PLC0415  (models must be loaded first)
