"""How this service proves itself to a model that answers elsewhere. The secret stays in a file of the operator's.

`ASSAY_ENDPOINT_CREDENTIALS` is a folder with one file a credential, `<name>.json`, and the registered file of a version
names it (`"credential": "scoring"`). The name is all that records, ledger and the confined child ever hold.

    {"url": "https://models.example/invocations", "bearer": "…"}

`url` is the one address it is sent to: whoever registers another address under the same name is refused, and so cannot
have the secret sent to a host of their own. Instead of `bearer` there may be `basic` ({"username", "password"});
`certificate` and `key` (files in PEM in the same folder) for a server that asks for one; `authority`, the certificates
of the private authority that alone is trusted for this address.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from registry.endpoints import CREDENTIAL, Endpoint
from registry.errors import AssayError

_ENTRIES = {"url", "bearer", "basic", "certificate", "key", "authority"}
# What a header can carry: anything else would be quoted back in an error of the HTTP library.
_TOKEN = re.compile(r"[\x21-\x7e]{8,4096}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class CredentialError(AssayError):
    """A credential is missing, cannot be used, or is for another address."""

    code = "credential-unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """`authorization` is the header to send, "" for none; paths are those of PEM files, None for none."""

    name: str
    url: str
    authorization: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the request."""
        return {"Authorization": self.authorization} if self.authorization else {}

    def context(self) -> ssl.SSLContext:
        """TLS with this identity, trusting this authority alone where there is one. Raises CredentialError."""
        try:
            context = ssl.create_default_context(cafile=None if self.authority is None else str(self.authority))
            if self.certificate is not None:
                # Without a password to ask for: an encrypted key fails here instead of waiting at a terminal.
                context.load_cert_chain(self.certificate, self.key, password=lambda: b"")
        except (OSError, ValueError) as error:
            raise _unusable(
                self.name, f"its certificate, key or authority cannot be read ({type(error).__name__})"
            ) from None
        return context

    def is_in(self, content: bytes) -> bool:
        """Whether an answer repeats the secret, which nothing may record."""
        return any(secret.encode() in content for secret in self.secrets)


def credential_for(endpoint: Endpoint) -> Credential | None:
    """What the endpoint's registered file names, None where it names none. Raises CredentialError."""
    if not endpoint.credential:
        return None
    found = read_credential(endpoint.credential)
    if found.url != endpoint.url:
        raise _unusable(endpoint.credential, f"it is for another address than {endpoint.url}")
    return found


def read_credential(name: str) -> Credential:
    """The credential of that name. Raises CredentialError; no message ever holds what is in the file."""
    if not CREDENTIAL.fullmatch(name):
        raise _unusable(name[:64], "that is no name of a credential")
    if not settings.ASSAY_ENDPOINT_CREDENTIALS:
        raise _unusable(name, "ASSAY_ENDPOINT_CREDENTIALS names no folder")
    folder = Path(settings.ASSAY_ENDPOINT_CREDENTIALS)
    try:
        told = json.loads((folder / f"{name}.json").read_bytes())
    except OSError as error:
        raise _unusable(name, f"{name}.json cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _unusable(name, f"{name}.json is no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("url"), str) or not told.keys() <= _ENTRIES:
        raise _unusable(
            name, f"{name}.json must hold url, and of the rest only {', '.join(sorted(_ENTRIES - {'url'}))}"
        )
    if told.keys() == {"url"} or {"bearer", "basic"} <= told.keys() or ("certificate" in told) != ("key" in told):
        raise _unusable(name, f"{name}.json must hold bearer or basic, certificate with key, or authority")
    authorization, secrets = _authorization(name, told)
    files = {entry: _file(name, folder, told[entry]) for entry in ("certificate", "key", "authority") if entry in told}
    return Credential(name=name, url=told["url"], authorization=authorization, secrets=secrets, **files)


def credential_names() -> list[str]:
    """Every credential in the operator's folder. Raises CredentialError where the folder is not there."""
    if not settings.ASSAY_ENDPOINT_CREDENTIALS:
        return []
    folder = Path(settings.ASSAY_ENDPOINT_CREDENTIALS)
    if not folder.is_dir():
        raise CredentialError(f"The folder of endpoint credentials {folder} is not there.", field="credential")
    return sorted(path.stem for path in folder.glob("*.json"))


def exposed_files(credential: Credential) -> list[Path]:
    """Files with its secrets that everybody on this host can read."""
    held = Path(settings.ASSAY_ENDPOINT_CREDENTIALS, f"{credential.name}.json"), credential.key
    return [path for path in held if path is not None and path.stat().st_mode & stat.S_IROTH]


def _authorization(name: str, told: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """(header, every form of the secret that an answer must not repeat)."""
    if "bearer" in told:
        token = told["bearer"]
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise _unusable(name, "bearer must be 8 to 4,096 printable characters without a space")
        return f"Bearer {token}", (token,)
    if "basic" not in told:
        return "", ()
    pair = told["basic"]
    if not isinstance(pair, dict) or pair.keys() != {"username", "password"}:
        raise _unusable(name, "basic must hold username and password")
    user, password = pair["username"], pair["password"]
    if not isinstance(user, str) or not user or ":" in user or not isinstance(password, str) or not password:
        raise _unusable(name, "basic must hold two texts, and the username no colon")
    packed = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return f"Basic {packed}", (packed, password)


def _file(name: str, folder: Path, entry: Any) -> Path:
    if not isinstance(entry, str) or not _FILE.fullmatch(entry):
        raise _unusable(name, "certificate, key and authority must be names of files in the same folder")
    return folder / entry


def _unusable(name: str, problem: str) -> CredentialError:
    return CredentialError(f"The credential {name} cannot be used: {problem}.", field="credential")
