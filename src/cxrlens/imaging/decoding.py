"""The bytes of a JPEG, PNG or TIFF file become grey pixels.

SPDX-License-Identifier: Apache-2.0
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np
from jaxtyping import Shaped
from PIL import ExifTags, Image, ImageFile, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from cxrlens.imaging.file_kind import JPEG, PNG, FileKind
from cxrlens.imaging.grey import make_grey
from cxrlens.imaging.grey_range import RANGES, scale_pixels
from cxrlens.imaging.jpeg_header import check_jpeg
from cxrlens.imaging.library_warnings import hold_back_warnings
from cxrlens.imaging.png_header import check_png, mend_transparency, read_bit_depth
from cxrlens.imaging.reduction import place_reduced
from cxrlens.imaging.scan import Scan
from cxrlens.imaging.tiff_header import TiffHeader, read_tiff_header
from cxrlens.vocabulary import ImageRefused

MAX_PIXELS = 64_000_000
"""Images with more pixels are refused undecoded: chest films scanned at 50 µm have 61 million,
radiographs up to 20; and colours of that many can be decoded within 1 GB."""

MIN_SIDE = 64
"""Images whose shorter side has fewer pixels are refused: nothing can be read from them."""

MAX_ASPECT = 4
"""Images whose longer side is more than so many times the shorter are refused."""

_FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises on damaged files."""

_COPIED_AT_ONCE = 4_000_000
"""Pixels."""

_TRANSPOSED = (5, 6, 7, 8)
"""EXIF orientations that make columns of the stored rows."""


class Decoder:
    """One file: its size is known at once, its pixels on demand.

    Raises:
        ImageRefused: `truncated`, `undecodable`, `several-frames`, `unsupported-format` or
            `inconsistent-header`, if the header says so or cannot be read.
    """

    def __init__(self, name: str, data: bytes, kind: FileKind) -> None:
        """Read the header.

        Args:
            name: the file as messages call it.
            data: all bytes of the file.
            kind: `JPEG`, `PNG` or `TIFF`.
        """
        self._name = name
        self._bits = 8
        self._tiff: TiffHeader | None = None
        if kind == PNG:
            check_png(name, data)
            self._bits = read_bit_depth(data)
        elif kind == JPEG:
            check_jpeg(name, data)
        else:
            self._tiff = read_tiff_header(name, data)
            self._bits = max(self._tiff.bits)
        with self._refusing(), hold_back_warnings():
            self._image = _open(data, kind)
            if isinstance(self._image, PngImageFile):
                mend_transparency(self._image, self._bits)
            else:
                _read_metadata(self._image)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        width, height = self._image.size
        return height, width

    def read_upright_size(self) -> tuple[int, int]:
        """Give (height, width) in pixels as the image is displayed.

        Raises:
            ImageRefused: `undecodable`, if the header's metadata cannot be read.
        """
        height, width = self.size
        return (width, height) if self._orientation in _TRANSPOSED else (height, width)

    def decode_reduced(self, factor: int) -> Scan:
        """Give the pixels of a JPEG file at a fraction of its size, upright.

        Args:
            factor: 2, 4 or 8: pixels along one side of a decoded one.

        Raises:
            ImageRefused: as `decode`.
        """
        placed = place_reduced(self.read_upright_size(), factor, self._orientation)
        width, height = self._image.size
        self._image.draft(None, (width // factor, height // factor))
        grey, colourfulness = self._load()
        pixels = _to_array(grey)
        del self._image, grey  # a large one must not be held beside its pixels
        scaled, _ = scale_pixels(self._name, pixels)
        return Scan(scaled, colourfulness=colourfulness, reduction=placed)

    def decode(self) -> Scan:
        """Give the pixels, upright.

        Raises:
            ImageRefused: `truncated`, `undecodable`, or `unsupported-format` (16-bit colour that
                uses the lowest 14 bits only).
        """
        grey, colourfulness = self._load()
        with self._refusing():
            pixels = self._read_numbers(grey)
        del self._image, grey  # a large one must not be held beside its pixels
        scaled, notes = scale_pixels(self._name, pixels)
        if self._is_inverted(pixels):
            np.subtract(1, scaled, out=scaled)
        return Scan(scaled, colourfulness=colourfulness, warnings=notes)

    @cached_property
    def _orientation(self) -> int:
        """As EXIF numbers it; what is no such number means 1."""
        with self._refusing(), hold_back_warnings():
            found = self._image.getexif().get(ExifTags.Base.Orientation, 1)
        return found if isinstance(found, int) else 1

    def _load(self) -> tuple[Image.Image, float]:
        """Decode, turn upright and make grey; give its colourfulness too."""
        with self._refusing():
            self._image.load()  # the long part, in parallel with other threads
            with hold_back_warnings():
                ImageOps.exif_transpose(self._image, in_place=True)
            return make_grey(self._image)

    def _read_numbers(self, grey: Image.Image) -> Shaped[np.ndarray, "h w"]:
        """The pixels as the numbers that the file holds, before any scaling."""
        pixels = _to_array(grey)
        if self._tiff is not None and self._tiff.sample_format == 2 and pixels.dtype == np.uint8:
            return pixels.view(np.int8)  # Pillow takes no notice of their sign
        if self._tiff is not None and self._tiff.sample_format == 1 and pixels.dtype == np.int32:
            return pixels.view(np.uint32)
        if pixels.dtype == np.uint8 and self._bits == 16 and pixels.max() <= RANGES[-2] >> 8:
            # Pillow keeps the upper bytes of 16-bit colours only.
            raise ImageRefused(
                "unsupported-format",
                f"{self._name} holds 16-bit colours that use the lowest 14 bits only: "
                "save it as a grey PNG",
            )
        clear = self._image.info.get("transparency")
        if pixels.dtype == np.uint16 and isinstance(clear, int):
            return np.where(pixels == clear, np.uint16(0), pixels)
        return pixels

    def _is_inverted(self, pixels: Shaped[np.ndarray, "h w"]) -> bool:
        """Whether 0 is white and Pillow left it so: it turns back bytes only."""
        return self._tiff is not None and self._tiff.is_white_zero and pixels.dtype != np.uint8

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn Pillow's many errors into the few words that we know."""
        try:
            yield
        except _FAULTS as error:
            if "truncated" in str(error).lower():
                raise ImageRefused(
                    "truncated", f"{self._name} is cut off before its end: copy the file again"
                ) from error
            if self._tiff is not None and str(error).startswith("unknown "):
                raise _refuse_tiff(self._name, self._tiff) from error
            raise ImageRefused(
                "undecodable", f"{self._name} is damaged and cannot be decoded: {error}"
            ) from error


def _open(data: bytes, kind: FileKind) -> ImageFile.ImageFile:
    # The plug-in itself, not `Image.open`: that one has a pixel limit of its own, which warns,
    # and which the caller's process may have changed.
    if kind == PNG:
        return PngImageFile(io.BytesIO(data))
    return JpegImageFile(io.BytesIO(data)) if kind == JPEG else TiffImageFile(io.BytesIO(data))


def _to_array(image: Image.Image) -> Shaped[np.ndarray, "h w"]:
    """Copy by bands of rows: Pillow's own way holds the bytes of all it copies three times."""
    if image.width * image.height <= _COPIED_AT_ONCE:
        return np.asarray(image)
    n_rows = max(1, _COPIED_AT_ONCE // image.width)
    first = np.asarray(image.crop((0, 0, 1, 1)))
    pixels = np.empty((image.height, image.width), first.dtype)
    for start in range(0, image.height, n_rows):
        stop = min(start + n_rows, image.height)
        pixels[start:stop] = np.asarray(image.crop((0, start, image.width, stop)))
    return pixels


def _read_metadata(image: ImageFile.ImageFile) -> None:
    """Make Pillow read now, in quiet, what it reads while it decodes TIFF, and warns of."""
    if isinstance(image, TiffImageFile):
        exif = image.getexif()
        dict(exif)
        for group in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop):
            exif.get_ifd(group)


def _refuse_tiff(name: str, header: TiffHeader) -> ImageRefused:
    number = {1: "whole", 2: "signed", 3: "floating"}.get(header.sample_format, "unknown")
    return ImageRefused(
        "unsupported-format",
        f"{name} is TIFF of {number} numbers of {'+'.join(map(str, header.bits))} bits, in an "
        "arrangement that is not read: save it as a grey PNG",
    )
