"""The only way this service calls another host: no private address by accident, no redirect, no endless answer."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from registry.credentials import Credential
from registry.errors import AssayError

TIMEOUT_SECONDS = 10
MAX_ANSWER = 1 << 16


class OutboundRefusedError(AssayError):
    """The address is not one that this service calls."""

    code = "outbound-refused"


class OutboundFailedError(AssayError):
    """The other host could not be reached or did not answer as it should."""

    code = "outbound-failed"
    retryable = True


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers by name in lower case, and the content as far as it was wanted."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def post(
    url: str,
    content: bytes,
    *,
    content_type: str,
    credential: Credential | None = None,
    seconds: float = TIMEOUT_SECONDS,
    most: int = MAX_ANSWER,
) -> Answer:
    """POST to `url`, and connect to exactly the address that was checked.

    HTTPS to public addresses only, except for hosts named in ASSAY_OUTBOUND_HOSTS. `seconds` bounds the whole exchange,
    however slowly the other side drips; no more than `most` bytes are read. `credential` goes to its own address alone,
    and over TLS (or to this host, in development). Raises OutboundRefusedError, OutboundFailedError or CredentialError;
    any status is an answer.
    """
    headers = {"Content-Type": content_type, **({} if credential is None else credential.headers)}
    return _exchange("POST", url, content, headers, seconds, most, credential)


def get(
    url: str, *, headers: Mapping[str, str] | None = None, seconds: float = TIMEOUT_SECONDS, most: int = MAX_ANSWER
) -> Answer:
    """GET, under the same conditions as `post`. Raises like `post`."""
    return _exchange("GET", url, None, headers or {}, seconds, most)


def _exchange(
    method: str,
    url: str,
    content: bytes | None,
    headers: Mapping[str, str],
    seconds: float,
    most: int,
    credential: Credential | None = None,
) -> Answer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    trusted = host in settings.ASSAY_OUTBOUND_HOSTS
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise OutboundRefusedError(f"{url} is no address that can be called.", field="url")
    if parts.scheme == "http" and not trusted:
        raise OutboundRefusedError(f"{host} would be called without TLS; name it in ASSAY_OUTBOUND_HOSTS.", field="url")
    if credential is not None and credential.url != url:
        raise OutboundRefusedError(f"The credential {credential.name} is not for {url}.", field="credential")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = _address(host, port, trusted=trusted)
        if credential is not None and parts.scheme == "http":
            _require_this_host(credential, address)
        caller = _connection(parts.scheme, host, port, address, credential)
        with _no_longer_than(seconds, caller):
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            caller.request(method, path, content, {**headers, "User-Agent": "assay"})
            answer = caller.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, answer.read(most), told)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise OutboundFailedError(f"{host} did not answer: {error}", field="url") from error


@contextmanager
def _no_longer_than(seconds: float, caller: http.client.HTTPConnection) -> Iterator[None]:
    """The time limit of a socket is for each read, which a slow sender never exceeds: so the connection is cut."""
    connection: socket.socket = caller.sock
    overdue = threading.Event()

    def cut() -> None:
        overdue.set()
        # Below TLS: closing that in an orderly way would wait for the other side again.
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    guard = threading.Timer(seconds, cut)
    guard.start()
    try:
        yield
    except (OSError, ValueError, http.client.HTTPException):
        if overdue.is_set():
            raise TimeoutError(f"no whole answer within {seconds:g} s") from None
        raise
    finally:
        guard.cancel()
        caller.close()
    if overdue.is_set():
        raise TimeoutError(f"no whole answer within {seconds:g} s")


def _address(host: str, port: int, *, trusted: bool) -> str:
    """The first address of `host`. Raises OutboundRefusedError if any of them is not public."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        # is_global is false for loopback, private, link-local, shared, reserved and documentation addresses.
        if not trusted and not ipaddress.ip_address(address.partition("%")[0]).is_global:
            raise OutboundRefusedError(f"{host} is at {address}, which is not a public address.", field="url")
    return found[0]


def _require_this_host(credential: Credential, address: str) -> None:
    """A secret in the clear stays on this host, and only in development. Raises OutboundRefusedError."""
    if not (settings.DEVELOPMENT and ipaddress.ip_address(address.partition("%")[0]).is_loopback):
        raise OutboundRefusedError(f"The credential {credential.name} is not sent without TLS.", field="credential")


def _connection(
    scheme: str, host: str, port: int, address: str, credential: Credential | None
) -> http.client.HTTPConnection:
    if scheme == "http":
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        connection.sock = socket.create_connection((address, port), TIMEOUT_SECONDS)
        return connection
    context = ssl.create_default_context() if credential is None else credential.context()
    secure = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    plain = socket.create_connection((address, port), TIMEOUT_SECONDS)
    secure.sock = context.wrap_socket(plain, server_hostname=host)
    return secure
