"""The Art. 30 record and the Art. 10 sheet say what the cards say, of all data or not at all."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from audits.reports.dossier import Point, PointStatus
from governance.dossiers.documents import build_dossier
from registry.dataset_cards import card_of, write_card
from registry.models import DatasetVersion, ModelVersion, Person
from tests.people import World, dataset_version, fair_rows

TODAY = date(2028, 9, 1)
FULL: dict[str, Any] = {
    "source": "clinic register",
    "licence": "CC-BY-4.0",
    "personal_data": True,
    "legal_basis": "6(1)(e)",
    "special_categories": ["health"],
    "special_exception": "9(2)(h)",
    "purposes": ["care planning"],
    "retention_until": "2029-12-31",
    "regions": ["DE", "US"],
    "transfer_safeguard": "46",
    "data_subjects": ["adult patients"],
    "recipients": ["the care programme"],
    "security_measures": "Encrypted at rest, access by role.",
    "collected_from": "2024-01-01",
    "collected_until": "2025-12-31",
    "preparation": "Duplicates were merged.",
    "assumptions": "Progression after one year stands for need.",
    "setting": "One region, outpatient care.",
    "known_gaps": "Patients without insurance are missing.",
    "columns": {"age": ["pii"]},
}
SAID = {
    "art-30": {
        "gdpr-30-1-b": "care planning, on the basis of Art. 6(1)(e)",
        "gdpr-30-1-c": "adult patients; tagged columns: age; special categories: health, Art. 9(2)(h)",
        "gdpr-30-1-d": "the care programme",
        "gdpr-30-1-e": "stored in DE, US, standard clauses",
        "gdpr-30-1-f": "kept until 31 December 2029",
        "gdpr-30-1-g": "Encrypted at rest",
    },
    "art-10": {
        "aia-10-2-b": "clinic register, collected from 1 January 2024 to 31 December 2025, for care planning",
        "aia-10-2-c": "Duplicates were merged",
        "aia-10-2-d": "stands for need",
        "aia-10-2-e": "as evaluation: 400 rows, 5 columns",
        "aia-10-2-h": "without insurance",
        "aia-10-4": "outpatient care",
    },
}


def written(actor: Person, data: DatasetVersion, **changes: Any) -> None:
    told = {**FULL, **changes}
    write_card(actor=actor, version=data, document=told, reason="asked", replaces=card_of(data).digest)


def points(version: ModelVersion, kind: str, as_of: date = TODAY) -> dict[str, Point]:
    return {point.control: point for point in build_dossier(version, kind=kind, as_of=as_of).points}


@pytest.mark.parametrize("kind", SAID)
def test_a_full_card_answers_the_points_of_data(world: World, version: ModelVersion, maya: Person, kind: str) -> None:
    written(maya, world.evaluation)
    found = points(version, kind)
    for control, words in SAID[kind].items():
        assert found[control].status is PointStatus.FROM_RECORDS, control
        assert words in found[control].recorded[0]


@pytest.mark.parametrize("kind", SAID)
def test_a_second_dataset_without_a_card_leaves_them_open(maya: Person, world: World, kind: str) -> None:
    written(maya, world.evaluation)
    bare = dataset_version(maya, "bare", fair_rows(8), source="", licence="", legal_basis="", purpose="")
    version = world.version(datasets={"evaluation": world.evaluation, "train": bare})
    found = points(version, kind)
    still = {control for control in SAID[kind] if found[control].status is PointStatus.FROM_RECORDS}
    assert still <= {"aia-10-2-e"}  # how many rows there are is known without a card


def test_what_was_derived_names_what_it_was_made_from(maya: Person, world: World) -> None:
    half = dataset_version(maya, "half", fair_rows(8), derived_from=[world.evaluation], source="")
    written(maya, world.evaluation)
    version = world.version(datasets={"evaluation": half})
    recorded = points(version, "art-10")["aia-10-2-b"].recorded
    assert [sentence.split(" (card")[0].split(":")[0] for sentence in recorded] == [
        "half/1 was made from patients/1",
        "patients/1",
    ]
    assert card_of(world.evaluation).digest in recorded[1]


def test_data_for_bias_says_until_when(world: World, version: ModelVersion, maya: Person) -> None:
    assert points(version, "art-10")["aia-4a-1-e"].status is PointStatus.OPEN
    written(maya, world.evaluation, special_exception="4a")
    assert "until 31 December 2029" in points(version, "art-10")["aia-4a-1-e"].recorded[0]


def test_repealed_points_are_no_points(version: ModelVersion) -> None:
    assert "aia-10-5" not in points(version, "art-10")
