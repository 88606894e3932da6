"""Documents by the points of a law: filled from records or by people, open by name, final only when nothing is open."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from django.utils import timezone

from audits.frameworks.catalogue import Catalogue
from audits.reports.document import plain
from audits.reports.dossier import (
    OUTLINES,
    DossierDocument,
    DossierIncompleteError,
    Point,
    PointStatus,
    render_markdown,
)
from audits.reports.render import render_html
from governance.dossiers.answers import ANSWERS, HINTS
from governance.dossiers.documents import LINEAGE_NOW, NAMES_NOW, REGISTERED_LATER, build_dossier
from governance.law.classifications import assign_control, attest, classify_model
from governance.models import PromotionRequest
from governance.promotions import rerun_checks
from registry.errors import InvalidInputError
from registry.models import ModelVersion, Person
from tests.governance.law.test_classification_rules import PLAIN
from tests.people import PASSWORD, World
from tests.stories import gap, later, measure, result

TODAY = timezone.now().date()
KINDS = pytest.mark.parametrize("kind", sorted(OUTLINES))


def points(document: DossierDocument) -> dict[str, Point]:
    return {point.control: point for point in document.points}


def test_every_answer_and_hint_belongs_to_a_point_of_some_document() -> None:
    catalogue = Catalogue.load()
    known = {control.id for outline in OUTLINES.values() for control in outline.controls(catalogue, TODAY)}
    assert set(ANSWERS) | set(HINTS) <= known
    assert not set(ANSWERS) & set(HINTS)
    assert len(OUTLINES["annex-iv"].controls(catalogue, TODAY)) == 23


@KINDS
def test_each_point_is_answered_or_owed_by_somebody(version: ModelVersion, kind: str) -> None:
    document = build_dossier(version, kind=kind, as_of=TODAY)
    assert document.points
    for point in document.points:
        assert point.recorded or point.answer or point.status is PointStatus.OPEN
        assert point.owner
    text = render_markdown(document)
    assert f"**Draft: {len(document.open_points)} of {len(document.points)} points open.**" in text
    assert text.count("to be completed by Maya Medina") == len(document.open_points)
    assert plain(document.to_evidence()["points"]) == document.to_evidence()["points"]


@KINDS
def test_a_document_with_open_points_does_not_become_final(version: ModelVersion, kind: str) -> None:
    with pytest.raises(DossierIncompleteError) as refusal:
        build_dossier(version, kind=kind, as_of=TODAY, final=True)
    draft = build_dossier(version, kind=kind, as_of=TODAY)
    assert refusal.value.open_points == tuple(point.reference for point in draft.open_points)


def test_the_records_fill_what_they_know(in_review: PromotionRequest) -> None:
    found = points(build_dossier(in_review.version, kind="annex-iv", as_of=TODAY))
    assert found["aia-annex4-1-a"].recorded[0] == "Propose whom a nurse should call first."
    assert "clinic register" in found["aia-annex4-2-d"].recorded[0]
    assert any("at most 0.20" in text for text in found["aia-annex4-2-g"].recorded)
    assert found["aia-annex4-5"].status is PointStatus.OPEN


def test_what_only_helps_a_person_leaves_the_point_open(in_review: PromotionRequest) -> None:
    found = points(build_dossier(in_review.version, kind="dpia", as_of=TODAY))
    assert "Propose whom a nurse should call first." in found["gdpr-35-7-a"].hints
    assert found["gdpr-35-7-a"].status is PointStatus.OPEN


def test_a_persons_answer_fills_a_point_until_it_ends(
    world: World, version: ModelVersion, carla: Person, rosa: Person
) -> None:
    due, ends = TODAY + timedelta(days=3), TODAY + timedelta(days=30)
    assign_control(actor=carla, model=world.model, control_id="aia-annex4-5", owner=rosa, due=due)
    open_ = points(build_dossier(version, kind="annex-iv", as_of=TODAY))["aia-annex4-5"]
    assert (open_.owner, open_.due) == ("Rosa Reyes", due)
    attest(
        actor=rosa,
        model=world.model,
        control_id="aia-annex4-5",
        answer="See the risk file.",
        expires_on=ends,
        password=PASSWORD,
    )
    assert points(build_dossier(version, kind="annex-iv", as_of=TODAY))["aia-annex4-5"].status is PointStatus.SIGNED
    assert points(build_dossier(version, kind="annex-iv", as_of=ends))["aia-annex4-5"].status is PointStatus.OPEN


def test_audit_answer_and_owner_are_those_of_the_day(
    world: World, in_review: PromotionRequest, carla: Person, rosa: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = in_review.version

    def on(day: date) -> dict[str, Point]:
        return points(build_dossier(version, kind="annex-iv", as_of=day))

    later(monkeypatch, days=3)
    today, after = TODAY + timedelta(days=3), TODAY + timedelta(days=90)
    assign_control(actor=carla, model=world.model, control_id="aia-annex4-5", owner=rosa, due=after)
    attest(
        actor=rosa, model=world.model, control_id="aia-annex4-5", answer="Said.", expires_on=after, password=PASSWORD
    )
    assert [on(day)["aia-annex4-5"].owner for day in (TODAY, today)] == ["Maya Medina", "Rosa Reyes"]
    assert [on(day)["aia-annex4-5"].answer for day in (TODAY, today, after)] == ["", "Said.", ""]
    assert on(TODAY - timedelta(days=1))["aia-annex4-2-g"].recorded == ()
    measured = on(TODAY)["aia-annex4-2-g"].recorded
    rerun_checks(actor=in_review.requested_by, request=in_review, reason="new rows")
    assert on(today)["aia-annex4-2-g"].recorded == measured
    in_review.refresh_from_db()
    measure(in_review, result(gap(0.5)))
    assert on(TODAY)["aia-annex4-2-g"].recorded == measured
    assert on(today)["aia-annex4-2-g"].recorded != measured


def test_class_and_role_are_those_of_the_day(
    world: World, version: ModelVersion, carla: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, days=2)
    classify_model(actor=carla, model=world.model, answers=PLAIN, reasons="It sorts mail.", password=PASSWORD)
    version.refresh_from_db()
    told = [build_dossier(version, kind="annex-iv", as_of=TODAY + timedelta(days=days)) for days in (0, 2)]
    assert [document.subject.risk_class for document in told] == ["high", "minimal"]


def test_a_day_that_has_passed_says_what_is_told_as_of_now(
    version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    today, ahead = TODAY + timedelta(days=2), TODAY + timedelta(days=90)
    later(monkeypatch, days=2)
    told = {
        day: build_dossier(version, kind="annex-iv", as_of=day)
        for day in (TODAY - timedelta(days=1), TODAY, today, ahead)
    }
    assert [document.records_of for document in told.values()] == [*list(told)[:3], today]
    assert [document.told_now for document in told.values()] == [
        (NAMES_NOW, LINEAGE_NOW, REGISTERED_LATER),
        (NAMES_NOW, LINEAGE_NOW),
        (),
        (),
    ]
    page = render_html(told[TODAY])
    assert NAMES_NOW in page
    assert "Law and records as of" in page
    assert "records as of" in render_html(told[ahead])
    german = build_dossier(version, kind="annex-iv", as_of=TODAY, language="de")
    assert NAMES_NOW not in render_html(german).partition("<script")[0]
    assert NAMES_NOW in german.to_evidence()["told_now"]
    assert NAMES_NOW.rstrip(".") in render_markdown(told[TODAY])


@pytest.mark.parametrize("text", ["TODO", "tbd", "To be completed by legal", "{{ name }}", "???", "Lorem ipsum dolor"])
def test_a_placeholder_is_no_answer(version: ModelVersion, text: str) -> None:
    draft = build_dossier(version, kind="annex-v", as_of=TODAY)
    filled = tuple(dataclasses.replace(point, answer="Said and signed.") for point in draft.points)
    assert dataclasses.replace(draft, points=filled, final=True).open_points == ()
    spoilt = (dataclasses.replace(filled[0], answer=f"Name: {text}"), *filled[1:])
    with pytest.raises(DossierIncompleteError, match="1 points are open"):
        dataclasses.replace(draft, points=spoilt, final=True)


def test_a_document_without_points_is_never_final(version: ModelVersion) -> None:
    early = build_dossier(version, kind="annex-iv", as_of=date(2020, 1, 1))
    assert early.points == ()
    with pytest.raises(DossierIncompleteError):
        dataclasses.replace(early, final=True)


def test_retention_is_answered_only_when_every_personal_dataset_says_it(version: ModelVersion) -> None:
    found = points(build_dossier(version, kind="art-30", as_of=TODAY))
    assert found["gdpr-30-1-f"].status is PointStatus.OPEN
    assert found["gdpr-30-1-b"].recorded == (
        "patients/1: care planning, on the basis of Art. 6(1)(e) (task in the public interest).",
    )


def test_an_unknown_kind_is_named(version: ModelVersion) -> None:
    with pytest.raises(InvalidInputError, match="annex-iv"):
        build_dossier(version, kind="annex-x", as_of=TODAY)
