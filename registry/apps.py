from __future__ import annotations

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Records: models, versions, datasets, lineage, stages, ledger."""

    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the tables that the ledger answers for, and the work this app performs."""
        from registry import performers, reconcilers  # noqa: F401, PLC0415  (models must be loaded first)
