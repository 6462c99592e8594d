"""How the pixels of a DICOM file are laid out, checked before any of them is touched.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from pydicom import Dataset

from cxrlens.imaging.decoding import MAX_PIXELS
from cxrlens.imaging.dicom.dataset import read_integer, read_text
from cxrlens.vocabulary import ImageRefused

_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"})


@dataclass(frozen=True)
class PixelFormat:
    """The elements of the Image Pixel module that say how one frame is stored."""

    rows: int
    """Height in pixels."""

    cols: int
    """Width in pixels."""

    samples: int
    """Numbers a pixel: 1 for grey, 3 for colours."""

    allocated: int
    """Bits that a number takes: 8 or 16."""

    stored: int
    """Bits that it uses, the lowest ones."""

    is_signed: bool
    """Whether numbers are in two's complement."""

    photometric: str
    """What the numbers mean, such as `MONOCHROME1`."""

    is_planar: bool
    """Whether colours lie plane after plane."""

    n_frames: int
    """Images in the file."""

    @property
    def n_bytes(self) -> int:
        """Size of one frame when decoded."""
        return self.rows * self.cols * self.samples * self.allocated // 8

    @property
    def lowest(self) -> int:
        """The smallest number that can be stored."""
        return -(1 << (self.stored - 1)) if self.is_signed else 0

    @property
    def highest(self) -> int:
        """The largest number that can be stored."""
        return (1 << (self.stored - self.is_signed)) - 1


def read_frames(name: str, dataset: Dataset) -> int:
    """Give the number of frames; 1 where the file does not say.

    Args:
        name: the file as messages call it.
        dataset: its header.

    Returns:
        The number as stated.

    Raises:
        ImageRefused: `inconsistent-header`.
    """
    return read_integer(name, dataset, "NumberOfFrames", 1)


def read_format(name: str, dataset: Dataset) -> PixelFormat:
    """Read how the pixels are laid out.

    Args:
        name: the file as messages call it.
        dataset: its header.

    Returns:
        The layout of one frame.

    Raises:
        ImageRefused: `inconsistent-header` (an element is missing or contradicts another),
            `unsupported-format` (palette colours, 1 or 32 bits), `too-large`.

    Source:
        DICOM PS3.3, C.7.6.3 (Image Pixel module); PS3.5, 8.1.1 (High Bit is Bits Stored - 1).
    """
    shape = PixelFormat(
        rows=read_integer(name, dataset, "Rows"),
        cols=read_integer(name, dataset, "Columns"),
        samples=read_integer(name, dataset, "SamplesPerPixel", 1),
        allocated=read_integer(name, dataset, "BitsAllocated"),
        stored=read_integer(name, dataset, "BitsStored"),
        is_signed=bool(read_integer(name, dataset, "PixelRepresentation", 0)),
        photometric=read_text(name, dataset, "PhotometricInterpretation").upper(),
        is_planar=bool(read_integer(name, dataset, "PlanarConfiguration", 0)),
        n_frames=read_frames(name, dataset),
    )
    _check_photometric(name, shape)
    _check_bits(name, shape, read_integer(name, dataset, "HighBit", shape.stored - 1))
    if shape.rows < 1 or shape.cols < 1:
        raise _refuse(name, f"states {shape.cols} x {shape.rows} pixels")
    if shape.rows * shape.cols > MAX_PIXELS:
        raise ImageRefused(
            "too-large",
            f"{name} states {shape.cols} x {shape.rows} pixels, more than {MAX_PIXELS:,} in all: "
            "no radiograph is that large",
            float(shape.rows * shape.cols),
        )
    return shape


def _check_photometric(name: str, shape: PixelFormat) -> None:
    if shape.samples > 1 and shape.is_signed:
        raise _refuse(name, "states colours with a sign")
    known = {1: _GREY, 3: _COLOUR}.get(shape.samples)
    if known is None or (shape.photometric in _GREY | _COLOUR) != (shape.photometric in known):
        raise _refuse(
            name,
            f"states {shape.samples} samples a pixel and the photometric interpretation "
            f"{shape.photometric[:16]!r}",
        )
    if not shape.photometric:
        raise _refuse(name, "does not state its photometric interpretation")
    if shape.photometric not in known:
        raise ImageRefused(
            "unsupported-format",
            f"{name} has pixels of the photometric interpretation {shape.photometric[:16]!r}, "
            "which is not read: save it as grey",
        )


def _check_bits(name: str, shape: PixelFormat, high: int) -> None:
    bits = f"states {shape.allocated} bits allocated, {shape.stored} stored and high bit {high}"
    if shape.allocated in (1, 32, 64):
        raise ImageRefused(
            "unsupported-format", f"{name} {bits}; only 8 and 16 bits allocated are read"
        )
    is_sound = 2 <= shape.stored <= shape.allocated and high == shape.stored - 1
    if shape.allocated not in (8, 16) or not is_sound:
        raise _refuse(name, bits)


def _refuse(name: str, fault: str) -> ImageRefused:
    return ImageRefused(
        "inconsistent-header",
        f"{name} {fault}, so that its pixels cannot be read: copy the file again",
    )
