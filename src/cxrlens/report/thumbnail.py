"""Images become small pictures inside the page.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import io
from dataclasses import dataclass

from PIL import Image

from cxrlens.report.evidence import (
    draw_evidence,
    draw_lesion,
    find_map,
    has_evidence,
    to_colour,
)
from cxrlens.report.records import Case
from cxrlens.vocabulary import ColourBytes, GreyImage

LONGEST_SIDE = 300
"""Pixels; a larger image is shrunk to it, since a page must stay small enough to be mailed."""

_QUALITY = 85


@dataclass(frozen=True)
class Panel:
    """One picture of a case."""

    uri: str
    """The picture itself, as a data URI."""

    width: int
    """Pixels."""

    height: int
    """Pixels."""

    caption: str
    """What it shows."""


def draw_panels(case: Case, *, with_truth: bool = False) -> tuple[Panel, ...]:
    """Draw a case: the radiograph, then the evidence for the class decided for.

    Args:
        case: image, prediction and, where known, the lesion; its contour is drawn on the maps.
        with_truth: whether to add the evidence for the true class, where that is another one; of
            several labels an image, for the class that it is most wrong in.

    Returns:
        One to three panels.
    """
    panels = [_make_panel(to_colour(case.pixels), "radiograph")]
    leading = case.prediction.leading
    if case.prediction.is_multilabel:
        names = dict.fromkeys([leading, *(case.wrong[:1] if with_truth else ())])
        for name in names:
            panels += _draw_map(case, name, _tell_role(case, name))
        return tuple(panels)
    panels += _draw_map(case, leading, " (decided)" if with_truth else "")
    if with_truth and case.truth != leading:
        panels += _draw_map(case, case.truth, " (true)")
    return tuple(panels)


def draw_thumbnail(pixels: GreyImage, caption: str) -> Panel:
    """Draw one radiograph, small.

    Args:
        pixels: height x width in [0, 1].
        caption: what it is.
    """
    return _make_panel(to_colour(pixels), caption)


def _tell_role(case: Case, name: str | None) -> str:
    """Of several labels an image, what came of one class."""
    is_decided = name in case.prediction.decisions
    if name in case.wrong:
        return " (false alarm)" if is_decided else " (missed)"
    return " (decided)" if is_decided else " (not decided)"


def _draw_map(case: Case, class_name: str | None, role: str) -> list[Panel]:
    heatmap = find_map(case.prediction, class_name)
    if heatmap is None:
        return []
    picture = draw_evidence(case.pixels, heatmap)
    if case.mask is not None and case.mask.any():
        picture = draw_lesion(picture, case.mask)
    what = "evidence for" if has_evidence(heatmap) else "no evidence found for"
    return [_make_panel(picture, f"{what} {heatmap.class_name}{role}")]


def _make_panel(picture: ColourBytes, caption: str) -> Panel:
    image = Image.fromarray(picture)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, optimize=True)
    code = base64.b64encode(file.getvalue()).decode("ascii")
    return Panel(f"data:image/jpeg;base64,{code}", image.width, image.height, caption)
