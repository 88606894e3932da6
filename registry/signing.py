"""The keyring this service signs with, opened once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from registry.devices import Device
from registry.keys import Keyring


def keyring() -> Keyring:
    """The service's keys. In development they are made at first use. Raises KeyringError when they cannot be read."""
    return _opened(settings.ASSAY_KEYS, settings.DEVELOPMENT, seal_device())


def seal_device() -> Device | None:
    """Where the seal key is, when `ASSAY_SIGNER` says that it is not in the folder."""
    if settings.ASSAY_SIGNER == "file":
        return None
    return Device(
        module=settings.ASSAY_PKCS11_MODULE,
        token=settings.ASSAY_PKCS11_TOKEN,
        label=settings.ASSAY_PKCS11_KEY,
        pin=settings.ASSAY_PKCS11_PIN,
    )


@lru_cache(maxsize=4)
def _opened(folder: Path, create: bool, device: Device | None) -> Keyring:  # noqa: FBT001  (lru_cache knows no names)
    return Keyring.open(folder, create=create, seal_device=device)
