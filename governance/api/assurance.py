"""What law asks of a model: its classification, signed answers, the coverage of a version."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from audits.reports.document import plain
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import SignedBody
from governance.api.idempotency import idempotent
from governance.api.visibility import model_for, version_for
from governance.law import classifications
from governance.law.coverage import coverage, roll_up
from governance.models import Attestation, Classification
from governance.moments import Moment
from governance.reporting import require_day
from registry.errors import InvalidInputError

AS_OF = OpenApiParameter(
    "as_of", OpenApiTypes.DATE, description="The law and the records of that day; today unless given."
)


class ClassificationBody(SignedBody):
    """Every question with its answer, and the reasons."""

    answers = serializers.DictField(help_text="role, is_ai_system, prohibited, annex_i, annex_iii, exception, …")
    reasons = serializers.CharField(max_length=10_000, allow_blank=True)


class ClassificationDocument(serializers.ModelSerializer[Classification]):
    """A signed classification, with each step that led to its outcome."""

    class Meta:
        model = Classification
        fields = ("id", "outcome", "answers", "reasons", "document", "as_of", "printed_name", "method", "signed_at")


class AttestationBody(SignedBody):
    """A person's answer to a control, until a day."""

    control_id = serializers.CharField(max_length=60)
    answer = serializers.CharField(max_length=10_000, allow_blank=True)
    expires_on = serializers.DateField()
    evidence_digest = serializers.CharField(max_length=71, allow_blank=True, default="")


class AttestationDocument(serializers.ModelSerializer[Attestation]):
    """A signed answer."""

    class Meta:
        model = Attestation
        fields = (
            "id",
            "control_id",
            "question",
            "answer",
            "evidence_digest",
            "printed_name",
            "method",
            "signed_at",
            "expires_on",
        )


class ClassificationList(ApiView):
    """How a model was classified, and classifying it."""

    scopes = {"GET": (Scope.REPORT_READ,), "POST": (Scope.REVIEW_WRITE,)}
    serializer_class = ClassificationDocument
    queryset = Classification.objects.none()
    ordering = ("-id",)

    @extend_schema(
        summary="List classifications", tags=["assurance"], responses={200: ClassificationDocument(many=True)}
    )
    def get(self, request: Request, slug: str) -> Response:
        """The newest first; it is the one that counts."""
        return self.page(Classification.objects.filter(model=model_for(request, slug)))

    @extend_schema(
        summary="Classify a model",
        tags=["assurance"],
        request=ClassificationBody,
        responses={201: ClassificationDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str) -> Response:
        """A legal reviewer's signed answers; the model takes the risk class that follows from them."""
        model = model_for(request, slug, None)
        made = classifications.classify_model(actor=self.actor, model=model, **self.body(ClassificationBody))
        return Response(ClassificationDocument(made).data, status=201)


class AttestationCreate(ApiView):
    """Answers that only people can give."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = AttestationDocument

    @extend_schema(
        summary="Answer for a control",
        tags=["assurance"],
        request=AttestationBody,
        responses={201: AttestationDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str) -> Response:
        """A signed answer, which stands until its day."""
        model = model_for(request, slug, None)
        made = classifications.attest(actor=self.actor, model=model, **self.body(AttestationBody))
        return Response(AttestationDocument(made).data, status=201)


class CoverageRead(ApiView):
    """Which control is supported by what."""

    scopes = {"GET": (Scope.REPORT_READ,)}
    serializer_class = serializers.Serializer

    @extend_schema(
        summary="Coverage of a version", tags=["assurance"], parameters=[AS_OF], responses={200: OpenApiTypes.OBJECT}
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Every control with its verdict, evidence, and who owes what by when; counts per framework, no percentage."""
        version = version_for(request, slug, number, "registry.read_report")
        day = day_of(request)
        rows = coverage(version, day)
        return Response(
            {
                "version": str(version),
                "as_of": day.isoformat(),
                "records_of": Moment.of(day, now=timezone.now()).known.date().isoformat(),
                "frameworks": {
                    name: {verdict.value: count for verdict, count in found.items()}
                    for name, found in roll_up(rows).items()
                },
                "controls": plain(rows),
            }
        )


def day_of(request: Request) -> date:
    """The day of `?as_of=`, today unless given. Raises InvalidInputError, also for one no document tells about."""
    text: Any = request.query_params.get("as_of")
    if text is None:
        return timezone.now().date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError("Give the day as YYYY-MM-DD.", field="as_of") from None
    require_day(day)
    return day
