"""A mask file becomes yes and no per pixel.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import numpy as np
from PIL import Image

from cxrlens.vocabulary import ImageRefused, PixelMask, show_name


def read_mask(path: Path) -> PixelMask:
    """Read where a finding was drawn.

    Args:
        path: an image file; what is brighter than half of white is the finding (in a file that
            holds only 0 and 1: what is 1).

    Returns:
        Height x width of the file.

    Raises:
        ImageRefused: `bad-mask` if the file cannot be read as an image.
    """
    try:
        with Image.open(path) as image:
            grey = np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageRefused(
            "bad-mask", f"mask {show_name(str(path))} cannot be read as an image ({error})"
        ) from error
    return grey > (127 if grey.max() > 1 else 0)
