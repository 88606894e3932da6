"""Time-based one-time codes (RFC 6238): enrolled by the person, confirmed by somebody else, each code good for once."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.utils import timezone

from governance.models import TotpDevice
from registry.models import Person
from registry.signing import keyring

STEP_SECONDS = 30
DIGITS = 6
# One step to either side: clocks of telephones differ, and people type slowly.
DRIFT_STEPS = (0, -1, 1)
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The one moment in which the secret leaves: as text to type, and as the address that a QR code carries."""

    device: TotpDevice
    secret: str
    address: str


def new_enrolment(person: Person) -> Enrolment:
    """A device with a fresh secret, not yet confirmed."""
    secret = secrets.token_bytes(20)
    device = TotpDevice.objects.create(person=person, secret=_wrapped(secret, person), enrolled_at=timezone.now())
    text = base64.b32encode(secret).decode()
    label = quote(f"Assay:{person.get_username()}")
    return Enrolment(device, text, f"otpauth://totp/{label}?secret={text}&issuer=Assay&digits={DIGITS}")


def device_of(person: Person) -> TotpDevice | None:
    """The person's authenticator in use: confirmed and not retired."""
    return TotpDevice.objects.filter(person=person, confirmed_at__isnull=False, retired_at=None).first()


def accepts(device: TotpDevice, code: str) -> bool:
    """Whether `code` is one of this moment and newer than any used before; then it is used up.

    Takes part in the caller's transaction, and locks the device so that two requests cannot use the same code.
    """
    if not (code.isascii() and code.isdigit() and len(code) == DIGITS):
        return False
    device = TotpDevice.objects.select_for_update().get(pk=device.pk)
    totp = TOTP(_unwrapped(bytes(device.secret), device.person), DIGITS, SHA1(), STEP_SECONDS, enforce_key_length=False)  # noqa: S303
    now = int(timezone.now().timestamp()) // STEP_SECONDS
    for step in (now + drift for drift in DRIFT_STEPS):
        if step <= device.last_step:
            continue
        try:
            totp.verify(code.encode(), step * STEP_SECONDS)
        except InvalidToken:
            continue
        device.last_step = step
        device.save(update_fields=["last_step"])
        return True
    return False


def _wrapped(secret: bytes, owner: Person) -> bytes:
    """Encrypted for `owner` only: moved to another person's row it is worth nothing."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_wrapping_key()).encrypt(nonce, secret, owner.pseudonym.encode())


def _unwrapped(stored: bytes, owner: Person) -> bytes:
    try:
        return AESGCM(_wrapping_key()).decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], owner.pseudonym.encode())
    except InvalidTag:
        # A key that was lost or a row that was exchanged: no code can be right.
        return secrets.token_bytes(20)


def _wrapping_key() -> bytes:
    """The key beside the signing keys; made at the first enrolment."""
    path = settings.ASSAY_KEYS / "authenticators.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        keyring()  # its folder is made whole, by one rename, which needs that nothing lies there before
    # Written whole under another name, so that no other process ever reads half a key; the first one to link wins.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_bytes(AESGCM.generate_key(256))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()
