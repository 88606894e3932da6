"""What kind of file a model artifact is, judged by its first bytes and never by running it. Pure.

Files that execute code when they are opened (pickle and everything built on it) are refused, with the lines that
convert them. Scanning a pickle for bad opcodes is a deny-list and can be passed; not opening one cannot.
"""

from __future__ import annotations

import json
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from registry.conversions import converting_lines
from registry.endpoints import MARK, MOST_BYTES, Endpoint
from registry.errors import ArtifactRefusedError, InvalidInputError

MAX_UNPACKED_BYTES = 2 << 30
MAX_MEMBERS = 100_000
MAX_SCHEMA_BYTES = 64 << 20

_HEAD = 4096
_ONNX_TAGS = (b"\x12", b"\x1a", b"\x22", b"\x28", b"\x32", b"\x3a", b"\x42")
#: gzip, bzip2, xz, lzma, lz4 and joblib's own old zlib frame: joblib writes its pickles in any of these.
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"]\x00\x00", b"\x04\x22\x4d\x18", b"ZF")


class ArtifactFormat(StrEnum):
    """Formats that hold data and no code. Those in `SCORABLE` can be asked for predictions.

    The same words are the choices of `ModelVersion.artifact_format`; here no Django is needed to read a file.
    """

    SKOPS = "skops"
    ONNX = "onnx"
    XGBOOST_JSON = "xgboost-json"
    XGBOOST_UBJ = "xgboost-ubj"
    LIGHTGBM_TEXT = "lightgbm-text"
    REMOTE_ENDPOINT = "remote-endpoint"


SCORABLE = frozenset(ArtifactFormat)


def require_accepted(content: BinaryIO, *, declared: str) -> None:
    """Look at a seekable stream before it is kept. Raises what `sniff_format` raises."""
    sniff_format(content, declared=declared)


def sniff_format(content: BinaryIO | Path, *, declared: str | None = None) -> ArtifactFormat:
    """The format of a file or seekable stream, from its bytes.

    Raises ArtifactRefusedError for pickle, joblib, cloudpickle, dill and PyTorch files, whatever they are called, and
    for zip bombs; InvalidInputError when it is empty, of no known format, or not of the `declared` one.
    """
    if isinstance(content, Path):
        with content.open("rb") as stream:
            return sniff_format(stream, declared=declared)
    content.seek(0)
    head = content.read(_HEAD)
    if not head:
        raise InvalidInputError("The artifact is empty.", field="artifact")
    content.seek(-1, 2)
    last = content.read(1)
    content.seek(0)
    # Bytes before sizes: a pickle with an archive appended to it is still a pickle to whoever opens it as one.
    found = _format_of_zip(content) if head.startswith(b"PK\x03\x04") else _format_of_bytes(head, last)
    if found is ArtifactFormat.REMOTE_ENDPOINT:
        content.seek(0)
        Endpoint.from_bytes(content.read(MOST_BYTES + 1))
        content.seek(0)
    if declared is not None and declared != found:
        raise InvalidInputError(f"The artifact is declared as {declared} but is {found}.", field="artifact_format")
    return found


def require_scorable(found: ArtifactFormat) -> None:
    """Raises ArtifactRefusedError unless predictions can be asked from this format."""
    if found not in SCORABLE:
        raise ArtifactRefusedError(
            f"{found} cannot be asked for predictions: give one of {', '.join(sorted(SCORABLE))}, or tag a column of "
            "the evaluation data as prediction.",
            field="artifact_format",
        )


def _format_of_bytes(head: bytes, last: bytes) -> ArtifactFormat:
    """By magic bytes. A binary pickle begins with PROTO (0x80, version ≤ 5); a text pickle ends with STOP (".")."""
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 0x05:  # noqa: PLR2004 - highest pickle protocol
        raise _executable("a pickle (pickle, joblib, cloudpickle or dill)", converting_lines(head))
    if head.startswith(_COMPRESSED) or _is_zlib(head):
        raise _executable("a compressed file, as joblib writes its pickles,", converting_lines(head, "joblib"))
    if head.startswith(b"tree\n") and b"version=" in head:
        return ArtifactFormat.LIGHTGBM_TEXT
    if head.lstrip()[:1] == b"{" and MARK.encode() in head:
        return ArtifactFormat.REMOTE_ENDPOINT
    if head.lstrip()[:1] == b"{" and b'"learner"' in head:
        return ArtifactFormat.XGBOOST_JSON
    if head[:1] == b"{" and b"learner" in head[:64]:
        return ArtifactFormat.XGBOOST_UBJ
    if _looks_like_onnx(head):
        return ArtifactFormat.ONNX
    if last == b"." and head[:1] in b"(cI]}lN":
        raise _executable("a text pickle", converting_lines(head))
    raise InvalidInputError(
        f"The artifact is of no known format: give one of {', '.join(ArtifactFormat)}.", field="artifact"
    )


def _is_zlib(head: bytes) -> bool:
    """RFC 1950: method deflate, and both header bytes together a multiple of 31."""
    return head[:1] == b"x" and int.from_bytes(head[:2], "big") % 31 == 0


def _executable(kind: str, way_out: str) -> ArtifactRefusedError:
    return ArtifactRefusedError(f"This is {kind}: opening it runs code, so it is refused. {way_out}", field="artifact")


def _too_large(what: str) -> ArtifactRefusedError:
    return ArtifactRefusedError(f"The archive unpacks to {what}, larger than any honest model.", field="artifact")


def _looks_like_onnx(head: bytes) -> bool:
    """A ModelProto begins with field 1 (ir_version, a varint below 32), then a known field of the message."""
    return head[:1] == b"\x08" and head[1:2] < b"\x20" and head[2:3] in _ONNX_TAGS


def _format_of_zip(content: BinaryIO) -> ArtifactFormat:
    try:
        with zipfile.ZipFile(content) as archive:
            members = archive.infolist()
            _refuse_bomb(members)
            for member in members:
                _refuse_pickle_inside(archive, member)
            names = {member.filename for member in members}
            if "schema.json" in names and _is_skops_schema(archive):
                return ArtifactFormat.SKOPS
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise InvalidInputError(f"The archive cannot be read: {error}.", field="artifact") from error
    raise InvalidInputError("The archive is no skops file: write it with skops.io.dump.", field="artifact")


def _refuse_bomb(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise _too_large(f"more than {MAX_UNPACKED_BYTES >> 20} MiB or {MAX_MEMBERS} members")


def _refuse_pickle_inside(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """PyTorch and pickled pipelines hide one in an archive; skops itself only ever writes .json, .npy and .npz."""
    suffix = Path(member.filename).suffix.lower()
    with archive.open(member) as stream:
        head = stream.read(_HEAD)
    names_one = suffix in (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")
    if names_one or (len(head) > 1 and head[0] == 0x80 and head[1] <= 0x05):  # noqa: PLR2004 - pickle PROTO
        if any(Path(name).name == "MLmodel" for name in archive.namelist()):
            raise _executable("an MLflow model with a pickle in it", converting_lines(head, "mlflow"))
        if member.filename.endswith("data.pkl"):
            raise _executable("a PyTorch archive", converting_lines(head, "torch"))
        raise _executable("an archive with a pickle in it", converting_lines(head))


def _is_skops_schema(archive: zipfile.ZipFile) -> bool:
    """Skops writes its protocol and version beside the object tree."""
    if archive.getinfo("schema.json").file_size > MAX_SCHEMA_BYTES:
        raise _too_large(f"a schema of more than {MAX_SCHEMA_BYTES >> 20} MiB")
    try:
        schema = json.loads(archive.read("schema.json"))
    except (ValueError, RecursionError):
        return False
    return isinstance(schema, dict) and "protocol" in schema and "_skops_version" in schema and "__class__" in schema
