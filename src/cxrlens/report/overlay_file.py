"""A heat-map over its radiograph becomes a PNG file.

SPDX-License-Identifier: Apache-2.0
"""

import io
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cxrlens.imaging import DEFAULT_COLOURS, write_whole
from cxrlens.report.evidence import draw_evidence
from cxrlens.vocabulary import NOT_A_DEVICE, GreyImage, Heatmap


def save_overlay(
    path: Path, heatmap: Heatmap, pixels: GreyImage, *, colours: str = DEFAULT_COLOURS
) -> None:
    """Write a map over its source image as PNG, of the source image's size.

    The file says inside that it is research software's, and which class and method it shows.

    Args:
        path: the file; replaced where there is one.
        heatmap: a map of that image.
        pixels: the source image, height x width in [0, 1].
        colours: one of `imaging.COLOURS`.

    Raises:
        InputError: if the map belongs to an image of another size, or the colours are not known.
        OutputError: if the place cannot be written.
    """
    texts = PngInfo()
    texts.add_itxt("Warning", NOT_A_DEVICE)
    texts.add_itxt("Title", f"evidence for {heatmap.class_name} ({heatmap.method})")
    file = io.BytesIO()
    picture = Image.fromarray(draw_evidence(pixels, heatmap, colours=colours))
    picture.save(file, "PNG", pnginfo=texts)
    write_whole(path, file.getvalue())
