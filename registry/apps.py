from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RegistryConfig(AppConfig):
    """Records: models, versions, datasets, lineage, stages, ledger."""

    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the tables that the ledger answers for, and the work this app performs."""
        from registry import lineage_events, performers, reconcilers  # noqa: F401, PLC0415  (models must be loaded first)

        post_migrate.connect(lineage_events.complete_graph, sender=self, dispatch_uid="registry.complete_graph")
