"""The work this app performs, and what it listens to. Loaded when the apps are ready."""

from __future__ import annotations

from registry import sinks, work
from registry.signals import entry_appended

work.performs(sinks.CHECKPOINT_WORK, sinks.CheckpointPerformer())
entry_appended.connect(sinks.entry_written, dispatch_uid="ledger.sinks")
