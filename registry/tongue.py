"""What the records say, in the reader's language.

Records are kept in English, for ever, as they were signed. A report in another language says those sentences that are
ours (of findings, gates, checks, the catalogue) in that language: each has a template in the translation files, domain
`sentences`, with its variable parts in braces, and is recognised by its fixed words. Everything else was said by a
person or came from the evidence, and stays as it is. Pages and the administration say refusals in the same way.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from django.utils.translation import get_language, pgettext

LOCALE = Path(__file__).resolve().parents[1] / "locale"
DOMAIN, NAMES = "sentences", "names"
_FIELD = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"[−-]?(?:\d{1,3}(?:,\d{3})*|\d+)(?:\.\d+)?(?:e[−-]?\d+)?")
_LONGEST, _DEEPEST = 4_000, 4
#: The parts of a sentence that are sentences or words of ours again. All others are names, texts and values.
_SAID = frozenset(
    {
        *("what", "metric", "facts", "whole", "limits", "limit", "why", "said", "role", "place", "problem"),
        *("dates", "later", "letter", "object", "date", "day", "successor", "one", "other", "number", "value"),
    }
)
_JOINED = frozenset({"one", "other"})
#: The parts that are numbers in every sentence: a name that ends like one of them, such as "No near rows", is none.
_COUNTED = frozenset({"n", "level", "at_least", "at_most"})


@dataclass(frozen=True, slots=True)
class _Template:
    """A sentence of ours: its fixed words between named parts, and how it is said in the other language."""

    words: tuple[str, ...]
    names: tuple[str, ...]
    said: str

    def parts(self, text: str) -> dict[str, str] | None:
        """The variable parts, each as short as the fixed words allow; None when the sentence is another one. Linear."""
        if not text.startswith(self.words[0]) or not text.endswith(self.words[-1]):
            return None
        begin, end, found = len(self.words[0]), len(text) - len(self.words[-1]), {}
        for name, word in zip(self.names[:-1], self.words[1:-1], strict=True):
            at = text.find(word, begin, end)
            if at <= begin:
                return None
            found[name], begin = text[begin:at], at + len(word)
        if end <= begin:
            return None
        found[self.names[-1]] = text[begin:end]
        counted = (found[name] for name in _COUNTED & found.keys())
        return found if all(map(_NUMBER.fullmatch, counted)) else None


@dataclass(frozen=True)
class _Phrases:
    """The sentences of one language: those without variable parts, and the templates, the most telling first."""

    whole: Mapping[str, str]
    templates: tuple[_Template, ...]


@cache
def _phrases(language: str) -> _Phrases:
    told = _catalogue(DOMAIN, language)
    templates = [
        _Template(tuple(_FIELD.split(key)[::2]), tuple(_FIELD.findall(key)), said)
        for key, said in told.items()
        if _FIELD.search(key)
    ]
    templates.sort(key=lambda template: -sum(map(len, template.words)))
    return _Phrases({key: said for key, said in told.items() if not _FIELD.search(key)}, tuple(templates))


@cache
def _catalogue(domain: str, language: str) -> Mapping[str, str]:
    try:
        catalogue = gettext.translation(domain, LOCALE, [language])
    except FileNotFoundError:
        return {}
    # The mapping behind the catalogue has no public name; the file's header is the entry "".
    told = catalogue._catalog.items()  # type: ignore[attr-defined]  # noqa: SLF001
    return {key: text for key, text in told if key and isinstance(key, str)}


def called(name: str) -> str:
    """What a model, a field or a choice is called in the active language.

    These words are as common as names of features and groups are, so no sentence that is told takes them for its own.
    """
    language = get_language() or "en"
    return str(name) if language.startswith("en") else _catalogue(NAMES, language).get(str(name)) or ours(name)


def ours(text: str) -> str:
    """`text` in the active language where it is a sentence of ours, with its numbers as that language writes them."""
    language = get_language() or "en"
    return str(text) if language.startswith("en") else _said(str(text), language, 0)


@lru_cache(maxsize=4096)
def _said(text: str, language: str, depth: int) -> str:
    if _NUMBER.fullmatch(text):
        return marked(text)
    phrases = _phrases(language)
    whole = phrases.whole.get(text)
    if whole is not None:
        return whole
    # Words begin sentences with a capital, and tables without.
    small = phrases.whole.get(text[:1].lower() + text[1:])
    if small is not None:
        return small[:1].upper() + small[1:]
    if depth < _DEEPEST and len(text) <= _LONGEST:
        for template in phrases.templates:
            parts = template.parts(text)
            if parts is None:
                continue
            told = {name: _part(name, part, language, depth + 1) for name, part in parts.items()}
            # Words as common as "and" tell nothing: what they join must be ours on both sides.
            if all(told[name] != parts[name] for name in _JOINED & told.keys()):
                return template.said.format(**told)
    return text


def _part(name: str, text: str, language: str, depth: int) -> str:
    """A part of a sentence; a name that happens to read like a word of ours stays as it is."""
    if name in _SAID:
        told = _said(text, language, depth)
        # A reason that stands inside of a sentence has lost its full stop.
        if name == "why" and told == text and (whole := _said(f"{text}.", language, depth)) != f"{text}.":
            return whole.removesuffix(".")
        return told
    return marked(text) if _NUMBER.fullmatch(text) else text


def marked(number: str) -> str:
    """A number as English writes it, with the marks of the active language."""
    thousands, decimal = pgettext("thousands separator", ","), pgettext("decimal mark", ".")
    if (thousands, decimal) == (",", "."):
        return number
    return number.replace(",", "\0").replace(".", decimal).replace("\0", thousands)
