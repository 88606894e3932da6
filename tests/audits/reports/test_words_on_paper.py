"""What readers meet in place of a program's words: places of the law, names of metrics, signs of numbers."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from django.utils import translation

from audits.measurements import Interval, Table
from audits.reports import charts, figures, filters, wording
from audits.reports.document import ReportDocument
from audits.reports.pages import check_sections
from audits.reports.render import paper_html, render_html
from audits.reports.tongue import ours

LIBRARY = sorted((Path(__file__).parents[3] / "governance" / "policy_library").glob("*.yaml"))


def test_a_control_is_named_by_its_place_in_the_law() -> None:
    names = ["aia-10-2-f", "gdpr-5-1-a", "aia-13-3-b-v", "house-rule-7"]
    assert filters.places(names) == "EU AI Act Art. 10(2)(f), Art. 13(3)(b)(v); GDPR Art. 5(1)(a); house-rule-7"
    with translation.override("de"):
        assert filters.places(names[:2]) == "KI-VO Art. 10(2)(f); DSGVO Art. 5(1)(a)"


def test_what_a_check_ran_on_is_told_in_words() -> None:
    told = filters.environment(
        {
            "python": "3.11.7",
            "machine": "x86_64",
            "libraries": {"numpy": "2.4.6", "scipy": "1.17.1"},
            "network": "network namespace",
            "files": "landlock",
            "calls": "seccomp",
            "endpoints": ["https://models.example"],
        }
    )
    assert told == (
        "Python 3.11.7 (x86_64); numpy 2.4.6, scipy 1.17.1; confined by network namespace, landlock, seccomp; "
        "endpoints https://models.example"
    )
    assert filters.environment({}) == ""


def test_a_limit_has_the_sign_of_the_numbers_beside_it(closed_document: ReportDocument) -> None:
    finding = dataclasses.replace(closed_document.findings[0], limit="between -0.25 and 0.25")
    assert filters.limit(finding) == "between −0.25 and 0.25"
    with translation.override("de"):
        assert filters.limit(finding) == "zwischen −0,25 und 0,25"


def test_the_ends_of_an_interval_stay_apart_where_a_comma_is_the_decimal_mark() -> None:
    interval = Interval(-0.267, 0.308, 0.95, "wilson")
    assert figures.bounds(interval) == "[−0.267, 0.308]"
    with translation.override("de"):
        assert figures.bounds(interval) == "[−0,267; 0,308]"


@pytest.mark.parametrize("name", ["No far rows", "Every limit has rows", "between you and me"])
def test_a_name_that_ends_like_a_count_is_not_half_translated(name: str) -> None:
    with translation.override("de"):
        assert ours(name) == name
        assert ours("12 rows") == "12 Zeilen"


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("worst_drift_psi", "worst drift PSI"),
        ("proxy_auc", "proxy AUC"),
        ("brier", "Brier score"),
        ("roc_auc", "ROC AUC"),
    ],
)
def test_acronyms_are_written_in_capitals(metric: str, said: str) -> None:
    assert wording.metric_in_words(metric) == said


@pytest.mark.parametrize(
    "check",
    [
        *("fairness.slices", "fairness.calibration", "fairness.dataset_bias", "fairness.impact_ratios"),
        *("fairness.ranking", "fairness.regression", "fairness.multiclass", "fairness.conditional_parity"),
        *("lineage.digests", "lineage.leakage", "lineage.purpose", "lineage.special_categories"),
        *("performance.comparison", "robustness.perturbation"),
    ],
)
def test_a_check_that_does_something_else_than_its_family_says_so(check: str) -> None:
    family = wording.CHECKS.get(check.partition(".")[0], wording.GENERAL)
    assert wording.wording_of(check).method != family.method


def test_words_in_a_table_stand_left_numbers_right_and_metrics_in_words(closed_document: ReportDocument) -> None:
    table = Table(
        ("metric", "feature", "count", "note"),
        (("exact_overlap_fraction", "age", 3, None), ("roc_auc", "sex", None, True)),
    )
    checks = (dataclasses.replace(closed_document.checks[0], tables={"shares": table, "empty": Table(("a",), ())}),)
    shares, empty = check_sections(dataclasses.replace(closed_document, checks=checks))[0].tables
    assert [kind for _, kind in shares.columns] == ["", "", "num", ""]
    assert [[cell for cell, _ in row] for row in shares.rows] == [
        ["exact overlap fraction", "age", 3, None],
        ["ROC AUC", "sex", None, True],
    ]
    assert empty.rows == ()


def test_a_report_shows_no_id_of_a_control_in_its_sentences(closed_document: ReportDocument) -> None:
    page = render_html(closed_document)
    finding = next(finding for finding in closed_document.findings if finding.controls)
    assert f"Speaks to {filters.places(finding.controls)}." in page
    assert f"Speaks to {finding.controls[0]}" not in page
    assert ", because " not in page


def test_nothing_of_the_way_to_a_decision_is_clipped_in_german() -> None:
    with translation.override("de"):
        names = (ours("approve"), "Victor Vance", "high_risk/1")
        events = [
            charts.Event(at=datetime(2026, 9, 30, tzinfo=UTC), title=title, detail=detail)
            for title, detail in (
                (translation.gettext("Review: {verdict}").format(verdict=names[0]), f"von {names[1]}"),
                (translation.gettext("Decision ends"), translation.gettext("unless renewed")),
                (translation.gettext("Gate closed"), translation.gettext("policy {policy}").format(policy=names[2])),
            )
        ]
        assert "…" not in charts.timeline(events, title="t", description="d")


# -- The policies that ship -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_policy_that_ships_is_said_in_german(path: Path) -> None:
    policy = yaml.safe_load(path.read_text(encoding="utf-8"))
    criteria = [criterion for gate in policy["gates"] for criterion in gate["criteria"]]
    texts = {
        policy["title"],
        *(criterion[name] for criterion in criteria for name in ("reason", "set_by")),
        *(criterion["id"].replace("-", " ").capitalize() for criterion in criteria),
        *(answer["reason"] for answer in policy.get("metric_choice", {}).get("answers", ())),
    }
    with translation.override("de"):
        assert {text for text in texts if ours(text) == text} == set()


def test_criteria_are_named_as_the_findings_name_them() -> None:
    assert filters.criteria(["selection-gap", "licence"]) == "Selection gap, Licence"
    assert filters.criterion("every check of the gate to production") == "every check of the gate to production"
    with translation.override("de"):
        assert filters.criterion("selection-gap") == "Unterschied der Auswahl"
        assert filters.each("selection-gap is inconclusive; licence is error") == (
            "selection-gap ist nicht entschieden; licence endete mit einem Fehler"
        )
        assert filters.each("somebody said; so") == "somebody said; so"


def test_a_high_value_of_a_feature_is_no_high_risk_in_german() -> None:
    with translation.override("de"):
        drawn = charts.swarm([charts.Dot(label="age", value=0.1, rank=0.9)], title="t", description="d")
    assert ">hoch<" in drawn
    assert "Risiko" not in drawn


def test_the_ends_of_an_interval_in_a_table_are_no_risk_classes() -> None:
    with translation.override("de"):
        assert [filters.metric(name) for name in ("low", "high")] == ["unteres Ende", "oberes Ende"]
        assert ours("Predictions come from column s at threshold 0.5.") == (
            "Die Vorhersagen stammen aus der Spalte s an der Schwelle 0,5."
        )


def test_a_page_suits_a_telephone_and_paper_stays_paper(closed_document: ReportDocument) -> None:
    """WeasyPrint would take the width of a sheet for that of a screen."""
    narrow = "@media (max-width: 600px)"
    assert narrow in render_html(closed_document)
    assert narrow not in paper_html(closed_document, b"{}")


def test_several_changes_that_would_have_turned_a_decision_are_all_said_in_german() -> None:
    changes = "bmi had been 20 instead of 31.2 and bp had been 7 instead of 10"
    with translation.override("de"):
        assert ours(f"The decision would have been the other one if {changes}.") == (
            "Die Entscheidung wäre anders ausgefallen, wenn bmi 20 statt 31,2 und bp 7 statt 10 gewesen wäre."
        )
        job = "job had been clerk instead of arts and crafts"
        assert ours(job) == "job clerk statt arts and crafts gewesen wäre"
