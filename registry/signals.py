"""What the apps above may listen to. `registry` never imports upward; it only tells."""

from __future__ import annotations

from django.dispatch import Signal

#: Sent inside the transaction that withdraws a dataset version, with `version=<DatasetVersion>`, once the withdrawal
#: is on record and before the ledger is locked. A receiver that raises undoes the withdrawal.
dataset_withdrawn = Signal()

#: Sent inside the transaction that appends to the ledger, with `entry=<LedgerEntry>`, once it is written.
entry_appended = Signal()

#: Sent when a model class refuses to change or delete a row of the record: `sender` is that class, `verb` what was
#: tried, `key` the row where it is one.
change_refused = Signal()
