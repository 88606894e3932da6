"""The verb on dataset cards, and the card that counts. The card itself is pure: registry.cards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import ledger
from registry.authority import require
from registry.cards import GOVERNANCE_TAGS, LEGAL_BASES, SCHEMA, SPECIAL_CATEGORIES, Card, parse_card
from registry.errors import InvalidInputError, StaleCardError
from registry.events import Event
from registry.models import DatasetCard, DatasetVersion, Person

_BASIS = re.compile(r"6\s*\(1\)\s*\(([a-f])\)")


@transaction.atomic
def write_card(
    *,
    actor: Person,
    version: DatasetVersion,
    document: Mapping[str, Any],
    reason: str,
    replaces: str,
    owner: Person | None = None,
) -> DatasetCard:
    """Add the next revision of the card of `version`. Earlier revisions stay as they were.

    `replaces` is the digest of the card that the writer had in front of them: two people who write at once do not undo
    each other in silence. `owner` is who answers for the data, the owner of the dataset unless given.
    Raises PermissionRefusedError, StaleCardError, or InvalidInputError naming the field.
    """
    version = DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset__owner").get(pk=version.pk)
    require(actor, "registry.add_datasetcard")
    if not reason.strip():
        raise InvalidInputError("Say what changed, and how you know.", field="reason")
    answerable = owner or version.dataset.owner
    if not answerable.is_active or answerable.is_service:
        raise InvalidInputError("Somebody who can be asked answers for data.", field="owner")
    card = _changed(version, {**document, "owner": answerable.pseudonym}, replaces)
    row = DatasetCard(
        dataset_version=version,
        revision=version.cards.count() + 1,
        owner=answerable,
        document={"schema": SCHEMA, **card.to_document()},
        digest=card.digest,
        reason=reason,
        written_by=actor,
        written_at=timezone.now(),
    )
    row.save()
    ledger.append(
        Event.DATASET_CARD_WRITTEN,
        subject=f"dataset:{version}",
        actor=actor,
        facts={
            "revision": row.revision,
            "digest": row.digest,
            "replaces": replaces,
            "gaps": list(card.gaps()),
            "reason": ledger.commit_text(reason),
        },
    )
    return row


def _changed(version: DatasetVersion, document: Mapping[str, Any], replaces: str) -> Card:
    """The card that the document tells, where it follows the one that counts now and says something else."""
    before = card_of(version)
    if replaces != before.digest:
        raise StaleCardError(
            f"The card of {version} is {before.digest} by now. Read it again and write on that.", field="replaces"
        )
    card = parse_card(document, columns=[column["name"] for column in version.columns])
    if card.digest == before.digest:
        raise InvalidInputError("Nothing on the card changes.", field="document")
    return card


def card_of(version: DatasetVersion) -> Card:
    """The card that counts now: the newest revision, or what was declared at registration."""
    return cards_of([version])[version.pk]


def cards_of(versions: Iterable[DatasetVersion], *, known: datetime | None = None) -> dict[int, Card]:
    """The card of each version by its key, in one query; with `known`, the one that counted at that time."""
    wanted = {version.pk: version for version in versions}
    rows = DatasetCard.objects.filter(dataset_version__in=wanted)
    rows = rows.newest() if known is None else rows.filter(written_at__lte=known).order_by("revision")
    newest = {row.dataset_version_id: row for row in rows}
    return {
        key: card_from_row(newest[key], version) if key in newest else declared_card(version)
        for key, version in wanted.items()
    }


def card_from_row(row: DatasetCard, version: DatasetVersion) -> Card:
    """What one revision says."""
    document = {name: value for name, value in row.document.items() if name != "schema"}
    return parse_card(document, columns=_names(version))


def declared_card(version: DatasetVersion) -> Card:
    """What was declared when the version was registered. Free words that name no legal basis stay a reason only."""
    named = _BASIS.search(version.legal_basis)
    basis = f"6(1)({named.group(1)})" if named else ""
    return Card(
        owner=version.dataset.owner.pseudonym,
        source=version.source,
        licence=version.licence,
        personal_data=version.personal_data,
        legal_basis=basis if basis in LEGAL_BASES else "",
        legal_basis_reason=version.legal_basis,
        special_categories=tuple(name for name in version.special_categories if name in SPECIAL_CATEGORIES),
        purposes=(version.purpose,) if version.purpose else (),
        retention_until=version.retention_until,
        columns={column["name"]: governance_tags(column) for column in version.columns if governance_tags(column)},
    )


def governance_tags(column: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of a declared column that a card may set anew."""
    return tuple(sorted(tag for tag in column["tags"] if tag in GOVERNANCE_TAGS))


def tagged_columns(version: DatasetVersion, card: Card) -> list[dict[str, Any]]:
    """The columns of a version with what they are to a model as declared, and what they mean as the card says.

    A card that names a column decides its governance tags alone; of a column it does not name, the declared ones stay.
    """
    told = []
    for column in version.columns:
        tags = [tag for tag in column["tags"] if tag not in GOVERNANCE_TAGS]
        tags += card.columns.get(column["name"], governance_tags(column))
        told.append({**column, "tags": tags})
    return told


def _names(version: DatasetVersion) -> list[str]:
    return [column["name"] for column in version.columns]
