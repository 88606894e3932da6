"""A card says what is known; it refuses what contradicts itself, and names what is missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.cards import Card, canonical_licence, parse_card
from registry.errors import InvalidInputError

COLUMNS = ["age", "postcode"]
FULL: dict[str, Any] = {
    "owner": "p-1",
    "source": "clinic register",
    "licence": "cc-by-4.0",
    "personal_data": True,
    "legal_basis": "6(1)(e)",
    "special_categories": ["health"],
    "special_exception": "9(2)(h)",
    "purposes": ["care planning"],
    "retention_until": "2029-12-31",
    "regions": ["DE"],
    "data_subjects": ["patients"],
    "recipients": ["the care programme"],
    "collected_from": "2024-01-01",
    "collected_until": "2025-12-31",
    "known_gaps": "none found",
    "columns": {"postcode": ["proxy_suspected", "pii"]},
}


def test_a_full_card_has_no_gaps_and_survives_its_document() -> None:
    card = parse_card(FULL, columns=COLUMNS)
    assert card.gaps() == ()
    assert (card.licence, card.retention_until) == ("CC-BY-4.0", date(2029, 12, 31))
    assert parse_card(card.to_document(), columns=COLUMNS) == card


def test_the_digest_follows_the_facts_and_not_their_order() -> None:
    card = parse_card(FULL, columns=COLUMNS)
    same = parse_card(
        dict(reversed(FULL.items())) | {"columns": {"postcode": ["pii", "proxy_suspected"]}}, columns=COLUMNS
    )
    assert same.digest == card.digest
    assert parse_card({**FULL, "regions": ["FR"]}, columns=COLUMNS).digest != card.digest


def test_an_empty_card_owes_what_every_dataset_owes() -> None:
    assert Card().gaps() == ("owner", "source", "purposes", "known_gaps", "collected_from", "personal_data", "licence")


@pytest.mark.parametrize(
    ("without", "gap"),
    [
        ({"legal_basis": ""}, "legal_basis"),
        ({"retention_until": None}, "retention_until"),
        ({"regions": []}, "regions"),
        ({"data_subjects": []}, "data_subjects"),
        ({"recipients": []}, "recipients"),
        ({"special_exception": ""}, "special_exception"),
        ({"licence": "NOASSERTION"}, "licence"),
        ({"licence": "LicenseRef-unknown"}, "licence"),
    ],
)
def test_personal_data_owe_more(without: dict[str, Any], gap: str) -> None:
    assert parse_card({**FULL, **without}, columns=COLUMNS).gaps() == (gap,)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"licence": "Creative Commons"}, "licence"),
        ({"licence": "CC-BY-4.0 AND"}, "licence"),
        ({"legal_basis": "6(1)(g)"}, "legal_basis"),
        ({"legal_basis": "we are allowed to"}, "legal_basis"),
        ({"special_exception": "9(2)(k)"}, "special_exception"),
        ({"special_categories": ["shoe size"]}, "special_categories"),
        ({"personal_data": False}, "personal_data"),
        ({"personal_data": "yes"}, "personal_data"),
        ({"transfer_safeguard": "trust"}, "transfer_safeguard"),
        ({"regions": ["Germany"]}, "regions"),
        ({"regions": "DE"}, "regions"),
        ({"retention_until": "next year"}, "retention_until"),
        ({"collected_until": "2020-01-01"}, "collected_until"),
        ({"purposes": [7]}, "purposes"),
        ({"source": "s" * 5001}, "source"),
        ({"purposes": ["p"] * 51}, "purposes"),
        ({"columns": {"height": ["pii"]}}, "columns"),
        ({"columns": {"age": ["target"]}}, "columns"),
        ({"columns": ["age"]}, "columns"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_card_that_cannot_be_names_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        parse_card({**FULL, **change}, columns=COLUMNS)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("mit", "MIT"),
        ("apache-2.0 or mit", "Apache-2.0 OR MIT"),
        ("LicenseRef-contract-7", "LicenseRef-contract-7"),
        ("", ""),
    ],
)
def test_a_licence_is_spelt_as_spdx_spells_it(given: str, canonical: str) -> None:
    assert canonical_licence(given) == canonical
