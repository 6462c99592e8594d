"""Numbers become colours.

SPDX-License-Identifier: Apache-2.0
"""

from functools import cache

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8

from cxrlens.vocabulary import ColourBytes, InputError, suggest

DEFAULT_COLOURS = "plasma"
"""Colours for heat on a radiograph.

Source: the perceptually uniform maps of S. van der Walt and N. Smith, SciPy 2015. Lightness only
grows, so order survives colour blindness and a grey print; and no colour of it comes near grey,
so that heat is never taken for tissue (the low end of `inferno` is black, the middle of `cividis`
is grey).
"""

COLOURS = ("plasma", "inferno", "magma", "viridis", "cividis", "turbo", "jet")
"""Names that `colourise` knows; `jet` and `turbo` are there to redraw old figures, and mislead:
their lightness rises and falls again."""


def colourise(values: Float[np.ndarray, "h w"], colours: str = DEFAULT_COLOURS) -> ColourBytes:
    """Give every number its colour.

    Args:
        values: height x width in [0, 1]; what lies outside is taken as the nearer end, NaN as 0.
        colours: one of `COLOURS`.

    Returns:
        Height x width x RGB in 0…255.

    Raises:
        InputError: if the colours are not known.

    Example:
        >>> import numpy as np
        >>> colourise(np.array([[0.0, 1.0]]), "jet").tolist()
        [[[0, 0, 128], [128, 0, 0]]]
    """
    steps = np.clip(np.nan_to_num(values, nan=0.0), 0, 1) * 255
    return np.asarray(_read_colours(colours)[np.rint(steps).astype(np.uint8)])


@cache
def _read_colours(name: str) -> UInt8[np.ndarray, "256 3"]:
    if name not in COLOURS:
        raise InputError(f"colours {name!r} are not known; {suggest(name, COLOURS)}")
    table = matplotlib.colormaps[name].resampled(256)(np.arange(256))
    return np.asarray(np.rint(table[:, :3] * 255), dtype=np.uint8)
