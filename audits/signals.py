"""What the app above may listen to. `audits` never imports upward; it only tells."""

from __future__ import annotations

from django.dispatch import Signal

#: Sent inside the transaction that closes a run, with `run=<AuditRun>`. A receiver that raises undoes the closing.
run_closed = Signal()
