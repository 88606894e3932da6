"""64-bit fingerprints of cells and rows, and which of them occur elsewhere. Worker only.

The fingerprint of a row is the XOR of those of its cells, so a row without one column is one more XOR away. Equal rows
have equal fingerprints; different ones share one by chance about once in 2^64 pairs.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from audits.checks._rows import NUMERIC, Rows, quoted

Array = np.ndarray[Any, Any]
_BITS_A_DIGIT = 3.33
_FILTER_BITS = 23
#: So many cells at a time stay in the processor's cache, and so does what is worked out from them.
_BLOCK = 1 << 14


def cells(rows: Rows, name: str) -> Array:
    """A column as numbers: float64 with NaN for missing, or the hash of the text, the same in every file."""
    place = quoted(name)
    if rows.column(name).type in NUMERIC:
        values = rows.arrays(f"SELECT coalesce(CAST({place} AS DOUBLE), 'nan'::DOUBLE) AS cell FROM typed")["cell"]
        return np.asarray(values, dtype=np.float64)
    return np.asarray(rows.arrays(f"SELECT hash({rows.as_text(name)}) AS cell FROM typed")["cell"], dtype=np.uint64)


def prints(values: Array, name: str, digits: int | None = None) -> Array:
    """One fingerprint a cell. Numbers are compared exactly, or at about `digits` significant digits.

    The name goes in, so that equal cells of two columns do not cancel each other out.
    """
    salt = np.uint64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    found = np.empty(values.size, dtype=np.uint64)
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        if block.dtype == np.float64:
            block = (block if digits is None else _rounded(block, digits)) + 0.0  # -0.0 is 0.0
            block = np.where(np.isnan(block), np.nan, block).view(np.uint64)
        found[start : start + _BLOCK] = _mixed(block ^ salt)
    return found


def held(ours: Array, theirs: Array) -> Array:
    """Which of ours occur in theirs. Ours are thinned out by a bit table first: most have no partner."""
    mask = np.uint64((1 << _FILTER_BITS) - 1)
    table = np.zeros(1 << _FILTER_BITS, dtype=bool)
    table[(theirs & mask).view(np.int64)] = True
    candidates = np.flatnonzero(table[(ours & mask).view(np.int64)])
    found = np.zeros(ours.size, dtype=bool)
    if candidates.size:
        asked, known = ours[candidates], np.sort(theirs)
        order = np.argsort(asked)  # sorted questions walk through memory in one direction
        places = np.minimum(np.searchsorted(known, asked[order]), known.size - 1)
        found[candidates[order]] = known[places] == asked[order]
    return found


def repeated(prints_of_rows: Array) -> int:
    """How many occur earlier among them. By sorting, which for 64-bit numbers is far faster than NumPy's hash table."""
    ordered = np.sort(prints_of_rows)
    return int(np.count_nonzero(ordered[1:] == ordered[:-1]))


def _rounded(values: Array, digits: int) -> Array:
    mantissa, exponent = np.frexp(values)
    scale = 2.0 ** round(digits * _BITS_A_DIGIT)
    rounded: Array = np.ldexp(np.round(mantissa * scale) / scale, exponent)
    return rounded


def _mixed(values: Array) -> Array:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every input bit changes half of the output bits."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: Array = values ^ (values >> np.uint64(31))
    return mixed
