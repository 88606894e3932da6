"""YAML as plain values: what JSON has no word for is text, and what is made to break a reader is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.connectors import yaml_files


def bomb(line: str) -> str:
    """Each of nine lines names the one before ten times."""
    lines = ["a0: &a0 {x: 1}"]
    for number in range(1, 10):
        before = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(line.format(number=number, before=before))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("day: 2026-11-28", {"day": "2026-11-28"}),
        ("2026-11-28: day", {"2026-11-28": "day"}),
        ("7: one\ntrue: yes\nnull: none", {"7": "one", "true": True, "null": "none"}),
        ("[.nan, .inf, 1.5]", ["nan", "inf", 1.5]),
        ("a: &it [1]\nb: *it", {"a": [1], "b": [1]}),
        ("base: &base {x: 1}\nother: {<<: *base, y: 2}", {"base": {"x": 1}, "other": {"x": 1, "y": 2}}),
    ],
)
def test_plain_values(text: str, value: Any) -> None:
    assert yaml_files.loads(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "expected the node content"),
        ("a: &a [*a]", "more than 500000 values"),
        (bomb("a{number}: &a{number} [{before}]"), "more than 500000 values"),
        (bomb("a{number}: &a{number} {{<<: [{before}]}}"), "more than 500000 values"),
        ('a: "\\0"', "NUL or half a character"),
        ('"\\ud800": a', "NUL or half a character"),
        ("a: \x00", "special characters are not allowed"),
        ("[" * 5000, "nested too deeply"),
        (f"a: 0x{'f' * 5000}", "more than 256 bits"),
        ("a: 2026-99-99", "month must be in 1..12"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        ("a: 1\n---\nb: 2", "expected a single document"),
    ],
)
def test_what_is_made_to_break_a_reader_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        yaml_files.loads(text)


@given(text=st.text(alphabet="ab:-[]{}&*!<>|\n \"'\\0x.~,?", max_size=40))
def test_any_text_is_a_value_that_json_writes_or_a_refusal(text: str) -> None:
    try:
        value = yaml_files.loads(text)
    except ValueError:
        return
    assert json.loads(json.dumps(value, allow_nan=False)) == value
