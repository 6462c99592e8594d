"""The bytes of a DICOM file become grey pixels.

SPDX-License-Identifier: Apache-2.0
"""

import os
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian

from cxrlens.imaging.dicom.dataset import read_dataset, read_numbers
from cxrlens.imaging.dicom.display import count_numbers, look_up, read_display, show
from cxrlens.imaging.dicom.format import PixelFormat, read_format
from cxrlens.imaging.dicom.gate import check_frames, check_kind, check_view
from cxrlens.imaging.dicom.layout import Layout, read_layout
from cxrlens.imaging.dicom.pixels import LOSSY, check_syntax, decode_pixels, settle_bits
from cxrlens.imaging.file_bytes import read_bytes
from cxrlens.imaging.file_kind import DICOM, recognise
from cxrlens.imaging.scan import Scan
from cxrlens.vocabulary import GreyImage, ImageRefused, ImageWarning, show_name

MAX_COLOUR = 3
"""Colours that differ by more of 255 in more than a thousandth of the pixels are no grey; lossy
compression makes grey ones differ by 1 or 2."""

SPACING_MM = (0.01, 20.0)
"""Distances of pixels that are believed: a scanned film has 0.05, a thumbnail a few."""


@dataclass(frozen=True, eq=False)
class _DicomFile:
    name: str
    data: bytes
    layout: Layout
    dataset: Dataset


class DicomDecoder:
    """One file: its header is judged at once, its pixels are decoded on demand."""

    def __init__(self, name: str, data: bytes) -> None:
        """Read the header and refuse what is no frontal chest radiograph by it.

        Args:
            name: the file as messages call it.
            data: all bytes of the file.

        Raises:
            ImageRefused: as `read_radiograph`.
        """
        self._file = _open(name, data)
        dataset = self._file.dataset
        kind_notes = check_kind(name, dataset)
        self._view, view_notes = check_view(name, dataset)
        self._warnings = kind_notes + view_notes
        self._shape = _read_shape(self._file)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self._shape.rows, self._shape.cols

    def decode(self) -> Scan:
        """Give the pixels as they are to be shown.

        Where neither a window nor a VOI LUT states the range and more than 8 bits are stored,
        percentiles of the pixels are black and white.

        Raises:
            ImageRefused: `truncated`, `undecodable`, `inconsistent-header`, `unsupported-format`
                or `not-chest` (colours).
        """
        pixels, notes = _render(self._file, self._shape, is_stretched=True)
        return Scan(
            pixels,
            self._view,
            read_spacing(self._file.dataset),
            is_polarity_stated=True,
            warnings=self._warnings + notes,
        )


def render_dicom(path: str | os.PathLike[str]) -> GreyImage:
    """Show any grey DICOM image of one frame as its header says, before any scaling of ours.

    Modality LUT, VOI LUT or window, and polarity are applied; where there is no window, the whole
    range of the stored bits is shown. What was imaged plays no part: this is for comparison with
    other programs, `read_radiograph` for use.

    Args:
        path: the file.

    Returns:
        Height x width in [0, 1], 0 black; padding is black.

    Raises:
        ImageRefused: as `read_radiograph`, but for what is not a chest radiograph.
    """
    name = repr(show_name(os.fspath(path)))
    data = read_bytes(path)
    kind = recognise(data[:512])
    if kind != DICOM:
        raise ImageRefused("unknown-format", f"{name} is no DICOM file but {kind.name}")
    file = _open(name, data)
    return _render(file, _read_shape(file), is_stretched=False)[0]


def _open(name: str, data: bytes) -> _DicomFile:
    layout = read_layout(name, data)
    if layout is None or layout.pixels is None:
        raise ImageRefused("no-image", f"{name} holds no pixels: nothing can be read from it")
    dataset = read_dataset(name, data, layout)
    check_frames(name, dataset)
    return _DicomFile(name, data, layout, dataset)


def _read_shape(file: _DicomFile) -> PixelFormat:
    check_syntax(file.name, file.layout.syntax)
    return read_format(file.name, file.dataset)


def _render(
    file: _DicomFile, shape: PixelFormat, *, is_stretched: bool
) -> tuple[GreyImage, tuple[ImageWarning, ...]]:
    decoded = decode_pixels(file.name, file.data, file.layout, shape)
    numbers = settle_bits(
        file.name,
        decoded,
        shape,
        has_extra_bits=_has_overlay_bits(file.dataset),
        is_lossy=file.layout.syntax in LOSSY,
    )
    del decoded
    if shape.samples > 1:
        grey = _take_grey(file.name, numbers, shape)
        return grey.astype(np.float32) / np.float32(shape.highest), ()
    counts = count_numbers(numbers, shape)
    is_big = file.layout.syntax == ExplicitVRBigEndian
    display = read_display(file.name, file.dataset, shape, counts, is_big=is_big)
    table = show(display, counts, is_stretched=is_stretched)
    return look_up(numbers, table, shape), display.warnings


def _has_overlay_bits(dataset: Dataset) -> bool:
    """Whether an overlay lies in the upper bits of the pixels (PS3.3, C.9.2.1.1, retired)."""
    return any(
        (read_numbers(dataset, (group, 0x0102)) or (0,))[0] > 0
        for group in range(0x6000, 0x6020, 2)
    )


def _take_grey(
    name: str, numbers: Shaped[np.ndarray, "h w 3"], shape: PixelFormat
) -> Shaped[np.ndarray, "h w"]:
    """Give the grey of colours that are none."""
    first = numbers[..., 0]
    if shape.photometric == "YBR_FULL":  # brightness, and two differences around the middle
        middle = (shape.highest + 1) // 2
        spread = [np.abs(numbers[..., i].astype(np.int32) - middle) for i in (1, 2)]
    else:
        spread = [np.abs(numbers[..., i].astype(np.int32) - first) for i in (1, 2)]
    worst = np.percentile(np.maximum(*spread), 99.9) * 255 / shape.highest
    if worst > MAX_COLOUR:
        raise ImageRefused(
            "not-chest",
            f"{name} is in colour (red, green and blue differ by up to {worst:.0f} of 255), and a "
            "radiograph is grey",
            float(worst),
        )
    return first


def read_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Give the distance of neighbouring pixels.

    Pixel Spacing goes before Imager Pixel Spacing, that is at the detector, which lies a little
    behind the patient. Zeros and what no detector has are taken as unknown.

    Args:
        dataset: the header.

    Returns:
        Distance of rows and of columns in mm; None where unknown.

    Source:
        DICOM PS3.3, 10.7.1.3 (rows first).
    """
    low, high = SPACING_MM
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        found = read_numbers(dataset, keyword) or ()
        if len(found) == 2 and all(low <= one <= high for one in found):
            return found[0], found[1]
    return None
