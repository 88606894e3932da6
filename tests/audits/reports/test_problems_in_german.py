"""Why nothing was measured is said in German too: what checks and readers of models refuse, and how children end."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from audits.reports.tongue import ours
from tests.audits.reports.sayings import GAP, calls, sentences

AUDITS = Path(__file__).parents[3] / "audits"
#: Errors whose text is "field: problem", as a record holds it.
FIELDED = {"EvidenceError", "ReferenceDisagreementError"}
#: What stands in the gap of another sentence: of a damaged model, a malformed file, a question that was not answered.
INNER = {"damaged", "_damaged", "_refuse", "MalformedError", "QuestionError"}
#: Whole messages of an observation without a measurement.
WHOLE = {"_error", "not_run", "failed", "_DigestMismatch"}
#: What a library says, after the name of its error; and what is read part by part below.
ELSEWHERE = {f"{GAP}: {GAP}", f"{GAP} needs {GAP}."}


def problems(source: str) -> Iterator[str]:
    """Every sentence of ours with which a module can end a measurement."""
    for name, arguments, scope in calls(source):
        # Where nothing follows a colon, the sentence without its end is said.
        said = {text for text in sentences(arguments[-1], scope) if not text.endswith(": ")} if arguments else set()
        said -= {"", GAP}
        if name in FIELDED:
            fields = {*sentences(arguments[0], scope)} or {GAP}
            yield from (f"{field}: {problem}" for field in fields for problem in said)
        elif name in INNER | WHOLE:
            yield from said - ELSEWHERE


def needs(source: str) -> Iterator[str]:
    """Why a check is not even started, from the function that looks for what it needs."""
    functions = {node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(functions["_missing_need"]):
        if isinstance(node, ast.JoinedStr):
            yield from (f"{GAP} needs {what}." for what in sentences(node) if not what.startswith(GAP))


MODULES = [path for path in sorted(AUDITS.rglob("*.py")) if "reports" not in path.parts]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(AUDITS)))
def test_a_problem_is_said_in_german(path: Path) -> None:
    with translation.override("de"):
        left = {text for text in problems(path.read_text(encoding="utf-8")) if ours(text) == text}
    assert left == set()


def test_problems_are_found_where_they_are_made() -> None:
    found = {text for path in MODULES for text in problems(path.read_text(encoding="utf-8"))}
    assert len(found) > 150
    listed = "model: holds types that are not allowed here: 7 and 7 more. An administrator can have them reviewed; "
    assert f"{listed}a type is allowed only by a release of this service" in found
    planted = """
def measure(rows, name):
    whole = " whole" if rows else ""
    says = f"takes a{whole} number" if name else str(rows)
    raise EvidenceError(name, says) if rows else EvidenceError("model", "sings" + _tail(rows))

def _tail(rows):
    return " aloud: " + rows.text
"""
    assert set(problems(planted)) == {"7: takes a whole number", "7: takes a number", "model: sings aloud: 7"}


def test_a_check_says_in_german_what_it_needs() -> None:
    found = [*needs((AUDITS / "sandbox.py").read_text(encoding="utf-8"))]
    assert len(found) == 4
    with translation.override("de"):
        assert [text for text in found if ours(text) == text] == []


ENDPOINT = "https://scores.example/v1"


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("no endpoint is registered for this model", "für dieses Modell ist kein Endpunkt registriert"),
        ("more than 64 questions or 512 MiB were asked", "mehr als 64 Fragen oder 512 MiB wurden gestellt"),
        (f"{ENDPOINT} answered with status 500", f"{ENDPOINT} antwortete mit Status 500"),
        (
            f"{ENDPOINT} answered with status 401: it does not admit the credential scores",
            f"{ENDPOINT} antwortete mit Status 401: die Zugangsdaten scores werden nicht zugelassen",
        ),
        (
            f"{ENDPOINT} answered with status 403: it asks for a credential, and the registered file names none",
            f"{ENDPOINT} antwortete mit Status 403: es verlangt Zugangsdaten, und die registrierte Datei nennt keine",
        ),
        (f"{ENDPOINT} answered with more than 64 MiB", f"{ENDPOINT} antwortete mit mehr als 64 MiB"),
        ("scores.example did not answer: timed out", "scores.example antwortete nicht: timed out"),
        (
            "scores.example is at 10.0.0.7, which is not a public address.",
            "scores.example liegt an 10.0.0.7, was keine öffentliche Adresse ist.",
        ),
        (
            "The credential scores is not sent without TLS.",
            "Die Zugangsdaten scores werden nicht ohne TLS gesendet.",
        ),
        (f"{ENDPOINT} repeats the credential in its answer", f"{ENDPOINT} wiederholt die Zugangsdaten in der Antwort"),
    ],
)
def test_why_an_endpoint_was_not_asked_is_said_in_german(why: str, said: str) -> None:
    with translation.override("de"):
        assert ours(f"model: the endpoint could not be asked: {why}") == (
            f"model: der Endpunkt ließ sich nicht befragen: {said}"
        )


def test_the_parts_of_a_problem_are_said_in_german_and_names_stay() -> None:
    with translation.override("de"):
        assert ours("model: tree 1204 of the model is damaged or was tampered with: a node has one child") == (
            "model: Baum 1204 des Modells ist beschädigt oder wurde manipuliert: ein Knoten hat nur ein Kind"
        )
        assert ours("columns: is not a column of dataset:evaluation; it has errors, labels") == (
            "columns: ist keine Spalte von dataset:evaluation; vorhanden sind errors, labels"
        )


def test_a_reason_in_a_finding_has_no_full_stop_and_is_still_known() -> None:
    said = "fairness.group_metrics ran out of time: No answer within 2.5 s; the check was stopped. "
    with translation.override("de"):
        assert ours(f"{said}AUC therefore counts as not shown.") == (
            "fairness.group_metrics hat die Zeit überschritten: Keine Antwort innerhalb von 2,5 s; die Messung wurde "
            "abgebrochen. AUC gilt deshalb als nicht gezeigt."
        )
