"""What can go wrong in the registry, one sentence each, grouped by who must act. HTTP exists only at the edge."""

from __future__ import annotations

from typing import ClassVar


class AssayError(Exception):
    """Base of every error the product raises on purpose.

    `code` is stable and documented in docs/errors.md; `field` names the input at fault, "" when it is none;
    `retryable` tells a client whether the same call may succeed later.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    #: Whether the ledger has told of this refusal already.
    recorded: bool = False

    def __init__(self, problem: str, *, field: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field


# -- The caller must change the input ---------------------------------------------------------------------------------
class InvalidInputError(AssayError):
    """A value is missing, malformed or contradicts another one."""

    code = "invalid-input"


class DigestMismatchError(AssayError):
    """The bytes that arrived are not the bytes that were declared."""

    code = "digest-mismatch"


class ArtifactRefusedError(AssayError):
    """The model file is of a kind that is never loaded here."""

    code = "artifact-refused"


class DuplicateError(AssayError):
    """Something with this identity exists already."""

    code = "duplicate"


class StaleCardError(AssayError):
    """Somebody else wrote on the dataset card since it was read."""

    code = "stale-card"


class UnknownSubjectError(AssayError):
    """Nothing of that name is registered."""

    code = "unknown-subject"


# -- Somebody else must act -------------------------------------------------------------------------------------------
class PermissionRefusedError(AssayError):
    """The person holds no role that permits this on this model."""

    code = "permission-refused"


# -- The operator must act --------------------------------------------------------------------------------------------
class ImmutableError(AssayError):
    """The row is part of the record: it is never changed or deleted, a new one is added."""

    code = "immutable"


class EvidenceMissingError(AssayError):
    """Content that the record names by digest is not in the evidence store."""

    code = "evidence-missing"


class ContentErasedError(AssayError):
    """The content held data of a person who was erased, and is gone for good."""

    code = "content-erased"


class StillSeenError(AssayError):
    """What was erased cannot be overwritten yet, because a transaction that began before still sees it."""

    code = "still-seen"
    retryable = True


class LedgerError(AssayError):
    """The ledger cannot be written or does not verify."""

    code = "ledger"


class LeaseLostError(AssayError):
    """Another worker owns this work item now; the result at hand must be thrown away."""

    code = "lease-lost"
    retryable = True
