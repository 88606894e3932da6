"""The one who asks on behalf of a child that has no network: only the registered endpoints, only so much, only so long.

Each question goes by POST to the address in the file that was registered for the version, and nowhere else: the child
names the version, never an address. What the service proves itself with is read here for each question
(`registry.credentials`) and never reaches the child. `registry.outbound` connects to public addresses only and follows
no redirect. The content of an answer is not looked at here, except for a repeated secret; it is handed to the child,
which is the one that may break over it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audits.evidence import Evidence, ModelEvidence
from audits.questions import ANSWERED, REFUSED, addressed, announced, framed, unframed
from registry.artifacts import ArtifactFormat
from registry.endpoints import Endpoint
from registry.errors import AssayError

if TYPE_CHECKING:
    from registry.outbound import Answer

MOST_QUESTIONS, MOST_QUESTION_BYTES, MOST_ANSWER_BYTES, MOST_BYTES = 5_000, 16 << 20, 16 << 20, 1 << 30
SECONDS_EACH = 30.0
#: The header in which an endpoint says which model answered; with the open protocol it may also be a parameter.
DIGEST_HEADER = "assay-model-digest"
_PIECE, _OK, _NOT_ADMITTED = 1 << 20, 200, (401, 403)


class Broker:
    """Serves one child. `line` is the service's end of the conversation, `theirs` the end for the child."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = dict(endpoints)
        self.line, self.theirs = socket.socketpair()
        self._received = bytearray()
        self._bytes = self.questions = 0

    @classmethod
    def for_evidence(cls, evidence: Evidence) -> Broker | None:
        """A broker for the endpoints among the models; None where there is none. Raises AssayError for a bad file."""
        models = [model for model in (evidence.model, evidence.reference_model) if model is not None]
        endpoints = {model.digest: endpoint for model in models if (endpoint := _endpoint(model)) is not None}
        return cls(endpoints) if endpoints else None

    def serve(self, deadline: float) -> bool:
        """Take what has come and answer every whole question. False when the child has closed its end or misbehaves."""
        try:
            self.line.settimeout(max(0.001, deadline - time.monotonic()))
            piece = self.line.recv(_PIECE)
            self._received += piece
            if not piece or announced(self._received) > MOST_QUESTION_BYTES:
                return False
            while (question := unframed(self._received)) is not None:
                self.line.settimeout(max(0.001, deadline - time.monotonic()))
                self.line.sendall(framed(self._answered(question, deadline - time.monotonic())))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Both ends."""
        self.line.close()
        self.theirs.close()

    def told(self) -> dict[str, Any]:
        """For the observation: whom it asked, and what these claim to be."""
        return {
            artifact: {
                "url": endpoint.url,
                "claimed": endpoint.model_digest,
                **({"credential": endpoint.credential} if endpoint.credential else {}),
            }
            for artifact, endpoint in sorted(self._endpoints.items())
        }

    def _answered(self, question: bytes, remaining: float) -> bytes:
        # These know Django, which nothing else here needs.
        from registry import outbound  # noqa: PLC0415
        from registry.credentials import credential_for  # noqa: PLC0415

        artifact, body = addressed(question)
        endpoint = self._endpoints.get(artifact)
        self.questions += 1
        self._bytes += len(body)
        if endpoint is None:
            return REFUSED + b"no endpoint is registered for this model"
        if self.questions > MOST_QUESTIONS or self._bytes > MOST_BYTES:
            return REFUSED + f"more than {MOST_QUESTIONS} questions or {MOST_BYTES >> 20} MiB were asked".encode()
        try:
            credential = credential_for(endpoint)
            answer = outbound.post(
                endpoint.url,
                body,
                content_type="application/json",
                credential=credential,
                seconds=max(0.001, min(SECONDS_EACH, remaining)),
                most=MOST_ANSWER_BYTES + 1,
            )
        except AssayError as error:
            return REFUSED + str(error).encode()
        claimed = answer.headers.get(DIGEST_HEADER, "").replace("\n", " ")
        wrong = _wrong_with(answer, endpoint)
        if credential is not None and credential.is_in(answer.content + claimed.encode()):
            wrong = "repeats the credential in its answer"
        if wrong:
            return REFUSED + f"{endpoint.url} {wrong}".encode()
        self._bytes += len(answer.content)
        return ANSWERED + claimed.encode("ascii", errors="replace") + b"\n" + answer.content


def _wrong_with(answer: Answer, endpoint: Endpoint) -> str:
    """Why an answer is not handed to the child, or ""."""
    if answer.status in _NOT_ADMITTED and endpoint.credential:
        return f"answered with status {answer.status}: it does not admit the credential {endpoint.credential}"
    if answer.status in _NOT_ADMITTED:
        return f"answered with status {answer.status}: it asks for a credential, and the registered file names none"
    if answer.status != _OK:
        return f"answered with status {answer.status}"
    if len(answer.content) > MOST_ANSWER_BYTES:
        return f"answered with more than {MOST_ANSWER_BYTES >> 20} MiB"
    return ""


def _endpoint(model: ModelEvidence) -> Endpoint | None:
    if model.format != ArtifactFormat.REMOTE_ENDPOINT or model.path is None:
        return None
    return Endpoint.from_bytes(Path(model.path).read_bytes())
