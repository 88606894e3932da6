"""What a copy looks like on disk: parts, and a manifest that is written last and names each of them by digest.

A copy is a folder or a plain tar with the same names inside. It appears under its name when it is whole, not before.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from registry import strict_json
from registry.canonical import is_digest
from registry.errors import AssayError

SCHEMA = "assay.backup/1"
MANIFEST = "manifest.json"
CHECKPOINT = "checkpoint"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
Progress = Callable[[str, int, int], None]

_CHUNK = 1 << 20
_KEY_FILE = re.compile(r"keys/[A-Za-z0-9_-][A-Za-z0-9._-]*")


class BackupError(AssayError):
    """A copy could not be made or put back; nothing was changed."""

    code = "backup"


class BackupBrokenError(BackupError):
    """The copy is not whole, or not the one its manifest describes."""

    code = "backup-broken"


class BackupOutdatedError(BackupError):
    """The ledger is known elsewhere to be longer than in this copy: putting it back would cut it."""

    code = "backup-outdated"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a copy. `digest` is sha256:<hex>, `size` counts bytes."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy holds. `left_out` names content that was erased while the copy was made."""

    made_at: str
    product: str
    engine: str
    ledger_size: int
    ledger_root: str
    parts: tuple[Part, ...]
    left_out: tuple[str, ...] = ()

    @property
    def content(self) -> bytes:
        """The file."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1).encode()

    @property
    def names(self) -> frozenset[str]:
        """The names of all parts."""
        return frozenset(part.name for part in self.parts)

    def named(self, name: str) -> Part:
        """The part of that name. Raises BackupBrokenError."""
        for part in self.parts:
            if part.name == name:
                return part
        raise BackupBrokenError(f"The manifest names no {name}.", field=MANIFEST)

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Read the file. Raises BackupBrokenError."""
        try:
            told = strict_json.loads(content.decode())
            if told.pop("schema") != SCHEMA:
                raise BackupBrokenError(f"The manifest is not of schema {SCHEMA}.", field=MANIFEST)
            parts = tuple(Part(**part) for part in told.pop("parts"))
            manifest = cls(parts=parts, left_out=tuple(told.pop("left_out")), **told)
            sound = manifest.engine in DATABASES and all(map(_is_part, parts)) and manifest.ledger_size >= 0
            bytes.fromhex(manifest.ledger_root)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupBrokenError(f"The manifest cannot be read: {error!r}", field=MANIFEST) from error
        if not sound or len(manifest.names) != len(parts):
            raise BackupBrokenError("The manifest names something that no copy holds, or names it twice.")
        return manifest


def evidence_name(content_digest: str) -> str:
    """Where a copy keeps the content of that digest."""
    return f"evidence/sha256/{content_digest.removeprefix('sha256:')}"


def _is_part(part: Part) -> bool:
    known = (
        part.name in {CHECKPOINT, *DATABASES.values()}
        or bool(_KEY_FILE.fullmatch(part.name))
        or part.name == evidence_name(part.digest)
    )
    return known and is_digest(part.digest) and part.size >= 0


# -- Writing ----------------------------------------------------------------------------------------------------------
class Writer(Protocol):
    """Takes the parts of a copy one by one."""

    def add(self, name: str, stream: BinaryIO) -> Part:
        """Write what is left of `stream` under `name`. The file has no more bytes than it had at the beginning."""


class _FolderWriter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, stream: BinaryIO) -> Part:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            part = copy_stream(name, stream, target)
            target.flush()
            os.fsync(target.fileno())
        return part


class _TarWriter:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar

    def add(self, name: str, stream: BinaryIO) -> Part:
        about = tarfile.TarInfo(name)
        about.size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        about.mode, about.mtime = 0o600, int(time.time())
        hashed = _Hashed(stream)
        self.tar.addfile(about, hashed)
        return Part(name, about.size, f"sha256:{hashed.running.hexdigest()}")


class _Hashed(io.RawIOBase):
    """Passes on what it reads, and keeps the running digest of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.running = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self.stream.read(size)
        self.running.update(content)
        return content


@contextmanager
def new_copy(target: Path) -> Iterator[Writer]:
    """Write beside `target`, then move into place in one step; nothing stays when the block raises.

    A name that ends with .tar makes a tar, any other one a folder. Raises BackupError where something is there already.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise BackupError(f"{target} is there already; name another place.", field="target")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}.", field="target")
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.suffix == ".tar":
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    yield _TarWriter(tar)
                stream.flush()
                os.fsync(stream.fileno())
        else:
            draft.mkdir(mode=0o700)
            yield _FolderWriter(draft)
        draft.rename(target)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
        draft.unlink(missing_ok=True)


def copy_stream(name: str, source: IO[bytes], target: IO[bytes]) -> Part:
    """Copy to the end and say what was copied."""
    running, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        running.update(chunk)
        target.write(chunk)
        size += len(chunk)
    return Part(name, size, f"sha256:{running.hexdigest()}")


# -- Reading ----------------------------------------------------------------------------------------------------------
class Reader:
    """A copy that somebody has. Names are taken from the manifest only, never from the copy."""

    def __init__(self, names: frozenset[str], opened: Callable[[str], IO[bytes]]) -> None:
        self._open = opened
        if MANIFEST not in names:
            raise BackupBrokenError("The copy has no manifest: it is half-written, cut short, or no copy of Assay.")
        with self._open(MANIFEST) as stream:
            self.content = stream.read()
        self.manifest = Manifest.parse(self.content)
        differing = sorted(self.manifest.names ^ (names - {MANIFEST}))
        if differing:
            word = "misses" if differing[0] in self.manifest.names else "holds, without naming it,"
            raise BackupBrokenError(f"The copy {word} {differing[0]}.", field=differing[0])

    def read_into(self, part: Part, target: IO[bytes]) -> None:
        """Copy one part, and compare it with the manifest. Raises BackupBrokenError."""
        try:
            with self._open(part.name) as stream:
                found = copy_stream(part.name, stream, target)
        except tarfile.ReadError as error:
            raise BackupBrokenError(f"{part.name} is cut short: {error}", field=part.name) from error
        if found != part:
            raise BackupBrokenError(
                f"{part.name} is not what the manifest says: altered or cut short.", field=part.name
            )

    def check(self, progress: Progress) -> None:
        """Compare every part with the manifest. Raises BackupBrokenError naming the first that differs."""
        total, done = sum(part.size for part in self.manifest.parts), 0
        with Path(os.devnull).open("wb") as nowhere:
            for part in self.manifest.parts:
                self.read_into(part, nowhere)
                done += part.size
                progress("bytes compared", done, total)


@contextmanager
def open_copy(source: Path) -> Iterator[Reader]:
    """Read a folder or tar. Raises BackupError where there is none, BackupBrokenError where it is not whole."""
    if source.is_dir():
        paths = [path for path in source.rglob("*") if path.is_symlink() or not path.is_dir()]
        if any(path.is_symlink() for path in paths):
            raise BackupBrokenError("The copy holds a symbolic link.")
        names = frozenset(str(path.relative_to(source)) for path in paths)
        yield Reader(names, lambda name: (source / name).open("rb"))
        return
    if not source.is_file():
        raise BackupError(f"There is no copy at {source}.", field="source")
    try:
        with tarfile.open(source, "r:") as tar:
            members = {member.name: member for member in tar.getmembers()}
            if len(members) != len(tar.getmembers()) or not all(member.isreg() for member in members.values()):
                raise BackupBrokenError("The tar holds a name twice, or something that is no file.")
            yield Reader(frozenset(members), lambda name: _member(tar, members[name]))
    except tarfile.TarError as error:
        raise BackupBrokenError(f"{source} is no tar, or cut short: {error}") from error


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(member)
    if stream is None:
        raise BackupBrokenError(f"{member.name} is no file.", field=member.name)
    return stream
