"""How bodies are read: strict JSON, policy texts, raw content; and how the answer's form is chosen."""

# ruff: noqa: ARG002 - DRF hands its parsers and negotiators more than these need
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from rest_framework import negotiation, parsers, serializers
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from governance.api.errors import BodyTooLargeError, LengthRequiredError
from registry import strict_json

_CHUNK = 1 << 20
_IN_MEMORY = 4 << 20


class JSONBody(parsers.BaseParser):
    """UTF-8 JSON as RFC 8259 means it: no NaN, no repeated member, no NUL, no lone surrogate, no endless body."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value. Raises ParseError or BodyTooLargeError."""
        content = read_limited(stream)
        try:
            return strict_json.loads(content.decode())
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


class PolicyBody(parsers.BaseParser):
    """A policy sent as it is, in YAML: the same as `{"source": "<the text>"}`."""

    media_type = "application/yaml"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The text as the one field of the body. Raises ParseError or BodyTooLargeError."""
        try:
            source = read_limited(stream).decode()
        except UnicodeDecodeError:
            raise ParseError("A policy text is UTF-8.") from None
        if strict_json.UNSTORABLE.search(source):
            raise ParseError("A policy text has no NUL.")
        return {"source": source}


class RawBody(parsers.BaseParser):
    """Content that is streamed to where it is kept, never held in memory as a whole."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The stream itself."""
        if (media_type or "").startswith("multipart/"):
            raise UnsupportedMediaType(
                media_type or "", "Send the bytes themselves as the body (curl -T FILE), not a form."
            )
        return stream


class JSONAlways(negotiation.DefaultContentNegotiation):
    """Everything answers JSON unless a view says otherwise; `?format=` belongs to the views that offer several."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer of the view, whatever was asked for."""
        return renderers[0], renderers[0].media_type


class StrictSerializer(serializers.Serializer[Any]):
    """A body with exactly the fields that are declared: a misspelt one is an error, not silence."""

    def to_internal_value(self, data: Any) -> Any:
        """The validated fields. Raises ValidationError for an unknown field too."""
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                known = ", ".join(self.fields)
                raise serializers.ValidationError(
                    {name: [f"There is no such field; the fields are {known}."] for name in unknown}
                )
        return super().to_internal_value(data)


class SignedBody(StrictSerializer):
    """The credential comes in the same request as what it signs."""

    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, allow_blank=True, write_only=True, default=""
    )
    otp = serializers.CharField(max_length=12, allow_blank=True, write_only=True, default="")


def read_limited(stream: IO[Any]) -> bytes:
    """The whole body. Raises BodyTooLargeError."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    content: bytes = stream.read(limit + 1)
    if len(content) > limit:
        raise BodyTooLargeError(f"The body is longer than {limit} bytes.")
    return content


@contextmanager
def spooled_content(request: Request) -> Iterator[BinaryIO]:
    """The raw content of an upload as a seekable file, for as long as the block lasts; empty when nothing was sent.

    It is read to its end before any verb opens a transaction: a slow sender must not hold a lock.
    Raises LengthRequiredError or BodyTooLargeError.
    """
    limit: int = settings.ASSAY_MAX_ARTIFACT_BYTES
    # A chunked body without a length looks empty to WSGI, and must not be taken for an empty file.
    if "Content-Length" not in request.headers and request.headers.get("Transfer-Encoding"):
        raise LengthRequiredError("Send the content with a Content-Length.")
    announced = request.headers.get("Content-Length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLargeError(f"The content is larger than the allowed {limit} bytes.", field="content")
    stream = request.data
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        if hasattr(stream, "read"):
            shutil.copyfileobj(stream, copy, _CHUNK)
        copy.seek(0)
        yield cast("BinaryIO", copy)
