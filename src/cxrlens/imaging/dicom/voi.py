"""What a DICOM header says about which numbers are worth showing.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from pydicom import Dataset

from cxrlens.imaging.dicom.dataset import read_items, read_numbers, read_text
from cxrlens.imaging.dicom.lut import Values, read_lookup_table


class WindowError(ValueError):
    """A window is stated and cannot be used."""


def apply_voi(name: str, dataset: Dataset, values: Values, *, is_big: bool) -> Values | None:
    """Apply the VOI LUT, or else the window; of several the first.

    A lookup table goes before a window: it is the manufacturer's own curve, and the window in
    such files approximates it.

    Args:
        name: the file as messages call it.
        dataset: the header.
        values: numbers after the Modality LUT.
        is_big: whether the file's words are big-endian.

    Returns:
        Grey in [0, 1], larger for larger values where the header does not turn it round; None
        where the header states nothing.

    Raises:
        WindowError: if the window is incomplete, too narrow or of an unknown function.
        ImageRefused: `inconsistent-header`, if the lookup table is damaged.

    Source:
        DICOM PS3.3, C.11.2 (VOI LUT module).
    """
    items = read_items(name, dataset, "VOILUTSequence")
    if items:
        has_negatives = bool(values.min() < 0)
        table = read_lookup_table(name, items[0], is_signed=has_negatives, is_big=is_big)
        return table.apply(values) / table.highest
    centres = read_numbers(dataset, "WindowCenter")
    widths = read_numbers(dataset, "WindowWidth")
    if centres == () and widths == ():
        return None
    if not centres or not widths:
        raise WindowError("half a window or one that is no number")
    function = read_text(name, dataset, "VOILUTFunction").upper() or "LINEAR"
    return window(values, centres[0], widths[0], function)


def window(values: Values, centre: float, width: float, function: str = "LINEAR") -> Values:
    """Apply a window.

    Args:
        values: numbers after the Modality LUT.
        centre: Window Center.
        width: Window Width; 1 or more for `LINEAR`, else above 0.
        function: VOI LUT Function: `LINEAR`, `LINEAR_EXACT` or `SIGMOID`.

    Returns:
        Grey in [0, 1].

    Raises:
        WindowError: if the width is too small or the function not known.

    Source:
        DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3.

    Example:
        >>> import numpy as np
        >>> window(np.array([0.0, 50.0, 99.0, 200.0]), 50.0, 100.0).round(3).tolist()
        [0.0, 0.505, 1.0, 1.0]
    """
    if width < 1 if function == "LINEAR" else width <= 0:
        raise WindowError(f"a window of width {width:g}")
    if function == "LINEAR":
        if width == 1:
            return np.asarray(values > centre - 0.5, dtype=np.float64)
        return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if function == "SIGMOID":
        steps = np.clip(-4 * (values - centre) / width, -700, 700)  # beyond lies overflow
        return np.asarray(1 / (1 + np.exp(steps)))
    raise WindowError(f"a window of the unknown function {function[:16]!r}")
