"""A mask becomes yes and no per pixel.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import re

import numpy as np
from PIL import Image, UnidentifiedImageError

from cxrlens.imaging.decoding import MAX_PIXELS
from cxrlens.imaging.file_bytes import read_bytes
from cxrlens.imaging.library_warnings import hold_back_warnings
from cxrlens.vocabulary import ImageRefused, PixelMask, show_name

RUNS_MARK = "rle:"
"""What begins a mask that is written as text."""

_HALF = 127
"""Half of white."""

_FORMATS = ("PNG", "TIFF", "BMP", "GIF", "JPEG")
"""Pillow reads others, some by starting other programs."""

_RUNS = re.compile(RUNS_MARK + r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5}):([0-9 ;-]*)", re.ASCII)


def read_mask(reference: str | os.PathLike[str]) -> PixelMask:
    """Read where a finding was drawn.

    Args:
        reference: an image file: what is brighter than half of white is the finding (in a file
            that holds only 0 and 1: what is 1). Or the mask itself as text,
            `rle:HEIGHTxWIDTH:START LENGTH START LENGTH …`: runs of pixels, numbered column by
            column, where each start counts from the end of the run before; masks of several
            findings are joined by `;`, and `-1` is none.

    Returns:
        Height x width of the file, or as the text says.

    Raises:
        ImageRefused: `bad-mask` if the file cannot be read as an image, holds numbers of which
            none is brighter than half of white and some are larger than 1 (classes, say), or the
            text is no such text or leaves the image.

    Source:
        SIIM-ACR Pneumothorax Segmentation (Kaggle, 2019), file format (`mask_functions.py`).

    Example:
        >>> read_mask("rle:2x3:1 2 1 1").astype(int).tolist()
        [[0, 1, 1], [1, 0, 0]]
    """
    text = os.fsdecode(reference)
    if text.startswith(RUNS_MARK) and not os.path.lexists(text):
        return _decode_runs(text)
    return _read_file(reference)


def _read_file(path: str | os.PathLike[str]) -> PixelMask:
    name = f"mask {show_name(os.fsdecode(path))!r}"
    try:
        data = read_bytes(path)
        with hold_back_warnings():
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
        _check_size(image)
        grey = np.asarray(image.convert("L"))
    except ImageRefused as error:
        raise ImageRefused("bad-mask", f"mask {error}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = "no image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ImageRefused(
            "bad-mask", f"{name} cannot be read as an image ({why}): give PNG"
        ) from error
    brightest = int(grey.max())
    if 1 < brightest <= _HALF:
        raise ImageRefused(
            "bad-mask",
            f"{name} holds numbers up to {brightest}, so that nothing in it is brighter than half "
            "of white (255): write the finding as 255",
            float(brightest),
        )
    return grey > (_HALF if brightest > 1 else 0)


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels")


def _decode_runs(text: str) -> PixelMask:
    found = _RUNS.fullmatch(text)
    if found is None:
        raise _refuse_runs(text, "HEIGHTxWIDTH:START LENGTH START LENGTH … is expected")
    height, width = int(found[1]), int(found[2])
    if height * width > MAX_PIXELS:
        raise _refuse_runs(text, f"an image has up to {MAX_PIXELS:,} pixels")
    steps = np.zeros(height * width + 1, dtype=np.int32)  # +1 where a run begins, -1 behind it
    for part in found[3].split(";"):
        edges = _find_edges(text, part, height * width)
        np.add.at(steps, edges[0::2], 1)
        np.add.at(steps, edges[1::2], -1)
    inside = np.cumsum(steps[:-1]) > 0
    return np.ascontiguousarray(inside.reshape(width, height).T)


def _find_edges(text: str, part: str, n_pixels: int) -> np.ndarray:
    """Where runs begin and end, in turn; empty for the mask `-1`."""
    words = part.split()
    if words == ["-1"] or not words:
        return np.zeros(0, dtype=np.int64)
    if len(words) % 2 or not all(word.isdigit() and len(word) < 10 for word in words):
        raise _refuse_runs(text, "runs are pairs of whole numbers")
    edges = np.cumsum(np.array(words, dtype=np.int64))
    if edges[-1] > n_pixels:
        raise _refuse_runs(text, f"its runs end at pixel {edges[-1]} of {n_pixels}")
    return edges


def _refuse_runs(text: str, why: str) -> ImageRefused:
    shown = text if len(text) <= 40 else text[:39] + "…"
    return ImageRefused("bad-mask", f"mask {show_name(shown)!r} is no run lengths: {why}")
