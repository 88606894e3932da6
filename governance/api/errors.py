"""What can go wrong at the edge itself, before any verb is called."""

from __future__ import annotations

from registry.errors import AssayError


class ScopeMissingError(AssayError):
    """The token was not made for this."""

    code = "scope-missing"


class TokenTiedError(AssayError):
    """The token is tied to models, and this is about another one or about all of them."""

    code = "token-not-for-model"


class IdempotencyKeyError(AssayError):
    """The key cannot be read, or was used for a different request."""

    code = "idempotency-key"


class FormatUnavailableError(AssayError):
    """The thing exists, but not in the form asked for."""

    code = "format-unavailable"


class NotYetError(AssayError):
    """The thing is being made; ask again."""

    code = "not-yet"
    retryable = True


class BodyTooLargeError(AssayError):
    """The body is longer than the service reads."""

    code = "body-too-large"


class LengthRequiredError(AssayError):
    """An upload must say its length."""

    code = "length-required"
