"""What can go wrong with a report, for those who name the error without loading what makes it."""

from __future__ import annotations

from registry.errors import AssayError


class SealError(AssayError):
    """The report could not be sealed, or the sealed file did not pass the checks of a reader. Nothing is released."""

    code = "seal-failed"
    retryable = True
