"""`/datasets/{slug}/versions/{n}/card/`: what is known about a dataset version, now and earlier."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response, created
from governance.api.bodies import StrictSerializer
from governance.api.conditional import conditional
from governance.api.idempotency import idempotent
from governance.api.permissions import READING
from governance.api.registered_models import person_named
from governance.api.visibility import known_dataset_version
from registry import cards
from registry.authority import require
from registry.dataset_cards import card_from_row, card_of, write_card
from registry.models import DatasetCard, DatasetVersion

EXAMPLE = OpenApiExample(
    "A register of patients",
    value={
        "replaces": "sha256:" + "0" * 64,
        "reason": "The data protection officer confirmed the basis on 3 November.",
        "source": "Clinic register, export of 2026-10-01",
        "licence": "CC-BY-4.0",
        "personal_data": True,
        "legal_basis": "6(1)(e)",
        "special_categories": ["health"],
        "special_exception": "9(2)(h)",
        "purposes": ["care planning"],
        "retention_until": "2029-12-31",
        "regions": ["DE"],
        "data_subjects": ["adult patients"],
        "recipients": ["the care programme"],
        "collected_from": "2024-01-01",
        "collected_until": "2025-12-31",
        "known_gaps": "Patients without insurance are missing.",
        "columns": {"age": ["pii"], "postcode": ["pii", "proxy_suspected"]},
    },
    request_only=True,
)


def _texts(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=cards.LONGEST_ENTRY),
        max_length=cards.MOST_ENTRIES,
        required=False,
        help_text=help_text,
    )


def _text(help_text: str, longest: int = cards.LONGEST_TEXT) -> serializers.CharField:
    return serializers.CharField(max_length=longest, allow_blank=True, required=False, help_text=help_text)


def _day(help_text: str) -> serializers.DateField:
    return serializers.DateField(allow_null=True, required=False, help_text=help_text)


class CardFacts(StrictSerializer):
    """The facts of a card. What is left out is unknown, and counts as a gap."""

    source = _text("Where the data came from.")  # type: ignore[assignment]
    licence = _text("SPDX expression, or LicenseRef-<name> for terms of your own.", 200)
    personal_data = serializers.BooleanField(allow_null=True, required=False)
    legal_basis = _text(f"GDPR Art. 6: {', '.join(cards.LEGAL_BASES)}.", 20)
    legal_basis_reason = _text("Why this basis holds.")
    special_categories = _texts(f"Of GDPR Art. 9(1) and 10: {', '.join(cards.SPECIAL_CATEGORIES)}.")
    special_exception = _text(f"GDPR Art. 9(2), or AI Act Art. 4a: {', '.join(cards.EXCEPTIONS)}.", 20)
    purposes = _texts("Short phrases; compared along the path to a model, without regard to case.")
    compatibility = _text("The assessment of GDPR Art. 6(4), where the purpose is another than that of collection.")
    retention_until = _day("The last day on which the data may be kept.")
    regions = _texts("Where it is stored: ISO 3166-1 codes, or EEA.")
    transfer_safeguard = _text(f"GDPR chapter V, by article: {', '.join(cards.SAFEGUARDS)}.", 20)
    data_subjects = _texts("Categories of persons.")
    recipients = _texts("Categories of recipients.")
    security_measures = _text("In general terms (GDPR Art. 32).")
    collected_from = _day("First day of collection.")
    collected_until = _day("Last day of collection.")
    preparation = _text("Labelling, cleaning, enrichment, aggregation (AI Act Art. 10(2)(c)).")
    assumptions = _text("What the data are meant to measure and represent (AI Act Art. 10(2)(d)).")
    setting = _text("Geographical, behavioural or functional setting (AI Act Art. 10(4)).")
    known_gaps = _text("Gaps and shortcomings (AI Act Art. 10(2)(h)); write `none found` where that is so.")
    columns = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=40)),
        required=False,
        help_text=f"Tags of columns: {', '.join(cards.GOVERNANCE_TAGS)}.",
    )


class CardBody(CardFacts):
    """The next revision of a card, as a whole."""

    replaces = serializers.CharField(max_length=71, help_text="Digest of the card you read and now replace.")
    reason = serializers.CharField(max_length=10_000, allow_blank=True)
    owner = serializers.CharField(
        max_length=150, required=False, help_text="Who answers for the data; the owner of the dataset unless given."
    )


class CardDocument(CardFacts):
    """A card. `revision` 0 is what was declared when the version was registered."""

    dataset = serializers.CharField()
    revision = serializers.IntegerField()
    digest = serializers.CharField()
    owner = serializers.CharField(help_text="Pseudonym of who answers for the data.")
    gaps = serializers.ListField(child=serializers.CharField(), help_text="Facts that are owed and not given.")
    reason = serializers.CharField(allow_blank=True)
    written_by = serializers.CharField(allow_blank=True)
    written_at = serializers.DateTimeField(allow_null=True)


def card_document(version: DatasetVersion, row: DatasetCard | None) -> dict[str, Any]:
    """One revision as the API shows it; the declared card without a row."""
    card = card_from_row(row, version) if row else card_of(version)
    return {
        "dataset": str(version),
        "revision": row.revision if row else 0,
        "digest": card.digest,
        **card.to_document(),
        "gaps": list(card.gaps()),
        "reason": row.reason if row else "",
        "written_by": row.written_by.username if row else "",
        "written_at": row.written_at if row else None,
    }


class CardRead(ApiView):
    """The card of one dataset version."""

    scopes = {"GET": READING, "POST": (Scope.REGISTRY_WRITE,)}
    serializer_class = CardDocument

    @extend_schema(summary="Read a dataset card", tags=["datasets"])
    def get(self, request: Request, slug: str, number: int) -> Response:
        """The revision that counts now, with what is missing on it."""
        require(self.actor, "registry.view_datasetversion")
        version = known_dataset_version(slug, number)
        return conditional(request, card_document(version, version.cards.select_related("written_by").last()))

    @extend_schema(
        summary="Write the next revision of a card",
        tags=["datasets"],
        request=CardBody,
        responses={201: CardDocument},
        examples=[EXAMPLE],
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:
        """A whole card. It counts from now on for every check that is run; earlier revisions stay."""
        version = known_dataset_version(slug, number)
        told = self.body(CardBody)
        named = told.pop("owner", "")
        owner = person_named(named, field="owner") if named else None
        reason, replaces = told.pop("reason"), told.pop("replaces")
        row = write_card(
            actor=self.actor, version=version, document=told, reason=reason, replaces=replaces, owner=owner
        )
        return created(card_document(version, row), request.build_absolute_uri("."))


class CardHistory(ApiView):
    """Every revision of a card."""

    scopes = {"GET": READING}
    serializer_class = CardDocument

    @extend_schema(
        summary="Read the history of a card", tags=["datasets"], responses={200: CardDocument(many=True)}, filters=False
    )
    def get(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        """Newest first; all of them, as a card is rarely written."""
        require(self.actor, "registry.view_datasetversion")
        version = known_dataset_version(slug, number)
        rows = version.cards.select_related("written_by").order_by("-revision")[:500]
        return Response([card_document(version, row) for row in rows])
