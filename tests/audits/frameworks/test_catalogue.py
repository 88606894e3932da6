"""The law as dated facts: what a control meant on a given day, and as far as anybody could know then."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.frameworks.catalogue import (
    Application,
    Catalogue,
    CatalogueError,
    Control,
    EffectStatus,
    Kind,
    Route,
    UnknownControlError,
    in_words,
    read,
)
from audits.frameworks.integrity import problems

CATALOGUE = Catalogue.load()
FOLDER = Path(__file__).parents[3] / "audits" / "frameworks"
SOURCE = Path(__file__).parents[4] / "shared" / "regulation" / "controls.json"


def text(name: str, on: str, **how: Any) -> str:
    return CATALOGUE.effective(CATALOGUE.control(name), date.fromisoformat(on), **how).text


def status(name: str, on: str, **how: Any) -> EffectStatus:
    return CATALOGUE.effective(CATALOGUE.control(name), date.fromisoformat(on), **how).status


# -- What ships -------------------------------------------------------------------------------------------------------
def test_the_frameworks_ship_without_a_defect() -> None:
    sizes = {f.name: sum(control.framework == f.name for control in CATALOGUE.all()) for f in CATALOGUE.frameworks}
    assert sizes == {"EU AI Act": 266, "GDPR": 102, "ISO/IEC 42001": 64, "NIST AI RMF": 19, "NYC LL144": 14}
    assert problems(CATALOGUE) == ()


def test_standards_bind_nobody_and_the_city_law_has_no_pass_mark() -> None:
    standards = [control for control in CATALOGUE.all() if control.framework in ("ISO/IEC 42001", "NIST AI RMF")]
    assert {control.kind for control in standards} == {Kind.VOLUNTARY}
    assert text("ll144-20-871-a-1", "2022-12-31") == "upcoming, applies from 1 January 2023"
    assert text("ll144-20-871-a-1", "2023-01-01") == "binding since 1 January 2023"
    assert text("ll144-5-301-b", "2023-04-05") == "not law on 5 April 2023"
    ratios = CATALOGUE.control("ll144-5-301-b")
    assert "no pass mark" in ratios.note
    assert not any(mark in ratios.duty for mark in ("0.8", "80", "four-fifths"))


def test_each_framework_says_where_it_comes_from_and_who_has_not_reviewed_it() -> None:
    for framework in CATALOGUE.frameworks:
        assert framework.source
        assert framework.retrieved == date(2026, 11, 20)
        assert "not consulted" in framework.doubt
        assert framework.reviewed_by == ""


def test_the_catalogue_is_read_once() -> None:
    assert Catalogue.load() is Catalogue.load()


def test_controls_are_found_by_id_in_the_order_of_the_catalogue() -> None:
    found = CATALOGUE.controls(["gdpr-5-2", "aia-10-2-f", "gdpr-5-2"])
    assert [control.id for control in found] == ["aia-10-2-f", "gdpr-5-2"]
    assert CATALOGUE.controls([]) == ()


@pytest.mark.parametrize("ask", [CATALOGUE.control, lambda name: CATALOGUE.controls([name])])
def test_an_unknown_control_is_refused_by_name(ask: Any) -> None:
    with pytest.raises(UnknownControlError, match="aia-99 is not a control") as refusal:
        ask("aia-99")
    assert (refusal.value.code, refusal.value.field) == ("unknown-control", "aia-99")


def test_the_transparency_duties_are_those_of_article_50() -> None:
    transparency = [
        control.reference for control in CATALOGUE.all() if control.title.startswith("Transparency obligations")
    ]
    assert transparency
    assert all(reference.startswith("Art. 50(") for reference in transparency)
    assert all("Art. 52" not in control.duty for control in CATALOGUE.all())


def test_no_duty_claims_conformity_or_tamper_evidence_for_record_keeping() -> None:
    assert all("compliant" not in control.duty.lower() for control in CATALOGUE.all())
    logging = [
        control for control in CATALOGUE.all() if control.reference.startswith("Art. 12(") and control.id[:3] == "aia"
    ]
    assert logging
    assert all("tamper" not in control.duty.lower() for control in logging)


# -- What was law when ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "on", "expected"),
    [
        ("aia-10-2-f", "2024-07-31", "not law on 31 July 2024"),
        ("aia-10-2-f", "2026-06-30", "upcoming, applies from 2 August 2026 (Annex III) and 2 August 2027 (Annex I)"),
        ("aia-10-2-f", "2026-07-26", "upcoming, applies from 2 August 2026 (Annex III) and 2 August 2027 (Annex I)"),
        ("aia-10-2-f", "2026-07-27", "upcoming, applies from 2 December 2027 (Annex III) and 2 August 2028 (Annex I)"),
        ("aia-10-2-f", "2026-08-02", "upcoming, applies from 2 December 2027 (Annex III) and 2 August 2028 (Annex I)"),
        (
            "aia-10-2-f",
            "2027-12-02",
            "binding since 2 December 2027 (Annex III); upcoming from 2 August 2028 (Annex I)",
        ),
        ("aia-10-2-f", "2028-08-02", "binding since 2 December 2027 (Annex III) and 2 August 2028 (Annex I)"),
        ("aia-27-1", "2026-06-30", "upcoming, applies from 2 August 2026 (Annex III)"),
        ("aia-27-1", "2026-08-02", "upcoming, applies from 2 December 2027 (Annex III)"),
        ("aia-6-1", "2026-06-30", "upcoming, applies from 2 August 2027 (Annex I)"),
        ("aia-6-1", "2026-08-02", "upcoming, applies from 2 August 2028 (Annex I)"),
        ("aia-10-5", "2026-07-26", "voluntary"),
        ("aia-10-5", "2026-07-27", "repealed since 27 July 2026; see Art. 4a(1)"),
        ("aia-4a-1", "2026-07-26", "not law on 26 July 2026"),
        ("aia-4a-1", "2026-07-27", "voluntary"),
        ("aia-4a-1-b", "2026-07-27", "binding since 27 July 2026"),
        ("aia-5-1-a", "2025-02-01", "upcoming, applies from 2 February 2025"),
        ("aia-5-1-a", "2025-02-02", "binding since 2 February 2025"),
        ("aia-5-1-ba", "2026-07-26", "not law on 26 July 2026"),
        ("aia-5-1-ba", "2026-12-01", "upcoming, applies from 2 December 2026"),
        ("aia-5-1-ba", "2026-12-02", "binding since 2 December 2026"),
        ("aia-50-1", "2026-08-01", "upcoming, applies from 2 August 2026"),
        ("aia-50-1", "2026-08-02", "binding since 2 August 2026"),
        ("aia-86-1", "2026-06-30", "upcoming, applies from 2 August 2026"),
        (
            "aia-86-1",
            "2026-11-20",
            (
                "date unsettled: by its letter from 2 August 2026, with nothing to apply to before "
                "2 December 2027 (Annex III) and 2 August 2028 (Annex I)"
            ),
        ),
        (
            "aia-86-1",
            "2028-08-02",
            "binding, at the latest since 2 December 2027 (Annex III) and 2 August 2028 (Annex I)",
        ),
        ("aia-99-3", "2026-11-20", "informational, not a duty"),
        ("gdpr-rec71", "2026-11-20", "informational, not a duty"),
        ("gdpr-5-2", "2016-05-23", "not law on 23 May 2016"),
        ("gdpr-5-2", "2018-05-24", "upcoming, applies from 25 May 2018"),
        ("gdpr-5-2", "2018-05-25", "binding since 25 May 2018"),
    ],
)
def test_what_a_control_meant_on_a_day(name: str, on: str, expected: str) -> None:
    assert text(name, on) == expected


def test_reports_before_and_after_the_amendment_differ_exactly_where_the_law_did() -> None:
    before, after = date(2026, 6, 30), date(2026, 8, 1)
    changed = {
        control.id
        for control in CATALOGUE.all()
        if CATALOGUE.effective(control, before) != CATALOGUE.effective(control, after)
    }
    deferred = {
        control.id
        for control in CATALOGUE.all()
        if any(entry.date in (date(2027, 12, 2), date(2028, 8, 2)) for entry in control.latest.applies_from)
    }
    unsettled = {
        control.id
        for control in CATALOGUE.all()
        if control.latest.no_object_before and control.kind is not Kind.VOLUNTARY
    }
    new = {control.id for control in CATALOGUE.all() if control.versions[0].valid_from == date(2026, 7, 27)}
    voluntary_and_old = {"aia-111-4"} & new
    assert changed == (deferred | unsettled | new | {"aia-10-5"}) | voluntary_and_old
    assert sum(bool(control.latest.no_object_before) for control in CATALOGUE.all()) == 43


def test_on_one_route_there_is_one_date() -> None:
    assert text("aia-10-2-f", "2027-12-02", route=Route.ANNEX_III) == "binding since 2 December 2027 (Annex III)"
    assert text("aia-10-2-f", "2027-12-02", route=Route.ANNEX_I) == "upcoming, applies from 2 August 2028 (Annex I)"
    assert text("aia-86-1", "2027-12-02", route=Route.ANNEX_III).startswith("binding, at the latest since 2 December")
    assert status("aia-86-1", "2027-12-02", route=Route.ANNEX_I) is EffectStatus.DATE_UNSETTLED
    assert text("gdpr-5-2", "2026-01-01", route=Route.ANNEX_I) == "binding since 25 May 2018"
    assert text("aia-27-1", "2030-01-01", route=Route.ANNEX_I) == "does not apply on this route"


def test_what_is_asked_of_a_later_day_depends_on_what_was_known() -> None:
    expected_then = text("aia-10-2-f", "2026-08-02", known_on=date(2026, 7, 26))
    assert expected_then == "binding since 2 August 2026 (Annex III); upcoming from 2 August 2027 (Annex I)"
    assert status("aia-10-5", "2026-08-02", known_on=date(2026, 7, 26)) is EffectStatus.VOLUNTARY
    assert status("aia-4a-1", "2026-08-02", known_on=date(2026, 7, 26)) is EffectStatus.NOT_LAW
    # What we know today does not change what was law then.
    assert text("aia-10-2-f", "2026-06-30", known_on=date(2026, 11, 20)) == text("aia-10-2-f", "2026-06-30")


def test_a_repealed_or_informational_control_does_not_count() -> None:
    assert not CATALOGUE.control("aia-10-5").counts
    assert not CATALOGUE.control("aia-99-3").counts
    assert CATALOGUE.control("aia-10-2-f").counts


def test_a_former_summary_that_follows_the_later_wording_says_so() -> None:
    literacy = CATALOGUE.control("aia-4-1")
    assert "follows the later text" in literacy.versions[0].note
    assert "special-category data" in CATALOGUE.control("aia-10-5").versions[0].duty


@settings(max_examples=40)
@given(st.sampled_from(CATALOGUE.all()), st.dates(date(2015, 1, 1), date(2032, 1, 1)))
def test_every_control_has_one_meaning_on_every_day(control: Control, on: date) -> None:
    effect = CATALOGUE.effective(control, on)
    assert effect.text
    if control.kind is Kind.INFORMATIONAL:
        assert effect.status in (EffectStatus.INFORMATIONAL, EffectStatus.NOT_LAW)
    if effect.status is EffectStatus.BINDING:
        assert CATALOGUE.effective(control, on).dates
        assert min(entry.date for entry in effect.dates) <= on


def test_dates_in_words_do_not_depend_on_the_locale() -> None:
    firsts = [in_words(date(2026, month, 1)) for month in range(1, 13)]
    assert firsts[0] == "1 January 2026"
    assert " ".join(first.split()[1][:3] for first in firsts) == "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"


# -- Integrity finds what is planted ----------------------------------------------------------------------------------
def one(name: str, **changes: Any) -> Catalogue:
    """A catalogue of this control, spoilt, and Article 4a(1)."""
    spoilt = replace(CATALOGUE.control(name), **changes)
    return Catalogue(CATALOGUE.frameworks, (spoilt, CATALOGUE.control("aia-4a-1")))


def latest(name: str, **changes: Any) -> Catalogue:
    """The same with its latest version spoilt."""
    versions = CATALOGUE.control(name).versions
    return one(name, versions=(*versions[:-1], replace(versions[-1], **changes)))


GENERAL = Application(Route.GENERAL, date(2030, 1, 1))
DEFECTS = [
    pytest.param(Catalogue((), ()), "holds no framework", id="empty"),
    pytest.param(Catalogue((CATALOGUE.frameworks[0],) * 2, ()), "is there 2 times", id="framework-twice"),
    pytest.param(
        Catalogue(CATALOGUE.frameworks, (CATALOGUE.control("gdpr-5-2"),) * 2), "gdpr-5-2 is there 2", id="twice"
    ),
    pytest.param(one("gdpr-5-2", id="x", framework="GDPR", reference="Art. 4a(1)"), "", id="same-reference-elsewhere"),
    pytest.param(one("aia-10-1", reference="Art. 4a(1)"), "Art. 4a(1) is there 2 times", id="same-reference"),
    pytest.param(one("gdpr-5-2", framework="LL144"), "LL144, which is not in the catalogue", id="framework"),
    pytest.param(one("gdpr-5-2", title=" "), "has no title", id="title"),
    pytest.param(one("gdpr-5-2", applies_to="somebody"), "somebody, which is nobody", id="applies-to"),
    pytest.param(one("gdpr-5-2", automation="magic"), "magic, which is unknown", id="automation"),
    pytest.param(one("gdpr-5-2", versions=()), "has no version", id="no-version"),
    pytest.param(one("gdpr-5-2", evidence=("rumour",)), "asks for rumour", id="evidence"),
    pytest.param(latest("gdpr-5-2", duty=""), "says no duty", id="duty"),
    pytest.param(latest("gdpr-5-2", valid_to=date(2030, 1, 1)), "without a version that says so", id="end"),
    pytest.param(latest("gdpr-5-2", valid_to=date(2010, 1, 1)), "ends before it begins", id="backwards"),
    pytest.param(latest("gdpr-5-2", known_from=date(2030, 1, 1)), "before anybody could know", id="secret-law"),
    pytest.param(latest("gdpr-5-2", applies_from=()), "no date from which it applies", id="no-date"),
    pytest.param(latest("gdpr-5-2", applies_from=(GENERAL, GENERAL)), "two dates for one route", id="two-dates"),
    pytest.param(
        latest("gdpr-5-2", applies_from=(GENERAL, replace(GENERAL, route=Route.ANNEX_I))), "two dates", id="all-and-one"
    ),
    pytest.param(
        latest("gdpr-5-2", applies_from=(replace(GENERAL, date=date(2000, 1, 1)),)), "before it is law", id="too-early"
    ),
    pytest.param(latest("aia-10-1", valid_from=date(2026, 7, 28)), "a gap or an overlap", id="gap"),
    pytest.param(latest("aia-10-1", known_from=date(2020, 1, 1)), "before its earlier text was known", id="order"),
    pytest.param(latest("aia-10-5", successors=("aia-99",)), "aia-99, which is not in the catalogue", id="dangling"),
    pytest.param(latest("aia-10-5", successors=("aia-10-5",)), "aia-10-5, which is repealed itself", id="to-itself"),
]


@pytest.mark.parametrize(("catalogue", "expected"), DEFECTS)
def test_a_defect_is_found_and_named(catalogue: Catalogue, expected: str) -> None:
    found = problems(catalogue)
    if expected:
        assert any(expected in problem for problem in found), found
    else:
        assert found == ()


# -- Files ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: "not json", id="not-json"),
        pytest.param(lambda _: "[]", id="another-shape"),
        pytest.param(lambda content: content.replace('"valid_from"', '"valid_form"', 1), id="misspelt-field"),
        pytest.param(lambda content: content.replace('"kind": "duty"', '"kind": "wish"', 1), id="unknown-kind"),
        pytest.param(lambda content: content.replace("2018-05-25", "25 May 2018", 1), id="no-date"),
        pytest.param(lambda content: content.replace('"general"', '"scenic"', 1), id="unknown-route"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, spoil: Any) -> None:
    spoilt = tmp_path / "gdpr.json"
    spoilt.write_text(spoil((FOLDER / "gdpr.json").read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"gdpr\.json cannot be read"):
        read([spoilt])


@pytest.mark.skipif(not SOURCE.exists(), reason="the flat list of controls is not beside this repository")
def test_the_files_are_what_the_list_of_controls_gives() -> None:
    build = importlib.import_module("deploy.build_frameworks").build
    for name, content in build(json.loads(SOURCE.read_text(encoding="utf-8"))).items():
        assert json.loads((FOLDER / name).read_text(encoding="utf-8")) == content
