"""The words of a chart, a line at a time.

WeasyPrint shapes and places every letter of an SVG text by itself, and makes a drawing of its own of each text that is
not anchored at its start: for our charts that was a fifth of the time of a report, and it loses kerning and the joining
of scripts. Ours are single lines at one place (`audits.reports.charts.svg.text`), so each is shaped once and whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_SHIFTS = {"start": 0.0, "middle": -0.5, "end": -1.0}


class Picture(Protocol):
    """What is used of `weasyprint.svg.SVG`."""

    stream: Any
    font_config: Any
    fill_stroke: Callable[..., None]
    set_graphical_state: Callable[..., tuple[bool, bool]]


def draw_whole_lines() -> None:
    """Have WeasyPrint, in this process, draw each `<text>` of a picture as one line."""
    from weasyprint import svg

    svg.TAGS["text"] = _line


def _line(picture: Picture, node: Any, font_size: float) -> None:
    from weasyprint.draw.text import draw_emojis, draw_first_line
    from weasyprint.matrix import Matrix
    from weasyprint.svg.text import TextBox
    from weasyprint.text.line_break import Layout, line_size

    if not node.text.strip():
        return
    style = _style(picture, node, font_size)
    layout = Layout(style)
    layout.set_text(node.text)
    drawn, _ = layout.get_first_line()
    width, _ = line_size(drawn, style)
    left = float(node.get("x")) + _SHIFTS[node.get("text-anchor", "start")] * width
    stream = picture.stream
    stream.push_state()
    fill, stroke = picture.set_graphical_state(node, font_size)
    stream.begin_text()
    picture.fill_stroke(fill, stroke, text=True)
    top = float(node.get("y"))
    pictures = draw_first_line(stream, TextBox(layout, style), "none", "none", Matrix(d=-1, e=left, f=top))
    stream.end_text()
    stream.pop_state()
    draw_emojis(stream, style, left, top, pictures)


def _style(picture: Picture, node: Any, font_size: float) -> Any:
    """The computed style that the layout of a line asks for."""
    from weasyprint.css.properties import INITIAL_VALUES
    from weasyprint.svg.text import Style

    style = Style(INITIAL_VALUES)
    style.font_config = picture.font_config
    style["font_family"] = [family.strip() for family in node.get("font-family").split(",")]
    style["font_size"] = font_size
    style["font_weight"] = int(node.get("font-weight"))
    return style
