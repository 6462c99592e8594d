"""A file becomes one network's input.

SPDX-License-Identifier: Apache-2.0
"""

import os
from dataclasses import dataclass

from cxrlens.imaging.preprocessing import NetworkImage, Preprocessing
from cxrlens.imaging.quality import check_quality
from cxrlens.imaging.radiograph import Radiograph
from cxrlens.imaging.reading import load_scan, quote_name
from cxrlens.vocabulary import Geometry, ImageRefused, ImageWarning


@dataclass(frozen=True, eq=False)
class ReadImage:
    """One file that could be read, as a network sees it."""

    image: str
    """The file, as it was named by the user."""

    pixels: NetworkImage
    """The network's input made from it."""

    geometry: Geometry
    """How the network's input lies on the file's own pixels."""

    digest: str
    """SHA-256 of the file's bytes, 64 hexadecimal digits."""

    n_bytes: int
    """Size of the file in bytes."""

    warnings: tuple[ImageWarning, ...]
    """What must be known about it, in the order in which it was found."""

    is_turned_back: bool
    """Whether its grey scale was found inverted, and was turned back."""


def read_image(image: str | os.PathLike[str], preprocessing: Preprocessing) -> ReadImage:
    """Read one file for a network; its own pixels are not kept.

    Args:
        image: as for `read_radiograph`.
        preprocessing: of the network.

    Returns:
        What the network sees. Of a file that is decoded at a fraction of its size the quality is
        judged on that, too.

    Raises:
        ImageRefused: as `read_radiograph`.
    """
    scan, digest, n_bytes = load_scan(image, preprocessing)
    scan = check_quality(quote_name(image), scan)
    return ReadImage(
        image=os.fspath(image),
        pixels=preprocessing.apply(scan.pixels, scan.reduction),
        geometry=preprocessing.geometry(scan.source_size),
        digest=digest,
        n_bytes=n_bytes,
        warnings=scan.warnings,
        is_turned_back=scan.is_turned_back,
    )


def read_source(read: ReadImage) -> Radiograph:
    """Read an image's own pixels, to draw on what a network has seen.

    Args:
        read: what was read for the network; whether the grey scale is turned back, and what is
            warned of, was decided there.

    Returns:
        All pixels of the file.

    Raises:
        ImageRefused: `unreadable` if the file has changed since, or as `read_radiograph`.
    """
    scan, digest, n_bytes = load_scan(read.image)
    if digest != read.digest:
        raise ImageRefused(
            "unreadable",
            f"{quote_name(read.image)} was changed while it was used: leave it alone and start "
            "again",
        )
    pixels = scan.turn_back().pixels if read.is_turned_back else scan.pixels
    return Radiograph(pixels, scan.view, scan.spacing_mm, digest, n_bytes, read.warnings)
