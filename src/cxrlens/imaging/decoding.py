"""The bytes of a JPEG or PNG file become grey pixels.

SPDX-License-Identifier: Apache-2.0
"""

import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageFile, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from cxrlens.vocabulary import GreyImage, ImageRefused

MAX_PIXELS = 100_000_000
"""Images with more pixels are refused undecoded; radiographs have up to 20 million."""

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
    struct.error,
    zlib.error,
)
"""What Pillow raises on damaged files."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""What begins a JPEG segment; those without a length are left out but for the end of image."""

_QUIET = threading.Lock()


class Decoder:
    """One file: its size is known at once, its pixels on demand.

    Raises:
        ImageRefused: `truncated` or `undecodable`, if not even the header can be read.
    """

    def __init__(self, name: str, data: bytes, *, is_png: bool) -> None:
        """Read the header.

        Args:
            name: the file as messages call it.
            data: all bytes of the file.
            is_png: whether it is PNG; else it is JPEG.
        """
        self._name = name
        self._is_16_bit = is_png and data[24:25] == b"\x10"  # bit depth in IHDR
        if _is_png_cut(data) if is_png else _is_jpeg_cut(data):
            raise self._refuse_truncated()
        with self._refusing(), _quiet():
            # The plug-in itself, not `Image.open`: that one has a pixel limit of its own, which
            # warns, and which the caller's process may have changed.
            self._image: ImageFile.ImageFile = (
                PngImageFile(io.BytesIO(data)) if is_png else JpegImageFile(io.BytesIO(data))
            )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels as stored, before any EXIF rotation."""
        width, height = self._image.size
        return height, width

    def decode(self) -> GreyImage:
        """Give the pixels as float32 in [0, 1], upright.

        Raises:
            ImageRefused: `truncated`, `undecodable`, or `unsupported-format` (16-bit colour that
                uses the lowest 12 bits only).
        """
        with self._refusing():
            self._image.load()  # the long part, in parallel with other threads
            with _quiet():
                ImageOps.exif_transpose(self._image, in_place=True)
            return self._scale(_make_grey(self._image))

    def _scale(self, grey: Image.Image) -> GreyImage:
        pixels = np.asarray(grey)
        top = int(pixels.max())
        if pixels.dtype == np.uint8:
            if self._is_16_bit and top < 16:
                # Pillow keeps the upper bytes of 16-bit colours only.
                raise ImageRefused(
                    "unsupported-format",
                    f"{self._name} holds 16-bit colours that use the lowest 12 bits only: "
                    "save it as a grey PNG",
                )
            return np.asarray(pixels, dtype=np.float32) / np.float32(255)
        full = next(limit for limit in (255, 4095, 65535) if top <= limit)
        return np.asarray(pixels, dtype=np.float32) / np.float32(full)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn Pillow's many errors into the two words that we know."""
        try:
            yield
        except _FAULTS as error:
            if "truncated" in str(error).lower():
                raise self._refuse_truncated() from error
            raise ImageRefused(
                "undecodable", f"{self._name} is damaged and cannot be decoded: {error}"
            ) from error

    def _refuse_truncated(self) -> ImageRefused:
        return ImageRefused(
            "truncated", f"{self._name} is cut off before its end: copy the file again"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back Pillow's warnings about metadata; one thread at a time, as Python asks."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _make_grey(image: Image.Image) -> Image.Image:
    """Give a grey image of 8 or 16 bits."""
    if image.mode.startswith("I") or (image.mode == "L" and not image.has_transparency_data):
        return image
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), colours)
    return image.convert("RGB").convert("L")


def _is_png_cut(data: bytes) -> bool:
    """Walk the chunks: whether the file ends before the end chunk does (Pillow does not mind)."""
    start = 8
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        start += 12 + length
        if kind == b"IEND":
            return bool(start > len(data))
    return True


def _is_jpeg_cut(data: bytes) -> bool:
    """Walk the segments and scans: whether the end marker is never reached.

    Pillow does not always mind, and takes zeros that fill up a cut file for plain grey.

    Source: ITU-T T.81, B.1.1 (markers; 0xFF inside a scan is followed by 0 or a restart marker).
    """
    start = 2
    while found := _MARKER.search(data, start):
        if found[0] == b"\xff\xd9":
            return False
        start = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return True
