"""The drawing kit of the charts: escaping, the palette, shapes, text that fits, and an honest linear axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from xml.sax.saxutils import escape, quoteattr

from audits.reports.tongue import marked

WIDTH = 660
FIRST_WIDE = 0x2E80  # CJK and what follows is about one em wide
THINNEST = 1e-12  # an axis narrower than this is a single value
# What XML 1.0 can carry, without the control characters.
ALLOWED = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
FONT = "Assay Sans, Inter, system-ui, Assay Other Scripts, sans-serif"
INK, MUTED, RULE, PAPER = "#1c2430", "#5b6675", "#c9d0d9", "#ffffff"
BAND = "#e8eef6"
# Okabe and Ito's palette, darkened where needed for 4.5:1 against white: told apart with any colour vision.
BLUE, VERMILION, OCHRE, GREY = "#0b5a8f", "#b23c00", "#8a5a00", "#5b6675"


class Tone(StrEnum):
    """What a mark says. Each has a colour, a shape and a word, so that no one of them carries the meaning alone."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not-satisfied"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    PLAIN = "plain"


COLOURS = {
    Tone.SATISFIED: BLUE,
    Tone.NOT_SATISFIED: VERMILION,
    Tone.INCONCLUSIVE: OCHRE,
    Tone.ERROR: VERMILION,
    Tone.PLAIN: INK,
}


def number(value: float) -> str:
    """A coordinate with at most two decimals and never a minus zero: the same bytes on every machine."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def clip(text: str, width: float, size: float = 11) -> str:
    """`text` cut with an ellipsis to about `width` pixels; wide (East Asian) letters count double."""
    room = width / size
    used = 0.0
    for index, letter in enumerate(text):
        used += 1.0 if ord(letter) >= FIRST_WIDE else 0.66 if letter.isupper() or letter in "mwMW_%@" else 0.54
        if used > room:
            return text[: max(index - 1, 1)].rstrip() + "…"
    return text


def clip_middle(text: str, width: float, size: float = 11) -> str:
    """`text` cut in its middle to about `width` pixels: of many names that begin alike the ends tell them apart."""
    if clip(text, width, size) == text:
        return text
    head = clip(text, width / 2, size).removesuffix("…")
    tail = clip(text[::-1], width / 2, size).removesuffix("…")
    return f"{head}…{tail[::-1]}"


def text(
    x: float, y: float, words: str, *, size: float = 11, anchor: str = "start", fill: str = INK, weight: int = 400
) -> str:
    """One line of text, escaped."""
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-family="{FONT}" font-size="{number(size)}" '
        f'font-weight="{weight}" text-anchor="{anchor}" fill="{fill}">{escape(single_line(words))}</text>'
    )


def tick(x: float, y: float, label: str, *, anchor: str = "middle") -> str:
    """The label of an axis tick: the one kind of number on a chart that nobody measured, and marked so."""
    return text(x, y, label, size=9.5, anchor=anchor, fill=MUTED).replace("<text ", '<text class="tick" ', 1)


def single_line(words: str) -> str:
    """Without line breaks and without what XML 1.0 cannot carry (control characters, surrogates, non-characters)."""
    return "".join(letter if _allowed(letter) else "\ufffd" for letter in " ".join(words.split()))


def _allowed(letter: str) -> bool:
    return any(ord(letter) in span for span in ALLOWED)


def line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = INK, width: float = 1, dash: str = "") -> str:
    """A straight line; `dash` as SVG's stroke-dasharray."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" '
        f'stroke="{stroke}" stroke-width="{number(width)}"{dashed}/>'
    )


def box(x: float, y: float, width: float, height: float, **style: str) -> str:
    """A rectangle; `style` are SVG attributes with _ for -."""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" height="{number(max(height, 0))}"'
        f"{_attributes(style)}/>"
    )


def path(points: str, **style: str) -> str:
    """A path; `style` are SVG attributes with _ for -."""
    return f'<path d="{points}"{_attributes(style)}/>'


def group(parts: list[str], **data: str) -> str:
    """Parts that belong together; `data` become data- attributes, by which a page finds them again."""
    told = "".join(f" data-{name}={quoteattr(single_line(value))}" for name, value in data.items())
    return f"<g{told}>" + "".join(parts) + "</g>"


def _attributes(style: dict[str, str]) -> str:
    return "".join(f" {name.replace('_', '-')}={quoteattr(value)}" for name, value in style.items())


def shape(x: float, y: float, tone: Tone, size: float = 4.5) -> str:
    """The mark of a tone: disc, diamond, ring, cross or small square."""
    colour = COLOURS[tone]
    if tone is Tone.SATISFIED:
        return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(size)}" fill="{colour}"/>'
    if tone is Tone.INCONCLUSIVE:
        return (
            f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(size - 0.5)}" fill="{PAPER}" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
    if tone is Tone.NOT_SATISFIED:
        reach = size + 1.2
        return path(
            f"M{number(x)} {number(y - reach)}L{number(x + reach)} {number(y)}"
            f"L{number(x)} {number(y + reach)}L{number(x - reach)} {number(y)}Z",
            fill=colour,
        )
    if tone is Tone.ERROR:
        return line(x - size, y - size, x + size, y + size, stroke=colour, width=2.2) + line(
            x - size, y + size, x + size, y - size, stroke=colour, width=2.2
        )
    return box(x - size + 1, y - size + 1, 2 * size - 2, 2 * size - 2, fill=colour)


def picture(title: str, description: str, height: float, parts: list[str]) -> str:
    """The whole SVG, with its title and description for readers who hear it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {number(height)}" '
        f'width="{WIDTH}" height="{number(height)}">'
        f"<title>{escape(single_line(title))}</title><desc>{escape(single_line(description))}</desc>"
        + "".join(parts)
        + "</svg>"
    )


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from `low`..`high` (facts) onto `left`..`right` (pixels), with round ticks."""

    low: float
    high: float
    left: float
    right: float
    step: float

    @classmethod
    def over(cls, facts: list[float], left: float, right: float) -> Axis:
        """An axis that holds all `facts` (finite numbers) with a little air, ending on round ticks."""
        low, high = (min(facts), max(facts)) if facts else (0.0, 1.0)
        if high - low < THINNEST:
            low, high = low - max(abs(low), 1.0) * 0.5, high + max(abs(high), 1.0) * 0.5
        step = _round_step((high - low) / 5)
        ends = min(math.floor(low / step) * step, low), max(math.ceil(high / step) * step, high)
        return cls(*ends, left, right, step)

    def at(self, fact: float) -> float:
        """Where a fact stands; clamped to the drawn range."""
        share = (min(max(fact, self.low), self.high) - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)

    def ticks(self) -> list[tuple[float, str]]:
        """(fact, label) of each tick, as the active language writes numbers."""
        places = max(0, -math.floor(math.log10(self.step) + 1e-9))
        amount = round((self.high - self.low) / self.step)
        facts = [self.low + index * self.step for index in range(amount + 1)]
        return [(fact, marked(f"{fact + 0.0:.{places}f}").replace("-", "\u2212")) for fact in facts]


def _round_step(rough: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
