"""Text from people and machines, made fit for paper: nothing invisible, nothing endless, nothing without a glyph.

No Django here. HTML escaping is not done here: the template engine and the charts escape at the place of use.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

FONTS = Path(__file__).parent / "fonts"
# A reason longer than this is cut on paper; the embedded evidence keeps it whole.
LONGEST = 1_200
CUT = "… (cut here; the embedded evidence holds the whole text)"
# Everything that starts markup, a mention or an address in CommonMark and its common extensions.
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~@:&$-])")
EMOJI = frozenset(range(0x1F000, 0x1FB00)) | frozenset(
    ord(letter)
    for letter in "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓"
    "♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"  # noqa: RUF001 - these are meant
)


@functools.cache
def _glyphs() -> frozenset[int]:
    """Code points that the shipped text fonts can draw."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - worker only

    drawn: set[int] = set()
    for name in ("Inter-Regular.otf", "DejaVuSans.ttf"):
        with TTFont(FONTS / name, lazy=True) as font:
            drawn.update(font.getBestCmap())
    # A text shaper draws these with whatever emoji font the machine has, so the bytes would depend on the machine.
    return frozenset(drawn - EMOJI)


def _shown(character: str) -> str:
    """One character, or its code point in brackets when a reader could not see it or a font could not draw it."""
    if character == "\n" or " " <= character <= "~":
        return character
    # A space is a space, whether or not a font has one of that width.
    if character in "\t\r" or unicodedata.category(character) == "Zs":
        return " "
    # Cc control, Cf format (zero-width, bidi overrides), Cs surrogate, Co private, Cn unassigned, Zl/Zp separators.
    invisible = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    if invisible or ord(character) not in _glyphs():
        return f"[U+{ord(character):04X}]"
    return character


def visible(text: str, longest: int = LONGEST, note: str = CUT) -> str:
    """`text` with every invisible or undrawable character spelt out, cut after `longest` characters with a note.

    Bidirectional overrides and zero-width characters can make a line read differently from what was signed; on a
    report they stand as `[U+202E]`.
    """
    cut = text[:longest]
    shown = cut if cut.isascii() and cut.isprintable() else "".join(map(_shown, cut.replace("\r\n", "\n")))
    if len(text) > longest:
        return shown + note
    return shown


def said(text: str) -> str:
    """`text` as Markdown that says the same and does nothing."""
    return _MARKUP.sub(r"\\\1", visible(text)).replace("\n", " ")


def printable(value: Any, longest: int = LONGEST) -> Any:
    """`value` (dataclasses, tuples, lists and mappings, nested) with every text in it made `visible`."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return visible(value, longest)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (entry.name for entry in dataclasses.fields(value))
        return dataclasses.replace(value, **{name: printable(getattr(value, name), longest) for name in fields})
    if isinstance(value, Mapping):
        return {printable(key, longest): printable(entry, longest) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(printable(entry, longest) for entry in value)
    return value
