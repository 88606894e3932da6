"""What the parts of the verifier share: the three verdicts, what was checked so far, libraries that may be missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

AUTHENTIC, TAMPERED, UNVERIFIABLE = 0, 1, 2
VERDICTS = {AUTHENTIC: "authentic", TAMPERED: "tampered", UNVERIFIABLE: "cannot-be-verified"}


class TamperedError(Exception):
    """Something disagrees with what was sealed, signed or stated."""


class UnverifiableError(Exception):
    """The question cannot be answered."""


@dataclass
class Outcome:
    """What was checked so far (`held`), what was not and why (`skipped`), and how it ended."""

    exit_code: int = UNVERIFIABLE
    problem: str = ""
    held: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def library(module: str) -> Any:
    """Import late, so that a missing library is a readable answer and not a traceback."""
    try:
        return __import__(module, fromlist=["_"])
    except ImportError as error:
        missing(error)


def missing(error: ImportError) -> NoReturn:
    """Say what to install."""
    raise UnverifiableError(f"a library is missing ({error.name or error}): pip install pyhanko") from None
