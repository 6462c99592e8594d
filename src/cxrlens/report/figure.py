"""A matplotlib figure is opened, lettered, signed and saved.

SPDX-License-Identifier: Apache-2.0
"""

import io
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cxrlens.imaging import write_whole
from cxrlens.report.page import show_text
from cxrlens.vocabulary import NOT_A_DEVICE

DPI = 110
"""Pixels an inch of a figure."""

PHANTOM_IMAGES = "Drawn radiographs: this says nothing about patients."
"""Stands under a picture of phantoms."""

NOTE_SIZE = 8.0
"""Of the lines under a figure, in points."""

NOTE_HEIGHT = 0.16
"""Of one line under a figure, in inches."""

POINTS = 72
"""Points an inch."""

PALE = "#555555"
"""Colour of what stands beside the matter."""

Place = Literal["upper left", "lower right", "beside"]
"""Of a legend: in a corner of the plot, or on its right."""


def open_figure(
    width: float, height: float, *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Open an empty figure on an Agg canvas, outside of pyplot's global state.

    Args:
        width: in inches.
        height: in inches.
        layout: which engine places what it holds; None where all is placed by hand.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, whole or not at all.

    The file also says inside that it is research software's.

    Args:
        path: the file; replaced where there is one.
        figure: as the `draw` functions give it.

    Raises:
        OutputError: if the place cannot be written.
    """
    raw = io.BytesIO()
    figure.savefig(raw, format="rgba")
    size = figure.canvas.get_width_height()
    picture = Image.frombytes("RGBA", size, raw.getvalue()).convert("RGB")
    texts = PngInfo()
    texts.add_itxt("Warning", NOT_A_DEVICE)
    file = io.BytesIO()
    # Four times as fast as matplotlib's own way, which also keeps an empty fourth channel.
    picture.save(file, "PNG", pnginfo=texts, dpi=(DPI, DPI), compress_level=2)
    write_whole(path, file.getvalue())


def write_notice(figure: Figure, notes: Sequence[str] = ()) -> None:
    """Sign a figure as research software's.

    Args:
        figure: with a layout that makes room for it.
        notes: what else a reader must know; stands above the notice.
    """
    lines = wrap_notes(notes, figure.get_figwidth() - 0.2)
    text = figure.supxlabel("\n".join(lines), fontsize=NOTE_SIZE, color=PALE)
    text.set_parse_math(False)


def wrap_notes(notes: Sequence[str], width: float) -> list[str]:
    """Break the lines under a figure so that none is cut, the notice last.

    Args:
        notes: what a reader must know, before the notice.
        width: of the figure, in inches.

    Returns:
        Legible lines.
    """
    return [line for note in (*notes, NOT_A_DEVICE) for line in _wrap(make_legible(note), width)]


def _wrap(text: str, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else ""
        if lines and measure(longer, NOTE_SIZE) <= width:
            lines[-1] = longer
        else:
            lines.append(fit(word, NOTE_SIZE, width))
    return lines


def place_notes(figure: Figure, lines: Sequence[str], left: float) -> None:
    """Write lines at the bottom of a figure that has no layout of its own.

    Args:
        figure: with room of `NOTE_HEIGHT` a line.
        lines: as `wrap_notes` gives them.
        left: where they begin, in inches.
    """
    width, height = figure.get_size_inches()
    for number, line in enumerate(reversed(lines)):
        x, y = left / width, (number + 0.5) * NOTE_HEIGHT / height
        figure.text(x, y, line, fontsize=NOTE_SIZE, color=PALE, parse_math=False)


def show_legend(axes: Axes, lines: Sequence[Line2D], names: Sequence[str], place: Place) -> None:
    """Name the lines of a plot, whatever letters the names are made of.

    Args:
        axes: where.
        lines: what is named.
        names: one each, legible.
        place: where it stands.
    """
    # A name that begins with an underscore would be left out if it came with its line.
    numbers = [str(number) for number in range(len(lines))]
    if place == "beside":
        legend = axes.figure.legend(lines, numbers, loc="outside right center", fontsize=NOTE_SIZE)
    else:
        legend = axes.legend(lines, numbers, loc=place, fontsize=NOTE_SIZE, framealpha=0.9)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def make_legible(text: str) -> str:
    """Make any name one line of letters that the figures' font holds.

    Others are written as escapes, instead of drawing empty boxes.
    """
    known = _list_letters()
    return "".join(c if ord(c) in known else ascii(c)[1:-1] for c in show_text(text))


def fit(text: str, size: float, width: float, *, weight: str = "normal") -> str:
    """Make a name legible and leave out its middle where it is too wide.

    Args:
        text: any.
        size: of the letters, in points.
        width: in inches.
        weight: `normal` or `bold`.

    Returns:
        One line that is not wider, or a single `…`.
    """
    text = make_legible(text)
    if measure(text, size, weight=weight) <= width:
        return text

    def measure_cut(n_left: int) -> float:
        return measure(_cut(text, n_left), size, weight=weight)

    n_left = max(0, bisect_right(range(len(text)), width, key=measure_cut) - 1)
    while n_left > 0 and measure_cut(n_left) > width:  # letters move nearer to some than to others
        n_left -= 1
    return _cut(text, n_left)


def measure(text: str, size: float, *, weight: str = "normal") -> float:
    """Give the width of one line, in inches.

    Args:
        text: legible.
        size: of the letters, in points.
        weight: `normal` or `bold`.
    """
    # As drawn at `DPI`: letters stand on whole pixels there, wider than in the font's outlines.
    ruler = _open_ruler()
    ruler.set(text=text, fontsize=size, fontweight=weight)
    return float(ruler.get_window_extent().width) / DPI


def _cut(text: str, n_left: int) -> str:
    head = n_left // 3  # the end of a path tells more than its beginning
    tail = n_left - head
    return f"{text[:head]}…{text[len(text) - tail :]}"


@cache
def _open_ruler() -> Text:
    """A line on a figure that nobody sees."""
    figure = open_figure(1.0, 1.0)
    return figure.text(0, 0, "", parse_math=False)


@cache
def _list_letters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
