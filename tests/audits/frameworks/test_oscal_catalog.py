"""The catalogue as OSCAL: dated, without a reference that leads nowhere, and the same each time."""

from __future__ import annotations

import importlib
import json
from datetime import date
from typing import Any

import pytest

from audits.frameworks import oscal
from audits.frameworks.catalogue import Catalogue
from audits.oscal import dangling, identify, line, token

CATALOGUE = Catalogue.load()
BEFORE, AFTER = date(2026, 6, 30), date(2026, 8, 1)


def controls(as_of: date) -> dict[str, dict[str, Any]]:
    document = oscal.catalog(CATALOGUE, as_of)["catalog"]
    return {control["id"]: control for group in document["groups"] for control in group["controls"]}


def props(control: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in control["props"]}


def test_every_reference_of_the_catalog_leads_somewhere() -> None:
    for day in (date(2020, 1, 1), BEFORE, AFTER, date(2030, 1, 1)):
        assert dangling(oscal.catalog(CATALOGUE, day)) == ()


def test_the_same_day_gives_the_same_catalog() -> None:
    assert oscal.catalog(CATALOGUE, AFTER) == oscal.catalog(CATALOGUE, AFTER)
    assert oscal.catalog(CATALOGUE, AFTER) != oscal.catalog(CATALOGUE, BEFORE)


def test_the_catalog_tells_the_law_of_its_day() -> None:
    before, after = controls(BEFORE), controls(AFTER)
    assert props(before["aia-10-2-f"])["applies-from-annex-iii"] == "2026-08-02"
    assert props(after["aia-10-2-f"])["applies-from-annex-iii"] == "2027-12-02"
    assert "aia-4a-1" not in before
    assert "aia-4a-1" in after
    assert "status" not in props(before["aia-10-5"])
    assert props(after["aia-10-5"])["status"] == "withdrawn"
    assert after["aia-10-5"]["links"] == [{"href": "#aia-4a-1", "rel": "moved-to"}]


def test_what_was_not_law_has_no_group() -> None:
    document = oscal.catalog(CATALOGUE, date(2017, 1, 1))["catalog"]
    assert [group["id"] for group in document["groups"]] == ["gdpr"]


def test_identifiers_are_those_of_the_catalog() -> None:
    names = oscal.identifiers(CATALOGUE, AFTER)
    assert {"aia-10-2-f", "aia-10-2-f_smt"} <= names
    assert "aia-4a-1" not in oscal.identifiers(CATALOGUE, BEFORE)


def test_a_planted_reference_to_nothing_is_found() -> None:
    document = oscal.catalog(CATALOGUE, AFTER)
    document["catalog"]["groups"][0]["links"].append({"href": "#nowhere", "rel": "reference"})
    assert [problem for problem in dangling(document) if "nowhere" in problem]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"role-id": "reviewer"},
        {"party-uuids": ["x"]},
        {"observation-uuid": "x"},
        {"deep": [{"href": "#x"}]},
        {"control-id": "aia-99"},
        {"target-id": "aia-99_smt"},
    ],
)
def test_each_kind_of_reference_is_followed(spoilt: dict[str, Any]) -> None:
    assert len(dangling(spoilt)) == 1


def test_a_reference_into_the_imported_catalog_is_no_loss() -> None:
    assert dangling({"control-id": "aia-10-2-f"}, {"aia-10-2-f"}) == ()
    assert dangling({"href": "https://example.org/#x"}) == ()


def test_an_identifier_that_is_there_twice_is_found() -> None:
    assert dangling({"a": {"uuid": "1"}, "b": [{"uuid": "1"}]}) == ("1 is declared 2 times.",)


def test_names_and_lines_have_the_form_that_oscal_wants() -> None:
    assert token("6 RCNY § 5") == "_6-RCNY-5"
    assert token("§") == "unnamed"
    assert line("  two\n lines ") == "two lines"
    assert line("") == "not stated"
    assert identify("a", "b") != identify("ab")


def test_the_command_writes_the_catalog_of_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert oscal.main(["--as-of", "2026-08-01"]) == 0
    assert json.loads(capsys.readouterr().out) == oscal.catalog(CATALOGUE, AFTER)


def test_trestle_reads_the_catalog() -> None:
    if importlib.util.find_spec("trestle") is None:
        pytest.skip("needs compliance-trestle: pip install compliance-trestle")
    from trestle.oscal.catalog import Model

    for day in (BEFORE, AFTER):
        Model.parse_obj(oscal.catalog(CATALOGUE, day))
