"""Canonical JSON and digests: the vectors of RFC 8785, the refusals, and what must hold for every value."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.canonical import CanonicalError, canonical_json, digest, digest_file, digest_of, is_digest

# RFC 8785, appendix B: IEEE 754 bits and the one way to write them.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_are_written_as_the_standard_lists_them(bits: str, text: str) -> None:
    number = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert canonical_json(number) == text.encode()


def test_the_worked_example_of_the_standard() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value) == expected.encode()


def test_keys_are_sorted_by_utf_16_units_not_by_code_points() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    order = list(json.loads(canonical_json(value)).values())
    assert order == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def _deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "path", "word"),
    [
        (math.nan, "$", "nan"),
        ({"a": [1.0, math.inf]}, "$.a[1]", "inf"),
        ({"a": {1: "x"}}, "$.a", "key 1 is not text"),
        ({"a": {None: "x"}}, "$.a", "key None is not text"),
        ({"limit": Decimal("0.20")}, "$.limit", "Decimal"),
        ({"n": 2**53}, "$.n", "2^53 - 1"),
        ({"n": -(2**53)}, "$.n", "2^53 - 1"),
        ([b"bytes"], "$[0]", "bytes"),
        ([{1, 2}], "$[0]", "set"),
        ({"name": "\ud800"}, "$.name", "surrogate"),
        ({"\ud800": 1}, "$", "surrogate"),
        (_deep(100_000), "$" + "[0]" * 201, "nested"),
    ],
)
def test_what_cannot_be_carried_without_loss_is_refused_by_place(value: Any, path: str, word: str) -> None:
    with pytest.raises(CanonicalError) as refusal:
        canonical_json(value)
    assert refusal.value.field == path
    assert word in str(refusal.value)
    assert refusal.value.code == "not-canonical"


class Colour(StrEnum):
    RED = "red"


def test_words_of_a_closed_vocabulary_are_written_as_their_text() -> None:
    assert canonical_json({Colour.RED: Colour.RED, "t": (1, 2)}) == b'{"red":"red","t":[1,2]}'


_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=20,
)


@given(_json)
def test_canonical_bytes_carry_the_value_and_are_their_own_canonical_form(value: Any) -> None:
    written = canonical_json(value)
    # The form has one kind of number, the double: 1e20 is written without a point.
    read = json.loads(written, parse_int=float)
    assert read == value
    assert canonical_json(read) == written


@given(st.dictionaries(_text, _json, min_size=2, max_size=6))
def test_the_order_in_which_keys_were_added_leaves_no_trace(value: dict[str, Any]) -> None:
    assert digest_of(dict(reversed(value.items()))) == digest_of(value)


def test_a_digest_is_sha256_in_lower_case_hex() -> None:
    assert digest(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of({"b": 1, "a": None}) == digest(b'{"a":null,"b":1}')


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_file_has_the_digest_of_its_content(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    path = tmp_path / "artifact"
    path.write_bytes(content[:size])
    assert digest_file(path) == f"sha256:{hashlib.sha256(content[:size]).hexdigest()}"


@given(st.binary())
def test_every_digest_is_recognised(content: bytes) -> None:
    assert is_digest(digest(content))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "a" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "SHA256:" + "a" * 64,
        "sha512:" + "a" * 64,
        "sha256:" + "a" * 64 + "\n",
        " sha256:" + "a" * 64,
        "sha256:" + "\u0661" * 64,
        None,
        7,
        b"sha256:" + b"a" * 64,
    ],
)
def test_only_one_spelling_is_a_digest(text: object) -> None:
    assert not is_digest(text)
