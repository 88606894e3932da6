"""A person's explanation is sealed and handed out once; only its fingerprint stays here."""

from __future__ import annotations

import base64
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import translation
from jsonschema import Draft202012Validator

import assay_verify
from audits.reports.render import render_html
from audits.reports.schemas import SCHEMAS
from audits.reports.seal import check_seal
from audits.reports.tongue import ours
from governance import explanations
from governance.access.tokens import Scope
from governance.explanations import approval_of, explain_decision
from governance.models import PromotionRequest
from registry import receipts
from registry.canonical import digest
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, ModelVersion, Person
from registry.signing import keyring
from tests.governance.api.conftest import Connect, connect, refused  # noqa: F401
from tests.governance.pages.conftest import Browser, signed_in  # noqa: F401
from tests.loans import ROW
from tests.programs import needs_vera, vera

PATH = "/api/v1/models/care-priority/versions/1/explanations/"
PAGE = reverse("version-explain", args=["care-priority", 1])
#: What only this person's row holds.
SECRET = "1.2534567"
THEIRS = {"income": float(SECRET), "debts": 3.5}


def told() -> list[dict[str, Any]]:
    return [json.loads(bytes(entry.body)) for entry in LedgerEntry.objects.order_by("index")]


def test_the_page_is_sealed_and_holds_its_evidence(loans: ModelVersion, maya: Person) -> None:
    given = explain_decision(actor=maya, version=loans, row=ROW, mutable=["income=+"])
    facts = check_seal(given.sealed, roots=[keyring().root])
    assert facts.field_name == "AssaySeal"
    evidence = json.loads(given.evidence)
    assert evidence["schema"] == "assay.explanation/1"
    assert evidence["report"]["number"] == given.number
    assert {reason["feature"] for reason in evidence["explanation"]["reasons"]} == {"debts", "income"}
    last = told()[-1]
    assert (last["event"], last["subject"]) == ("explanation.given", f"version:{loans}")
    assert last["facts"] == {
        "number": given.number,
        "version": loans.record_digest,
        "evidence": digest(given.evidence),
        "file": digest(given.sealed),
    }


def test_it_tells_the_law_of_the_day_in_the_language_asked_for(loans: ModelVersion, maya: Person) -> None:
    def told_on(day: date) -> dict[str, str]:
        given = explain_decision(actor=maya, version=loans, row=ROW, as_of=day, language="de")
        evidence = json.loads(given.evidence)
        assert (evidence["report"]["as_of"], evidence["report"]["language"]) == (day.isoformat(), "de")
        Draft202012Validator(SCHEMAS["explanation"]()).validate(evidence)
        return {right["control"]: right["effective"] for right in evidence["rights"]}

    before, after = told_on(date(2026, 6, 30)), told_on(date(2026, 8, 1))
    assert before["gdpr-15-1-h"] == after["gdpr-15-1-h"] == "binding since 25 May 2018"
    assert before["aia-86-1"] == "upcoming, applies from 2 August 2026"
    assert after["aia-86-1"].startswith("date unsettled: ")


@pytest.mark.parametrize(("wrong", "field"), [({"language": "fr"}, "language"), ({"as_of": date(2099, 1, 1)}, "as_of")])
def test_a_law_or_a_language_that_is_not_there_is_refused(
    loans: ModelVersion, maya: Person, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        explain_decision(actor=maya, version=loans, row=ROW, **wrong)
    assert refusal.value.field == field


def test_a_stranger_verifies_the_page_and_its_json(loans: ModelVersion, maya: Person, tmp_path: Path) -> None:
    given = explain_decision(actor=maya, version=loans, row=ROW, mutable=["income=+"])
    receipt = receipts.receipt_text(given.entry)
    assert receipt is not None
    papers = {
        "ca.pem": keyring().anchor_pem,
        "keys.json": json.dumps(keyring().published_keys()).encode(),
        "receipt": receipt.encode(),
        "page.pdf": given.sealed,
        "page.json": given.evidence,
    }
    for name, content in papers.items():
        (tmp_path / name).write_bytes(content)
    options = [f"--{name}={tmp_path / file}" for name, file in (("keys", "keys.json"), ("receipt", "receipt"))]
    for name in ("page.pdf", "page.json"):
        arguments = [str(tmp_path / name), f"--trust={tmp_path / 'ca.pem'}", *options]
        outcome = assay_verify.verify(assay_verify.parser().parse_args(arguments))
        assert (outcome.exit_code, outcome.problem) == (0, "")
        assert outcome.facts["kind"] == "explanation"


def test_neither_the_row_nor_the_page_is_kept(loans: ModelVersion, maya: Person, tmp_path: Path) -> None:
    first = explain_decision(actor=maya, version=loans, row=THEIRS)
    second = explain_decision(actor=maya, version=loans, row=THEIRS)
    assert digest(first.evidence) != digest(second.evidence)
    assert SECRET not in json.dumps([entry["facts"] for entry in told()])
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert SECRET not in str(cursor.fetchall()), table
    del tmp_path


def test_otto_may_not_ask_and_the_ledger_has_it(loans: ModelVersion, otto: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        explain_decision(actor=otto, version=loans, row=ROW)
    last = told()[-1]
    assert (last["event"], last["facts"]["code"]) == ("action.refused", "permission-refused")


def test_a_row_that_does_not_fit_leaves_no_entry(loans: ModelVersion, maya: Person) -> None:
    before = len(told())
    with pytest.raises(InvalidInputError, match="debts: is missing"):
        explain_decision(actor=maya, version=loans, row={"income": 1})
    assert len(told()) == before


def test_the_approval_names_roles_and_no_people(staged: PromotionRequest) -> None:
    approval = approval_of(staged.version)
    assert approval["stage"] == "staging"
    assert approval["reviewed_by"] == ["model validator", "risk officer"]
    assert approval["policy"] == "house_rules/1"
    assert "Victor" not in json.dumps(approval)


def test_without_an_open_gate_there_is_no_approval(version: ModelVersion) -> None:
    assert approval_of(version) == {}


# Over the API and on the page -----------------------------------------------------------------------------------------


def test_the_api_hands_it_out_once(loans: ModelVersion, maya: Person, connect: Connect) -> None:  # noqa: F811
    client = connect(maya, Scope.REPORT_READ)
    body = {"row": THEIRS, "mutable": ["income=+"]}
    answer = client.post(PATH, body, format="json", HTTP_IDEMPOTENCY_KEY="one")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "private, no-store"
    given = answer.json()
    assert given["explanation"]["explanation"]["decision"]["label"] == "not 1"
    assert base64.b64decode(given["pdf"]).startswith(b"%PDF-")
    again = client.post(PATH, body, format="json", HTTP_IDEMPOTENCY_KEY="one").json()
    assert again == {"number": given["number"], "explanation": None, "pdf": None, "receipt": None}
    assert sum(entry["event"] == "explanation.given" for entry in told()) == 1


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"row": {"income": 1}}, 422, "invalid-input", "row"),
        ({"row": {"income": [1], "debts": 2}}, 400, "malformed", "row"),
        ({"row": ROW, "mutable": ["income=?"]}, 422, "invalid-input", "row"),
        ({"row": ROW, "person": "Ann"}, 400, "malformed", "person"),
    ],
)
def test_the_api_refuses_what_does_not_fit(
    body: dict[str, Any],
    status: int,
    code: str,
    field: str,
    loans: ModelVersion,
    maya: Person,
    connect: Connect,  # noqa: F811
) -> None:
    assert loans.number == 1
    refused(connect(maya).post(PATH, body, format="json"), status, code, field)


def fields(**ways: str) -> dict[str, str]:
    return {"value-0": SECRET, "value-1": "3.5", **ways}


def test_the_page_shows_it(loans: ModelVersion, maya: Person, signed_in: Browser) -> None:  # noqa: F811
    client = signed_in(maya)
    assert (
        reverse("version-explain", args=["care-priority", 1])
        in client.get(reverse("model-version", args=["care-priority", loans.number])).content.decode()
    )
    assert "income" in client.get(PAGE).content.decode()
    text = client.post(PAGE, fields(**{"way-0": "+"}) | {"as": "page"}).content.decode()
    assert "paid: not 1" in text
    assert "would have been the other one if income had been" in text


def test_who_reads_german_is_answered_in_german(loans: ModelVersion, maya: Person, signed_in: Browser) -> None:  # noqa: F811
    """On the page and on paper, with numbers as German writes them; the evidence stays as it was signed."""
    client = signed_in(maya)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    page = client.post(PAGE, fields(**{"way-0": "+"}) | {"as": "page"}).content.decode()
    given = explain_decision(actor=maya, version=loans, row=THEIRS, mutable=["income=+"], language="de")
    for shown in (page, render_html(given.document)):
        text = re.sub(r"<(style|script|pre|code).*?</\1>|<[^>]+>", " ", shown, flags=re.DOTALL)
        assert "paid: nicht 1" in text
        assert "aller Einflüsse ausgemacht" in text
        assert "der wichtigsten Gründe dieselben" in text
        assert "wäre anders ausgefallen, wenn income" in text
        assert re.search(r"ist 0,\d+", text)
        assert not set(re.findall(r"\b[a-z]+\b", text)) & {
            "the",
            "this",
            "would",
            "had",
            "made",
            "influences",
            "validator",
        }
    assert "made up" in json.loads(given.evidence)["explanation"]["reasons"][0]["words"]


@pytest.mark.parametrize("way", ["raised", "lowered", "left"])
@pytest.mark.parametrize("told", ["was not given", "was 3"])
def test_every_reason_is_said_in_german(way: str, told: str) -> None:
    with translation.override("de"):
        said = ours(f"debts {told}; this {way} the score and made up 12% of all influences.")
    assert said.startswith("debts war ")
    assert "12% aller Einflüsse" in said


def test_the_page_gives_the_pdf(loans: ModelVersion, maya: Person, signed_in: Browser) -> None:  # noqa: F811
    assert loans.number == 1
    answer = signed_in(maya).post(PAGE, fields() | {"as": "pdf"})
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert answer["Content-Disposition"].startswith('attachment; filename="EX-')


def test_the_page_says_what_is_wrong_and_keeps_outsiders_out(
    loans: ModelVersion,
    maya: Person,
    otto: Person,
    signed_in: Browser,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert loans.number == 1
    answer = signed_in(maya).post(PAGE, {"value-0": "much", "value-1": "3.5"})
    assert answer.status_code == 422
    assert "is not a number" in answer.content.decode()
    assert signed_in(otto).get(PAGE).status_code == 404
    monkeypatch.setattr(explanations, "PERMISSION", "registry.break_glass")
    monkeypatch.setattr("governance.pages.explanation_pages.PERMISSION", "registry.break_glass")
    assert signed_in(maya).get(PAGE).status_code == 403


@needs_vera()
@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_vera_agrees_with_the_page_of_an_explanation(
    loans: ModelVersion,
    maya: Person,
    tmp_path: Path,
    language: str,
) -> None:
    path = tmp_path / "explanation.pdf"
    given = explain_decision(actor=maya, version=loans, row=THEIRS, mutable=["income=+"], language=language)
    path.write_bytes(given.sealed)
    for flavour in ("3a", "ua1"):
        said = vera(flavour, path)
        assert (said.returncode, "compliant: true" in said.stdout) == (0, True), said.stdout + said.stderr
