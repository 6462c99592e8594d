"""A file becomes a radiograph, or the reason why not.

SPDX-License-Identifier: Apache-2.0
"""

import os

from cxrlens.imaging.decoding import MAX_ASPECT, MAX_PIXELS, MIN_SIDE, Decoder
from cxrlens.imaging.dicom.decoding import DicomDecoder
from cxrlens.imaging.file_bytes import read_bytes
from cxrlens.imaging.file_kind import BARE_DICOM, DICOM, JPEG, PNG, TIFF, FileKind, recognise
from cxrlens.imaging.hdf5_item import read_item, split_reference
from cxrlens.imaging.preprocessing import Preprocessing
from cxrlens.imaging.quality import check_quality
from cxrlens.imaging.radiograph import Radiograph
from cxrlens.imaging.scan import Scan
from cxrlens.vocabulary import ImageRefused, digest, show_name


def read_radiograph(path: str | os.PathLike[str]) -> Radiograph:
    """Read one image; what a file is decides its content, not its suffix.

    Read are DICOM, JPEG, PNG and TIFF files, and images inside HDF5 files. Colours become grey
    (Rec. 601), transparency lies on black, an orientation in the file (EXIF, TIFF) is applied.
    16-bit pixels but DICOM's are scaled by the bits that they use (8, 10, 12, 14 or 16:
    `find_white`), fractions by 1 or 255 (`scale_pixels`). Colour profiles and gamma are not
    applied. Pixel spacing is not taken from the file's print resolution, which says nothing
    about the patient.

    Args:
        path: the file; or `FILE#DATASET/INDEX`, such as `train.h5#image/17`, for one image of an
            array in an HDF5 file.

    Returns:
        The radiograph, in the frame in which it is displayed.

    Raises:
        ImageRefused: with the reason `not-a-file`, `unreadable`, `empty`, `too-large`,
            `unknown-format` (not an image), `unsupported-format` (an image of a kind that is not
            read), `truncated`, `undecodable`, `inconsistent-header` (the header promises what the
            file cannot hold), `several-frames`, `no-image` (nothing at that place in an HDF5
            file), `too-small` or `too-long`; for DICOM also `for-processing`,
            `secondary-capture` and `lateral`; for what it shows `blank` or `not-chest`.

    Example:
        >>> read_radiograph("missing.png")
        Traceback (most recent call last):
        ...
        cxrlens.vocabulary.errors.ImageRefused: 'missing.png' does not exist: check the path
    """
    scan, key, n_bytes = load_scan(path)
    scan = check_quality(quote_name(path), scan)
    return Radiograph(scan.pixels, scan.view, scan.spacing_mm, key, n_bytes, scan.warnings)


def load_scan(
    path: str | os.PathLike[str], preprocessing: Preprocessing | None = None
) -> tuple[Scan, str, int]:
    """Read one image as it is, whatever it shows.

    Args:
        path: as for `read_radiograph`.
        preprocessing: of the network that it is read for, which may do with a fraction of its
            pixels (`Preprocessing.choose_factor`); None takes them all.

    Returns:
        The image as decoded; the SHA-256 of the file's bytes, 64 hexadecimal digits; their
        number.

    Raises:
        ImageRefused: as `read_radiograph`, but for what a picture shows.
    """
    name = quote_name(path)
    reference = split_reference(path)
    if reference is not None:
        item = read_item(name, reference)
        _check_size(name, item[0].pixels.shape)
        return item
    data = read_bytes(path)
    return _decode(name, data, preprocessing), digest(data), len(data)


def quote_name(path: str | os.PathLike[str]) -> str:
    """The image as messages call it."""
    return repr(show_name(os.fspath(path)))


def _decode(name: str, data: bytes, preprocessing: Preprocessing | None) -> Scan:
    kind = recognise(data[:512])
    if kind not in (DICOM, JPEG, PNG, TIFF):
        raise _refuse_kind(name, kind)
    decoder = DicomDecoder(name, data) if kind == DICOM else Decoder(name, data, kind)
    _check_size(name, decoder.size)
    if preprocessing is not None and isinstance(decoder, Decoder) and kind == JPEG:
        factor = preprocessing.choose_factor(decoder.read_upright_size())
        if factor > 1:
            return decoder.decode_reduced(factor)
    return decoder.decode()


def _refuse_kind(name: str, kind: FileKind) -> ImageRefused:
    if kind == BARE_DICOM:
        return ImageRefused(
            "unsupported-format",
            f"{name} is {kind.name}, without which its encoding is a guess: rewrite it with "
            f"`dcmconv IN OUT`",
        )
    if kind.is_image:
        return ImageRefused(
            "unsupported-format",
            f"{name} is {kind.name}, which is not read: give DICOM, JPEG, PNG or TIFF",
        )
    return ImageRefused(
        "unknown-format",
        f"{name} is no image but {kind.name}: give a DICOM, JPEG, PNG or TIFF file",
    )


def _check_size(name: str, size: tuple[int, ...]) -> None:
    """Judge (height, width) before anything is decoded."""
    short, long = sorted(size)
    stated = f"{name} is {size[1]} x {size[0]} pixels"
    if short * long > MAX_PIXELS:
        raise ImageRefused(
            "too-large",
            f"{stated}, more than {MAX_PIXELS:,} in all: no radiograph is that large",
            float(short * long),
        )
    if short < MIN_SIDE:
        raise ImageRefused(
            "too-small",
            f"{stated}: the shorter side must have {MIN_SIDE} or more; give the image at its own "
            "size",
            float(short),
        )
    if long > MAX_ASPECT * short:
        raise ImageRefused(
            "too-long",
            f"{stated}: one side may be at most {MAX_ASPECT} times the other; give the whole image",
            long / short,
        )
