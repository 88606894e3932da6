"""A model that is not held here but answers at an address: the small file that is registered in its place. Pure.

    {"assay_endpoint": 1,
     "protocol": "open-inference-2",
     "url": "https://models.example/v2/models/credit/infer",
     "model_digest": "sha256:…"}

`protocol` is `open-inference-2` (Open Inference Protocol, version 2, JSON over HTTP) or `mlflow` (the `/invocations` of
MLflow's scoring server). `model_digest` is the digest that whoever registers the version claims for the model behind
the address; every answer has to repeat it. That is a claim of the endpoint and no proof, and is recorded as such.
With the open protocol the rows go as one matrix of numbers, or with `"inputs": "columns"` as one tensor a column.
`"credential": "scoring"` names what the service proves itself with (`registry.credentials`); no secret belongs here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from registry.errors import InvalidInputError

MARK = "assay_endpoint"
MOST_BYTES = 8 << 10
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_INPUTS = ("matrix", "columns")
#: How a credential may be called.
CREDENTIAL = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class Protocol(StrEnum):
    """How the endpoint is asked."""

    OPEN_INFERENCE = "open-inference-2"
    MLFLOW = "mlflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and how a model is asked, and which model is claimed to answer."""

    protocol: Protocol
    url: str
    model_digest: str
    inputs: str = "matrix"
    credential: str = ""

    @classmethod
    def from_bytes(cls, content: bytes) -> Endpoint:
        """Read the registered file strictly. Raises InvalidInputError naming the entry that is wrong."""
        if len(content) > MOST_BYTES:
            raise _wrong("artifact", f"is larger than {MOST_BYTES >> 10} KiB")
        try:
            told = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _wrong("artifact", f"is no JSON: {error}") from None
        if not isinstance(told, dict) or told.pop(MARK, None) != 1:
            raise _wrong(MARK, "must be 1")
        inputs, credential = told.pop("inputs", "matrix"), told.pop("credential", "")
        if set(told) != {"protocol", "url", "model_digest"} or not all(isinstance(v, str) for v in told.values()):
            raise _wrong(
                "artifact", "must hold protocol, url and model_digest as texts, and inputs or credential if need be"
            )
        _require_usable(told, inputs, credential)
        return cls(
            protocol=Protocol(told["protocol"]),
            url=told["url"],
            model_digest=told["model_digest"],
            inputs=inputs,
            credential=credential,
        )


def _require_usable(told: dict[str, str], inputs: Any, credential: Any) -> None:
    """Raises InvalidInputError naming the entry."""
    if told["protocol"] not in list(Protocol):
        raise _wrong("protocol", f"must be one of {', '.join(Protocol)}")
    if inputs not in _INPUTS:
        raise _wrong("inputs", f"must be one of {', '.join(_INPUTS)}")
    if not isinstance(credential, str) or not (credential == "" or CREDENTIAL.fullmatch(credential)):
        raise _wrong("credential", "must be the name of a credential: small letters, digits and hyphens")
    if not _DIGEST.fullmatch(told["model_digest"]):
        raise _wrong("model_digest", "must be sha256:<64 hex digits>")
    parts = urlsplit(told["url"])
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None or parts.fragment:
        raise _wrong("url", "must be an https address without a user name")


def _wrong(field: str, problem: str) -> InvalidInputError:
    return InvalidInputError(f"The description of the endpoint cannot be used: {field} {problem}.", field=field)
