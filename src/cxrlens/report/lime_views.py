"""The three views of what LIME found: what speaks for a class, what matters most, all pieces.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import matplotlib
import numpy as np
from jaxtyping import Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxrlens.imaging import outline
from cxrlens.report.evidence import to_colour
from cxrlens.report.figure import fit, open_figure, write_notice
from cxrlens.report.miniature import find_size, shrink_geometry, shrink_pixels
from cxrlens.vocabulary import UNSEEN, ColourBytes, GreyImage, InputError, LimeExplanation

FOR_RGB, AGAINST_RGB = (230, 120, 10), (140, 100, 200)
"""Orange and purple: the ends of `PuOr`, brighter, to be seen on a dark lung."""

_COLOURS = "PuOr_r"
"""Purple against, orange for, white for nothing: safe for the colour-blind (ColorBrewer.org)."""

_SIDE = 2.7
"""Of one picture, in inches."""

_LONGEST_SIDE = 400
"""Pixels at which the radiograph is drawn."""

_N_POSITIVE, _N_SIGNED = 3, 5
"""Pieces in the first and in the second view: those of the notebook `covid-inceptionv3`."""

_TINT = 0.4
"""Opacity of a piece's colour."""

_DIMMED = 0.5
"""Brightness left to pixels that the network never saw."""

_LEAST_R2 = 0.5
"""Below it the stand-in leaves more unexplained than it explains."""

_LEAST_STABILITY = 0.9
"""Below it another seed gives a picture that looks otherwise."""

_PLAIN, _DOUBT = "black", "#b3261e"


class _Scene(NamedTuple):
    """What all views of one image share."""

    grey: ColourBytes
    pieces: Int64[np.ndarray, "h w"]


def draw_lime(explanation: LimeExplanation, pixels: GreyImage, *, title: str = "LIME") -> Figure:
    """Draw what LIME found, one row a class.

    From left to right: the three pieces that speak most for the class; the five of the largest
    weight, for and against; the weights of all pieces, on a scale that is the same both ways.

    Args:
        explanation: as `Model.explain_lime` gives it.
        pixels: the source image, height x width in [0, 1].
        title: of the whole; empty for none.

    Returns:
        A figure on an Agg canvas, outside of pyplot's global state. A class whose weights are all
        the same is drawn bare, and said to be.

    Raises:
        InputError: if the explanation belongs to an image of another size.
    """
    if pixels.shape != explanation.geometry.source_size:
        raise InputError(
            f"the explanation belongs to an image of {explanation.geometry.source_size} pixels; "
            f"got one of {pixels.shape}: hand in the source image"
        )
    scene = _set_scene(explanation, pixels)
    n_rows = len(explanation.classes)
    figure = open_figure(3 * _SIDE + 1.0, n_rows * (_SIDE + 0.5) + 1.0)
    axes = figure.subplots(n_rows, 3, squeeze=False)
    for row, name in zip(axes, explanation.classes, strict=True):
        _draw_row(list(row), explanation, name, scene)
    if title:
        figure.suptitle(title, fontsize=11.0, weight="bold").set_parse_math(False)
    write_notice(figure, [_tell_run(explanation), *_warn(explanation)])
    return figure


def _set_scene(explanation: LimeExplanation, pixels: GreyImage) -> _Scene:
    size = find_size(pixels, _LONGEST_SIDE)
    small = replace(explanation, geometry=shrink_geometry(explanation.geometry, size))
    pieces = small.segments_on_source()
    grey = to_colour(shrink_pixels(pixels, size))
    grey[pieces == UNSEEN] = np.rint(grey[pieces == UNSEEN] * _DIMMED)
    return _Scene(grey, pieces)


def _draw_row(row: Sequence[Axes], explanation: LimeExplanation, name: str, scene: _Scene) -> None:
    place = explanation.find(name)
    is_usable = explanation.make_heatmap(name).is_usable
    positive = explanation.choose(name, _N_POSITIVE, positive_only=True) if is_usable else ()
    signed = explanation.choose(name, _N_SIGNED, positive_only=False) if is_usable else ()
    row[0].imshow(_mark(scene, explanation.weights[place], positive, tint=0.0))
    row[1].imshow(_mark(scene, explanation.weights[place], signed, tint=_TINT))
    second = "says nothing: all pieces weigh the same"
    if is_usable:
        _draw_weights(row[2], explanation, name, scene)
        second = f"R² {explanation.r2[place]:.2f}; stability {explanation.stability[place]:.2f}"
    else:
        row[2].imshow(scene.grey)
    head = f"{name}: probability {explanation.probabilities[place]:.3f}"
    strongest = f"the {len(signed)} strongest: orange for, purple against"
    _entitle(row[0], head, second, colour=_DOUBT if _is_doubtful(explanation)[place] else _PLAIN)
    _entitle(row[1], "", strongest if signed else "nothing for or against")
    _entitle(row[2], "", "what each piece adds to the probability")


def _entitle(axes: Axes, *lines: str, colour: str = _PLAIN) -> None:
    axes.set_axis_off()
    text = "\n".join(fit(line, 8.0, _SIDE) for line in lines)
    axes.set_title(text, fontsize=8.0, loc="left", color=colour, parse_math=False)


def _mark(scene: _Scene, weights: np.ndarray, chosen: Sequence[int], *, tint: float) -> ColourBytes:
    """Outline pieces in the colour of their sign, and tint them."""
    picture = scene.grey.copy()
    for piece in chosen:
        mask = scene.pieces == piece
        colour = np.array(FOR_RGB if weights[piece] > 0 else AGAINST_RGB)
        picture[mask] = np.rint(picture[mask] * (1 - tint) + colour * tint)
    for piece in reversed(chosen):  # the strongest on top
        rgb = FOR_RGB if weights[piece] > 0 else AGAINST_RGB
        picture = outline(picture, scene.pieces == piece, rgb, width=2)
    return picture


def _draw_weights(axes: Axes, explanation: LimeExplanation, name: str, scene: _Scene) -> None:
    weights = explanation.weights[explanation.find(name)]
    limit = float(np.abs(weights).max())
    values = np.where(scene.pieces == UNSEEN, np.nan, weights[scene.pieces])
    image = axes.imshow(
        values, cmap=matplotlib.colormaps[_COLOURS], vmin=-limit, vmax=limit,
        interpolation="nearest",
    )  # fmt: skip
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.85)
    bar.ax.tick_params(labelsize=7)


def _is_doubtful(explanation: LimeExplanation) -> np.ndarray:
    """Whether the weights of each class cannot be relied on; NaN is no doubt but nothing at all."""
    return (explanation.r2 < _LEAST_R2) | (explanation.stability < _LEAST_STABILITY)


def _tell_run(explanation: LimeExplanation) -> str:
    settings = explanation.settings
    hide = settings.hide_color
    hidden = {"mean": "their mean", "blur": "a blur"}.get(str(hide), f"grey {hide} of 0…1")
    return (
        f"{explanation.n_samples:,} samples (at most {settings.n_samples:,}), seed "
        f"{settings.seed}, {explanation.segments.max() + 1} pieces by {settings.segments}, hidden "
        f"ones show {hidden}. R²: share of the network's answers that the weights "
        "explain; stability: rank correlation to be expected with another seed."
    )


def _warn(explanation: LimeExplanation) -> list[str]:
    """Say of which classes the weights cannot be relied on."""

    def name(is_so: np.ndarray) -> str:
        return ", ".join(np.array(explanation.classes)[is_so])

    unexplained = explanation.r2 < _LEAST_R2
    unstable = explanation.stability < _LEAST_STABILITY
    lines = []
    if unexplained.any():
        lines.append(
            f"Do not rely on the weights for {name(unexplained)}: they explain less than half of "
            "what the network does (R² below 0.5)."
        )
    if unstable.any():
        lines.append(
            f"Another seed would rank the pieces otherwise for {name(unstable)} (stability below "
            "0.9)."
        )
    return lines
