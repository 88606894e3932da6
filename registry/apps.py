from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RegistryConfig(AppConfig):
    """Records: models, versions, datasets, lineage, stages, ledger."""

    name = "registry"
    verbose_name = _("Registry")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the tables that the ledger answers for, the work this app performs, and who tells of refusals."""
        # The models must be loaded first.
        from registry import lineage_events, performers, reconcilers, refused  # noqa: F401, PLC0415

        post_migrate.connect(lineage_events.complete_graph, sender=self, dispatch_uid="registry.complete_graph")
