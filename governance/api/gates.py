"""`/gates/{stage}/`: may this exact version go to this stage, now? And the signed statement behind the answer.

Whatever is unknown, undecided, expired, unsigned or broken is closed. Only a refused caller gets no answer at all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException

from governance import decisions
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.conditional import conditional
from governance.api.errors import FormatUnavailableError, ScopeMissingError, TokenTiedError
from governance.api.problems import MEDIA_TYPE, problem
from governance.api.promotion_documents import ANY_OBJECT
from governance.api.schema import IF_NONE_MATCH
from governance.api.visibility import caller, models_for, require_tie
from governance.models import GateDecision
from registry import dsse, receipts
from registry.authority import require
from registry.canonical import is_digest
from registry.errors import PermissionRefusedError, UnknownSubjectError
from registry.models import ModelVersion, RegisteredModel

log = logging.getLogger("assay.gate")

READ_GATE = "registry.read_gate"
MAX_WAIT_SECONDS = 60
_POLL_SECONDS = 0.5
# A long poll occupies a thread of the web server. Callers beyond this are answered at once and told to come back.
_waiters = threading.BoundedSemaphore(4)

_UNANSWERED = (PermissionRefusedError, ScopeMissingError, TokenTiedError, APIException)


class GateQuestion(serializers.Serializer[Any]):
    """The query of a gate: a version by name, by digest, or by both, which then have to agree."""

    model = serializers.CharField(max_length=80, required=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    digest = serializers.CharField(max_length=71, required=False, help_text="sha256:<hex> of the artifact")
    enforce = serializers.ChoiceField(
        choices=("0", "1"), default="0", help_text="1: closed is 409, unknown 404, not evaluable 503"
    )
    wait = serializers.IntegerField(
        min_value=0, max_value=MAX_WAIT_SECONDS, default=0, help_text="Seconds to wait while checks run"
    )

    def to_internal_value(self, data: Any) -> Any:
        """Refuses unknown parameters, which a pipeline would otherwise believe to be heeded."""
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            raise serializers.ValidationError({name: ["There is no such parameter."] for name in unknown})
        return super().to_internal_value(data)

    def validate_digest(self, value: str) -> str:
        """One spelling only."""
        if not is_digest(value):
            raise serializers.ValidationError("A digest is sha256:<64 lower-case hex digits>.")
        return value

    def validate(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
        """A name is complete, or there is a digest."""
        if ("model" in attrs) != ("version" in attrs):
            missing = "version" if "model" in attrs else "model"
            raise serializers.ValidationError({missing: "Give model and version together."})
        if "model" not in attrs and "digest" not in attrs:
            raise serializers.ValidationError({"model": "Give model and version, or digest."})
        return attrs


class GateDocument(serializers.Serializer[Any]):
    """The answer. `decision` is `open` or `closed`; `pending` says that waiting may help."""

    decision = serializers.ChoiceField(choices=("open", "closed"))
    stage = serializers.CharField()
    pending = serializers.BooleanField()
    blocking = serializers.ListField(child=serializers.DictField())
    missing_reviews = serializers.ListField(child=serializers.DictField())
    policy = serializers.DictField(allow_null=True)
    subject = serializers.DictField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    decision_id = serializers.UUIDField(allow_null=True)
    attestation = serializers.CharField(allow_null=True)
    receipt = serializers.CharField(
        allow_null=True, help_text="A C2SP tlog-proof of the ledger entry that tells of the decision. Keep it."
    )


EXAMPLE = OpenApiExample(
    "Open",
    value={
        "decision": "open",
        "stage": "production",
        "pending": False,
        "blocking": [],
        "missing_reviews": [],
        "policy": {"slug": "high_risk", "version": 1, "digest": "sha256:" + "1" * 64},
        "subject": {"model": "care-priority", "version": 2, "digest": "sha256:" + "0" * 64},
        "decided_at": "2026-11-21T07:00:00.000000Z",
        "valid_until": "2026-12-21T07:00:00.000000Z",
        "decision_id": "8f14e45f-ceea-467f-9575-25ebf5a6cb1a",
        "attestation": "/api/v1/decisions/8f14e45f-ceea-467f-9575-25ebf5a6cb1a/attestation/",
        "receipt": "c2sp.org/tlog-proof@v1\n…",
    },
    response_only=True,
    status_codes=["200"],
)


class GateRead(ApiView):
    """The gate of one stage."""

    scopes = {"GET": (Scope.GATE_READ,)}
    serializer_class = GateDocument
    filter_backends = ()

    @extend_schema(
        summary="Ask a gate",
        tags=["gates"],
        parameters=[GateQuestion, IF_NONE_MATCH],
        responses={200: GateDocument},
        examples=[EXAMPLE],
    )
    def get(self, request: Request, stage: str) -> Response:
        """Evaluated again at this moment: age of evidence, waivers, reviewers' roles, withdrawn data, recalls."""
        question = GateQuestion(data=request.query_params.dict())
        question.is_valid(raise_exception=True)
        asked = question.validated_data
        try:
            answer = _answer(request, stage, asked)
        except _UNANSWERED:
            raise
        except Exception:  # whatever goes wrong here, the answer of a gate must not be open
            log.exception("the gate %s could not be evaluated", stage)
            answer = _closed("evaluation-failed", "The gate could not be evaluated; it stays closed.")
        document = {"stage": stage, **answer.document()}
        if asked["enforce"] == "1" and not answer.is_open:
            return _enforced(request, document)
        response = conditional(request, document)
        if answer.pending:
            response["Retry-After"] = "5"
        return response


_STATEMENTS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "dsse": lambda decision: decision.envelope,
    "summary": lambda decision: decision.summary,
    "sigstore": lambda decision: dsse.sigstore_bundle(decision.envelope),
    "sigstore-summary": lambda decision: dsse.sigstore_bundle(decision.summary),
}


class AttestationRead(ApiView):
    """The signed statement of one decision."""

    scopes = {"GET": (Scope.GATE_READ, Scope.REPORT_READ)}
    serializer_class = GateDocument

    @extend_schema(
        summary="Read the attestation of a decision",
        tags=["gates"],
        parameters=[
            OpenApiParameter(
                "format",
                OpenApiTypes.STR,
                enum=tuple(_STATEMENTS),
                description="dsse: every reason (the default); summary: a SLSA verification summary; sigstore and "
                "sigstore-summary: the same as Sigstore bundles v0.3",
            )
        ],
        responses={(200, "application/json"): ANY_OBJECT},
    )
    def get(self, request: Request, key: UUID) -> Response:
        """A DSSE envelope with an in-toto Statement whose subject is the digest of the artifact."""
        decision = _decision(request, key)
        form = request.query_params.get("format", "dsse")
        if form not in _STATEMENTS or (form.endswith("summary") and not decision.summary):
            raise FormatUnavailableError(f"The statement comes as {', '.join(_STATEMENTS)}.", field="format")
        return conditional(request, _STATEMENTS[form](decision))


class DecisionReceipt(ApiView):
    """The proof that the ledger tells of a decision."""

    scopes = {"GET": (Scope.GATE_READ, Scope.REPORT_READ)}
    serializer_class = GateDocument

    @extend_schema(
        summary="Read the receipt of a decision", tags=["gates"], responses={(200, "text/plain"): OpenApiTypes.STR}
    )
    def get(self, request: Request, key: UUID) -> HttpResponse:
        """A C2SP tlog-proof that carries its entry and never changes."""
        text = decisions.receipt_of_decision(_decision(request, key))
        if text is None:
            raise UnknownSubjectError("This decision was made before decisions had receipts.")
        return HttpResponse(text, content_type=receipts.MEDIA_TYPE)


def _decision(request: Request, key: UUID) -> GateDecision:
    """Raises UnknownSubjectError, or what the caller may not do."""
    decision = GateDecision.objects.select_related("version__model").filter(pk=key).first()
    if decision is None:
        raise UnknownSubjectError(f"There is no decision {key}.")
    require_tie(request, decision.version.model.slug)
    require(caller(request), READ_GATE, decision.version.model)
    return decision


def _answer(request: Request, stage: str, asked: Mapping[str, Any]) -> decisions.GateAnswer:
    version, problem_code, words = _subject(request, asked)
    if version is None:
        return _closed(problem_code, words)
    answer = decisions.ask_gate(version=version, stage=stage)
    deadline = time.monotonic() + asked["wait"]
    with _turn_to_wait(asked["wait"]) as may_wait:
        while may_wait and _checks_running(answer) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            answer = decisions.ask_gate(version=version, stage=stage)
    return answer


def _subject(request: Request, asked: Mapping[str, Any]) -> tuple[ModelVersion | None, str, str]:
    """The one version that is meant, or why there is none. Raises when the caller may not ask about the model."""
    versions = ModelVersion.objects.select_related("model", "created_by", "run_author")
    if "model" in asked:
        require_tie(request, asked["model"])
        model = RegisteredModel.objects.filter(slug=asked["model"]).first()
        require(caller(request), READ_GATE, model)
        version = versions.filter(model=model, number=asked["version"]).first()
        if version is not None and asked.get("digest", version.artifact_digest) != version.artifact_digest:
            return None, "digest-mismatch", f"The artifact of {version} has another digest."
        return version, "unknown-subject", "No version of that identity is registered."
    found = list(versions.filter(artifact_digest=asked["digest"], model__in=models_for(request, READ_GATE))[:2])
    if len(found) > 1:
        return None, "subject-ambiguous", "Several models have a version with this artifact; name model and version."
    return (found[0] if found else None), "unknown-subject", "No version with this artifact is registered."


def _enforced(request: Request, document: Mapping[str, Any]) -> Response:
    """A closed gate as a problem that carries the whole answer."""
    codes = [reason["code"] for reason in document["blocking"]]
    status = HTTPStatus.CONFLICT
    if "unknown-subject" in codes:
        status = HTTPStatus.NOT_FOUND
    elif "evaluation-failed" in codes:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    code = codes[0] if status != HTTPStatus.CONFLICT else "gate-closed"
    words = " ".join(reason["explanation"] for reason in document["blocking"])
    body = {**document, **problem(status, code, words or "The gate is closed.", path=request.path)}
    return Response(body, status=status, content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _closed(code: str, words: str) -> decisions.GateAnswer:
    return decisions.GateAnswer(is_open=False, blocking=({"code": code, "subject": "", "explanation": words},))


def _checks_running(answer: decisions.GateAnswer) -> bool:
    return any(reason["code"] == "checks-running" for reason in answer.blocking)


@contextmanager
def _turn_to_wait(seconds: int) -> Iterator[bool]:
    """Whether this caller may wait. Inside a transaction nothing would ever change, so nobody waits there."""
    if not seconds or connection.in_atomic_block or not _waiters.acquire(blocking=False):
        yield False
        return
    try:
        yield True
    finally:
        _waiters.release()
