"""The keyring this service signs with, opened once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from registry.keys import Keyring


def keyring() -> Keyring:
    """The service's keys. In development they are made at first use. Raises KeyringError when they cannot be read."""
    return _opened(settings.ASSAY_KEYS, settings.DEVELOPMENT)


@lru_cache(maxsize=4)
def _opened(folder: Path, create: bool) -> Keyring:  # noqa: FBT001  (lru_cache knows arguments by position)
    return Keyring.open(folder, create=create)
