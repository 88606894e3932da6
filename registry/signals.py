"""What the apps above may listen to. `registry` never imports upward; it only tells."""

from __future__ import annotations

from django.dispatch import Signal

#: Sent inside the transaction that withdraws a dataset version, with `version=<DatasetVersion>`, once the withdrawal
#: is on record and before the ledger is locked. A receiver that raises undoes the withdrawal.
dataset_withdrawn = Signal()
