"""What a check notes beside its values is said in German too, whichever check says it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from audits.reports.tongue import ours
from tests.audits.reports.sayings import sentences

CHECKS = Path(__file__).parents[3] / "audits" / "checks"
#: Where notes are made: functions that answer them, names that hold them, keywords that take them.
FUNCTIONS = {"notes", "_notes", "_told_elsewhere"}
NAMES = {"notes", "note", "NO_INPUTS", "POOLED"}


def notes(source: str) -> Iterator[str]:
    """Every note that a module can make, with a number in each gap."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS:
            answers = [part.value for part in ast.walk(node) if isinstance(part, ast.Return | ast.Yield) and part.value]
            yield from (text for answer in answers for text in _each(answer))
        elif isinstance(node, ast.Assign) and {getattr(target, "id", "") for target in node.targets} & NAMES:
            yield from _each(node.value)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "append":
                held = node.args if getattr(node.func.value, "id", "") in NAMES else []
                yield from (text for argument in held for text in _each(argument))
            yield from (text for given in node.keywords if given.arg in NAMES for text in _each(given.value))


def _each(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Tuple | ast.List):
        for part in node.elts:
            yield from _each(part)
    elif isinstance(node, ast.Starred):
        yield from _each(node.value)
    else:
        yield from (text for text in sentences(node) if " " in text)


def told(text: str) -> str:
    """A note as a check writes it: what was reached is a word, and an interval a decimal number."""
    return text.replace("wanted and 7,", "wanted and reached,")


MODULES = sorted(CHECKS.rglob("*.py"))
#: A reason in a table, which prints it as it was recorded.
IN_TABLES = {"holds 7 of the rows, less than 7"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_check_says_its_notes_in_german(path: Path) -> None:
    with translation.override("de"):
        left = {text for text in map(told, notes(path.read_text(encoding="utf-8"))) if ours(text) == text}
    assert left - IN_TABLES == set()


def test_notes_are_found_where_checks_make_them() -> None:
    assert len({text for path in MODULES for text in notes(path.read_text(encoding="utf-8"))}) > 18
    assert list(notes("Measurement(notes=(f'{n} rows were asked.', *more))")) == ["7 rows were asked."]


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (
            "Predictions come from the model, asked about every row.",
            "Die Vorhersagen stammen aus dem Modell, das zu jeder Zeile gefragt wurde.",
        ),
        (
            "nobody told of steps between columns of a: tags were followed by name there",
            "von Schritten zwischen Spalten ist bei a nichts bekannt: Kennzeichen wurden dort nach dem Namen verfolgt",
        ),
        (
            "Additivity error is 8.882e-16 (300 rows): the value alone is at most 0.001, as required.",
            "Additivitätsfehler ist 8,882e-16 (300 Zeilen): allein der Wert ist höchstens 0,001, wie verlangt.",
        ),
    ],
)
def test_no_note_is_said_in_two_languages(note: str, said: str) -> None:
    with translation.override("de"):
        assert ours(note) == said
