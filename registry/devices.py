"""A seal key that never leaves its device: a smart card, an HSM or a cloud service that speaks PKCS#11.

The device gets the digest and gives back the raw signature (CKM_ECDSA), which every device can do. Each signature is
held against the certificate before anybody sees it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from registry.errors import AssayError


class DeviceError(AssayError):
    """The device is not there, refuses, or holds another key than the certificate names."""

    code = "signing-device"


@dataclass(frozen=True, slots=True)
class Device:
    """Where the key is: the vendor's library, the token's label, the key's label, and the PIN that opens it."""

    module: str
    token: str
    label: str
    pin: str = field(repr=False)


class DeviceKey(ec.EllipticCurvePrivateKey):
    """The private key of `public`, of which only the signature can be had.

    The device is opened at the first signature in each process: libraries of devices do not survive a fork.
    """

    def __init__(self, device: Device, public: ec.EllipticCurvePublicKey) -> None:
        self._device, self._public = device, public
        self._lock, self._process = Lock(), 0
        self._key: Any = None

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA over SHA-256, in DER. Raises DeviceError."""
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("the device signs with ECDSA over SHA-256 only")
        with self._lock:
            signature = self._signed(hashlib.sha256(data).digest())
        try:
            self._public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise DeviceError(
                f"the key {self._device.label!r} on {self._device.token!r} is not that of the seal certificate"
            ) from None
        return signature

    def _signed(self, digest: bytes) -> bytes:
        import pkcs11  # noqa: PLC0415  (only who has a device loads it)
        from pkcs11.exceptions import PKCS11Error  # noqa: PLC0415

        try:
            if self._process != os.getpid():
                self._key, self._process = self._open(pkcs11), os.getpid()
            raw = self._key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        except (PKCS11Error, RuntimeError, OSError) as error:
            self._process = 0  # opened anew next time: a card may be back by then
            raise DeviceError(f"the device does not sign: {type(error).__name__} {error}".strip()) from error
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def _open(self, pkcs11: Any) -> Any:
        library = pkcs11.lib(self._device.module)
        if self._process:
            library.reinitialize()
        token = library.get_token(token_label=self._device.token)
        try:
            session = token.open(user_pin=self._device.pin)
        except pkcs11.UserAlreadyLoggedIn:  # another key of this process did; the token asks once a process
            session = token.open()
        return session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=self._device.label)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """That of the certificate."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """That of the public key."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """In bits."""
        return self._public.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:  # noqa: ARG002
        """Not what a seal key is for."""
        raise UnsupportedAlgorithm("a seal key signs, and nothing else")

    def private_numbers(self) -> NoReturn:
        """Cannot be had."""
        raise UnsupportedAlgorithm("the key never leaves its device")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002, ARG002
        """Cannot be had."""
        raise UnsupportedAlgorithm("the key never leaves its device")

    def __copy__(self) -> DeviceKey:
        """There is but one."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> DeviceKey:
        """There is but one."""
        return self
