"""The work this app performs, and what it listens to. Loaded when the apps are ready."""

from __future__ import annotations

from django.db.models.signals import post_save

from registry import sinks, work
from registry.models import LedgerEntry

work.performs(sinks.CHECKPOINT_WORK, sinks.CheckpointPerformer())
post_save.connect(sinks.entry_written, sender=LedgerEntry, dispatch_uid="ledger.sinks")
