"""A heat-map becomes scored boxes.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from scipy import ndimage

from cxrlens.vocabulary import Heatmap, Region

_LEAST_SHARE = 0.5
"""Of the map's maximum: the half-maximum contour, fixed in advance."""


def find_regions(heatmap: Heatmap) -> tuple[Region, ...]:
    """Box the connected parts of a map that reach half of its maximum.

    Args:
        heatmap: signed; only positive evidence makes regions.

    Returns:
        Strongest first; none where the map says nothing or nothing speaks for the class.
    """
    if not heatmap.is_usable or heatmap.grid.max() <= 0:
        return ()
    heat = np.nan_to_num(heatmap.on_source(), nan=0.0)
    if heat.max() <= 0:  # the peak lies between or outside the source's pixels
        return ()
    labels, _ = ndimage.label(heat >= _LEAST_SHARE * heat.max())
    regions = [
        Region(
            class_name=heatmap.class_name,
            score=float(heat[rows, cols][labels[rows, cols] == number].max()),
            top=rows.start,
            left=cols.start,
            height=rows.stop - rows.start,
            width=cols.stop - cols.start,
        )
        for number, (rows, cols) in enumerate(ndimage.find_objects(labels), start=1)
    ]
    return tuple(sorted(regions, key=lambda region: -region.score))
