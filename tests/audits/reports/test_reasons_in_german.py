"""Why a value could not be estimated is said in German too, whichever check says it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from audits.reports.tongue import ours
from tests.audits.reports.sayings import sentences

ROOT = Path(__file__).parents[3]
#: Where reasons are made: the keyword of a value, and the names that hold one on its way there.
KEYWORDS, NAMES, MAKERS = {"not_estimable", "reason"}, {"reason", "why", "untold"}, {"_nothing", "nothing"}


def reasons(source: str) -> Iterator[str]:
    """Every reason a module can give."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and {getattr(target, "id", "") for target in node.targets} & NAMES:
            yield from _worded(node.value)
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in KEYWORDS:
                    yield from _worded(keyword.value)
            if (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) in MAKERS:
                for argument in node.args[1:]:
                    yield from _worded(argument)


def _worded(node: ast.AST) -> Iterator[str]:
    return (text for text in sentences(node) if " " in text)


MODULES = sorted(path for folder in ("checks", "statistics") for path in (ROOT / "audits" / folder).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_check_says_in_german_why_it_has_no_value(path: Path) -> None:
    with translation.override("de"):
        left = {text for text in reasons(path.read_text(encoding="utf-8")) if ours(text) == text}
    assert left == set()


def test_reasons_are_found_where_checks_make_them() -> None:
    found = [text for path in MODULES for text in reasons(path.read_text(encoding="utf-8"))]
    assert len(found) > 60
    assert list(reasons("MetricValue(not_estimable=f'only {n} rows' if n else 'no rows')")) == [
        "only 7 rows",
        "no rows",
    ]
    assert list(reasons("why = known or 'nobody is there'")) == ["nobody is there"]
