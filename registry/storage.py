"""The evidence store: content by digest. What it returns was verified against its name at that moment."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone

from registry.canonical import digest, digest_file
from registry.errors import ContentErasedError, DigestMismatchError, EvidenceMissingError, InvalidInputError
from registry.models import Blob, ErasedBlob

_CHUNK = 1 << 20


def store_bytes(content: bytes, *, media_type: str) -> Blob:
    """Keep `content` under its digest. Storing the same content twice is one blob."""
    return store_stream(io.BytesIO(content), media_type=media_type, declared=digest(content))


def store_stream(stream: BinaryIO, *, media_type: str, declared: str, limit: int | None = None) -> Blob:
    """Read `stream` to its end, check it against `declared` and keep it.

    Raises InvalidInputError for an empty or too large stream, DigestMismatchError when the content is another one.
    Nothing is kept in either case.
    """
    running, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile() as copy:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if limit is not None and size > limit:
                raise InvalidInputError(f"The content is larger than the allowed {limit} bytes.", field="content")
            running.update(chunk)
            copy.write(chunk)
        if size == 0:
            raise InvalidInputError("The content is empty.", field="content")
        found = f"sha256:{running.hexdigest()}"
        if found != declared:
            raise DigestMismatchError(f"Declared was {declared}, but the content is {found}.", field="digest")
        existing = Blob.objects.filter(digest=found).first()
        if existing is not None and default_storage.exists(path_of(found)):
            return existing
        copy.flush()
        copy.seek(0)
        default_storage.save(path_of(found), File(copy))
    if existing is not None:
        return existing
    blob = Blob(digest=found, size=size, media_type=media_type, created_at=timezone.now())
    blob.save()
    return blob


def holds(content_digest: str) -> bool:
    """Whether content of this digest was stored, and not erased since."""
    return Blob.objects.filter(digest=content_digest).exists() and not is_erased(content_digest)


def is_erased(content_digest: str) -> bool:
    """Whether the content was erased with a person's data."""
    return ErasedBlob.objects.filter(digest=content_digest).exists()


def erase(content_digest: str) -> None:
    """Have the content be gone from now on. The file itself goes with `delete_erased`, after the transaction."""
    if not is_erased(content_digest):
        ErasedBlob(digest=content_digest, erased_at=timezone.now()).save()


def delete_erased() -> int:
    """Delete the files of all erased content that are still there; may be repeated. Returns how many."""
    names = [path_of(digest) for digest in ErasedBlob.objects.values_list("digest", flat=True)]
    present = [name for name in names if default_storage.exists(name)]
    for name in present:
        default_storage.delete(name)
    return len(present)


def read_bytes(content_digest: str) -> bytes:
    """The content. Raises EvidenceMissingError or DigestMismatchError."""
    with local_copy(content_digest) as path:
        return path.read_bytes()


@contextmanager
def local_copy(content_digest: str) -> Iterator[Path]:
    """A path to read the content from while the block runs; verified against its digest just now.

    Raises EvidenceMissingError, ContentErasedError or DigestMismatchError.
    """
    with unverified_copy(content_digest) as path:
        if digest_file(path) != content_digest:
            raise DigestMismatchError(f"The stored content of {content_digest} was changed.", field="digest")
        yield path


@contextmanager
def unverified_copy(content_digest: str) -> Iterator[Path]:
    """As `local_copy`, but whatever lies there now: for whoever compares it with its name themselves."""
    name = path_of(content_digest)
    if is_erased(content_digest):
        raise ContentErasedError(f"{content_digest} held data of a person who was erased.", field="digest")
    if not default_storage.exists(name):
        raise EvidenceMissingError(f"The evidence store has no {content_digest}.", field="digest")
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:  # remote storage
        with tempfile.NamedTemporaryFile() as copy:
            with default_storage.open(name) as stream:
                for chunk in stream.chunks(_CHUNK):
                    copy.write(chunk)
            copy.flush()
            yield Path(copy.name)
        return
    yield path


def path_of(content_digest: str) -> str:
    """Where the store keeps the content of that digest. Raises InvalidInputError."""
    hexadecimal = content_digest.removeprefix("sha256:")
    if len(hexadecimal) != 64 or not hexadecimal.isalnum():  # noqa: PLR2004  (SHA-256 in hex)
        raise InvalidInputError(f"{content_digest!r} is not sha256:<64 hex digits>.", field="digest")
    return f"sha256/{hexadecimal[:2]}/{hexadecimal}"
