"""Text and numbers on paper: nothing invisible, nothing endless, no rounding that turns a verdict round."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audits.measurements import Interval, MetricValue
from audits.reports import figures
from audits.reports.document import ReportDocument
from audits.reports.text import LONGEST, printable, visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\nlines"),
        ("carriage\r\nreturn", "carriage\nreturn"),
        ("tab\there", "tab here"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("\u202eevil", "[U+202E]evil"),
        ("\ufeffmark", "[U+FEFF]mark"),
        ("nul\x00", "nul[U+0000]"),
        ("bell\x07", "bell[U+0007]"),
        ("lone \ud800", "lone [U+D800]"),
        ("private \ue000", "private [U+E000]"),
        ("\u2028", "[U+2028]"),
        ("Žofie Ångström Δημήτρης Дарья", "Žofie Ångström Δημήτρης Дарья"),
        ("שלום مرحبا", "שלום مرحبا"),
        ("漢", "[U+6F22]"),
        ("😀✅🦄", "[U+1F600][U+2705][U+1F984]"),
    ],
)
def test_what_a_reader_could_not_see_is_spelt_out(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_an_endless_text_is_cut_and_says_so() -> None:
    shown = visible("x" * 10_000_000)
    assert shown.startswith("x" * LONGEST + "…")
    assert len(shown) < LONGEST + 100


@example("\u1680\u2003\u3000")
@given(st.text(alphabet=st.characters(), max_size=60))
def test_visible_text_holds_no_control_or_format_character(raw: str) -> None:
    assert all(letter == "\n" or letter.isprintable() for letter in visible(raw))


def test_printable_reaches_every_text_and_keeps_the_rest(closed_document: ReportDocument) -> None:
    review = dataclasses.replace(closed_document.reviews[0], reason="a\u200bb")
    shown = printable(dataclasses.replace(closed_document, reviews=(review,)))
    assert shown.reviews[0].reason == "a[U+200B]b"
    assert dataclasses.replace(shown, reviews=closed_document.reviews) == closed_document


@pytest.mark.parametrize(
    ("value", "limits", "printed"),
    [
        (0.1234, (), "0.123"),
        (12345, (), "12,345"),
        (1.0, (), "1"),
        (0, (), "0"),
        (-0.25, (), "−0.250"),
        (3.2e-9, (), "3.20\u00a0×\u00a010⁻⁹"),
        (0.2004, (0.2,), "0.2004"),
        (0.1996, (0.2,), "0.1996"),
        (0.20000001, (0.2,), "0.20000001"),
        (0.2, (0.2,), "0.200"),
        (1234.5678, (), "1,234.568"),
    ],
)
def test_a_number_is_printed_so(value: float, limits: tuple[float, ...], printed: str) -> None:
    assert figures.figure(value, *limits) == printed


@given(st.floats(0.001, 1e6), st.decimals(0, 1000, places=2))
def test_a_printed_value_stands_on_the_same_side_of_its_limit_as_the_value(value: float, limit: object) -> None:
    bound = float(str(limit))
    read = float(figures.figure(value, bound).replace(",", "").replace("−", "-"))
    assert (read > bound) == (value > bound)
    assert (read < bound) == (value < bound)


def test_an_open_ended_interval_says_so() -> None:
    assert figures.bounds(Interval(None, 0.5, 0.95, "x")) == "[−∞, 0.500]"
    assert figures.bounds(Interval(0.25, None, 0.95, "x")) == "[0.250, ∞]"
    assert figures.bounds(None) == ""


def test_no_value_is_never_printed_as_a_number() -> None:
    assert figures.measured(None) == "nothing measured"
    assert figures.measured(MetricValue(metric="m", value=None, n=3, not_estimable="no positives")) == "not estimable"
