"""What an SPDX expression allows, as far as identifiers tell: derivatives, commerce, the same terms again. Pure."""

from __future__ import annotations

from registry.cards import NO_LICENCE, canonical_licence
from registry.errors import InvalidInputError

#: Terms that must be found again on what is derived, by the beginning of the identifier.
_RECIPROCAL = ("AGPL-", "GPL-", "LGPL-", "ODbL-", "CDLA-Sharing-", "EUPL-")


def says_nothing(licence: str) -> bool:
    """Nobody stated terms, or in words that are no SPDX expression."""
    if licence in NO_LICENCE:
        return True
    try:
        canonical_licence(licence)
    except InvalidInputError:
        return True
    return False


def forbids_commerce(licence: str) -> bool:
    """Every alternative has a non-commercial part."""
    choices = _alternatives(licence)
    return bool(choices) and all(any(_has(part, "NC") for part in choice) for choice in choices)


def conflict(source: str, derived: str) -> bool:
    """Whether no alternative of `source` lets data be derived under `derived`. Unknown terms are not judged here."""
    choices = _alternatives(source)
    if not choices:
        return False
    kept = {part for choice in _alternatives(derived) for part in choice}
    return not any(all(_allows(part, kept) for part in choice) for choice in choices)


def _allows(part: str, kept: set[str]) -> bool:
    if _has(part, "ND"):
        return False
    return not _is_reciprocal(part) or part in kept


def _is_reciprocal(part: str) -> bool:
    return _has(part, "SA") or part.startswith(_RECIPROCAL)


def _has(part: str, mark: str) -> bool:
    return part.startswith("CC-BY-") and mark in part.split("-")


def _alternatives(licence: str) -> list[tuple[str, ...]]:
    """The ways to satisfy the expression, each as identifiers. Nested brackets are read as one demand."""
    if says_nothing(licence):
        return []
    whole = canonical_licence(licence)
    choices = [whole] if "(" in whole else whole.split(" OR ")
    return [tuple(_parts(choice)) for choice in choices]


def _parts(choice: str) -> list[str]:
    words = choice.replace("(", " ").replace(")", " ").split()
    return [word for word in words if word not in ("AND", "OR", "WITH")]
