"""A file becomes a radiograph, or the reason why not.

SPDX-License-Identifier: Apache-2.0
"""

import os

from cxrlens.imaging.decoding import MAX_ASPECT, MAX_PIXELS, MIN_SIDE, Decoder
from cxrlens.imaging.file_bytes import read_bytes
from cxrlens.imaging.file_kind import JPEG, PNG, recognise
from cxrlens.imaging.quality import check_quality
from cxrlens.imaging.radiograph import Radiograph
from cxrlens.imaging.scan import Scan
from cxrlens.vocabulary import ImageRefused, digest, show_name


def read_radiograph(path: str | os.PathLike[str]) -> Radiograph:
    """Read one JPEG or PNG file; what it is decides its content, not its suffix.

    Colours become grey (Rec. 601), transparency lies on black, an EXIF orientation is applied.
    16-bit pixels are scaled by the range that they use: 255 where none is larger (8-bit pixels
    stored unscaled), 4,095 where none is larger (12 bits, as many detectors give), else 65,535.
    Colour profiles and gamma are not applied. Pixel spacing is not taken from the file's print
    resolution, which says nothing about the patient.

    Args:
        path: the file.

    Returns:
        The radiograph, in the frame in which it is displayed.

    Raises:
        ImageRefused: with the reason `not-a-file`, `unreadable`, `empty`, `too-large`,
            `unknown-format` (not an image), `unsupported-format` (an image of a kind that is not
            read), `truncated`, `undecodable`, `too-small` or `too-long`.

    Example:
        >>> read_radiograph("missing.png")
        Traceback (most recent call last):
        ...
        cxrlens.vocabulary.errors.ImageRefused: 'missing.png' does not exist: check the path
    """
    name = repr(show_name(os.fspath(path)))
    data = read_bytes(path)
    scan = check_quality(name, _decode(name, data))
    return Radiograph(
        scan.pixels, scan.view, scan.spacing_mm, digest(data), len(data), scan.warnings
    )


def _decode(name: str, data: bytes) -> Scan:
    kind = recognise(data[:512])
    if kind not in (JPEG, PNG):
        raise _refuse_kind(name, kind.name, is_image=kind.is_image)
    decoder = Decoder(name, data, is_png=kind == PNG)
    _check_size(name, decoder.size)
    return Scan(decoder.decode())


def _refuse_kind(name: str, kind: str, *, is_image: bool) -> ImageRefused:
    if is_image:
        return ImageRefused(
            "unsupported-format", f"{name} is {kind}, which is not read yet: give JPEG or PNG"
        )
    return ImageRefused("unknown-format", f"{name} is no image but {kind}: give a JPEG or PNG file")


def _check_size(name: str, size: tuple[int, int]) -> None:
    """Judge (height, width) before anything is decoded."""
    short, long = sorted(size)
    stated = f"{name} is {size[1]} x {size[0]} pixels"
    if short * long > MAX_PIXELS:
        raise ImageRefused(
            "too-large", f"{stated}, more than {MAX_PIXELS:,} in all: no radiograph is that large"
        )
    if short < MIN_SIDE:
        raise ImageRefused("too-small", f"{stated}: the shorter side must have {MIN_SIDE} or more")
    if long > MAX_ASPECT * short:
        raise ImageRefused(
            "too-long", f"{stated}: one side may be at most {MAX_ASPECT} times the other"
        )
