"""The pixels of a DICOM file become the numbers that were stored.

SPDX-License-Identifier: Apache-2.0
"""

import struct
from collections.abc import Iterator

import numpy as np
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
)

from cxrlens.imaging.dicom.decoders import DECODERS, Numbers, arrange
from cxrlens.imaging.dicom.format import PixelFormat
from cxrlens.imaging.dicom.layout import Layout, PixelElement
from cxrlens.vocabulary import ImageRefused

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
"""Transfer syntaxes whose pixels lie in the file as they are."""

LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000)
"""Transfer syntaxes whose decoded numbers may differ a little from those that were stored."""

_MAX_SPARE = 1_000_000
"""Bytes that a compressed image may have beyond twice its uncompressed size."""

_MISSING_PACKAGES = {
    HTJ2K: "pylibjpeg-openjpeg",
    HTJ2KLossless: "pylibjpeg-openjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg-openjpeg",
}
"""What could decode other transfer syntaxes."""


def decode_pixels(name: str, data: bytes, layout: Layout, shape: PixelFormat) -> Numbers:
    """Decode the one frame of a DICOM file to the numbers as their container holds them.

    What a compressed image says of its own size is held against the header before anything is
    allocated for it.

    Args:
        name: the file as messages call it.
        data: all bytes of the file.
        layout: where its parts lie.
        shape: how the pixels are laid out.

    Returns:
        Height x width or height x width x 3, 8 or 16 bits without sign; what the bits mean is for
        `settle_bits` to say.

    Raises:
        ImageRefused: `no-image`, `unsupported-format` (a transfer syntax that is not read, or
            whose decoder is not installed), `truncated`, `undecodable`, or `inconsistent-header`.

    Source:
        DICOM PS3.5, 8.1 and 8.2 (native and encapsulated pixels), A.4 (transfer syntaxes).
    """
    if layout.pixels is None:
        raise ImageRefused("no-image", f"{name} holds no pixels: nothing can be read from it")
    check_syntax(name, layout.syntax)
    if layout.syntax in NATIVE:
        return _read_native(name, data, layout.pixels, shape, layout.syntax == ExplicitVRBigEndian)
    if layout.pixels.length is not None:
        raise ImageRefused(
            "inconsistent-header",
            f"{name} has pixels that are not in fragments, though {layout.syntax.name} demands it: "
            "rewrite it with dcmconv",
        )
    fragments = list(_split_fragments(name, data, layout.pixels.start))
    n_bytes = sum(map(len, fragments))
    if not n_bytes:
        raise ImageRefused("truncated", f"{name} has no compressed pixels: copy the file again")
    if n_bytes > 2 * shape.n_bytes + _MAX_SPARE:
        raise ImageRefused(
            "inconsistent-header",
            f"{name} has {n_bytes:,} bytes of compressed pixels, and {shape.cols} x {shape.rows} "
            f"of them take {shape.n_bytes:,} without compression: copy the file again",
            float(n_bytes),
        )
    frame = b"".join(fragments)
    del fragments
    return DECODERS[layout.syntax](name, frame, layout.syntax, shape)


def check_syntax(name: str, syntax: UID) -> None:
    """Refuse a transfer syntax that is not read.

    Args:
        name: the file as messages call it.
        syntax: the transfer syntax.

    Raises:
        ImageRefused: `unsupported-format`.
    """
    if syntax in NATIVE or syntax in DECODERS:
        return
    package = _MISSING_PACKAGES.get(syntax)
    advice = f" (it would need the package {package})" if package else ""
    raise ImageRefused(
        "unsupported-format",
        f"{name} is encoded as {name_syntax(syntax)}, which is not read{advice}: convert it to an "
        "uncompressed file where it was made",
    )


def name_syntax(syntax: UID) -> str:
    """Give a transfer syntax the name that DICOM gives it, or its number.

    Args:
        syntax: the transfer syntax.

    Returns:
        Such as `JPEG Baseline (Process 1)`.
    """
    return syntax.name if syntax.name != syntax else f"the transfer syntax {str(syntax)[:64]!r}"


def _read_native(
    name: str, data: bytes, pixels: PixelElement, shape: PixelFormat, is_big: bool
) -> Numbers:
    length, needed = pixels.length, shape.n_bytes
    if length is None:
        raise ImageRefused(
            "inconsistent-header",
            f"{name} has pixels in fragments, though they are not compressed: rewrite it with "
            "dcmconv",
        )
    if pixels.start + length > len(data):
        raise ImageRefused(
            "truncated",
            f"{name} has {len(data) - pixels.start:,} of {length:,} bytes of pixels: copy the file "
            "again",
        )
    row = needed // shape.rows
    if not needed <= length < needed + max(row, 2):
        raise ImageRefused(
            "truncated" if length < needed else "inconsistent-header",
            f"{name} has {length:,} bytes of pixels, and {shape.cols} x {shape.rows} of them take "
            f"{needed:,}: copy the file again",
        )
    if shape.photometric == "YBR_FULL_422":
        raise ImageRefused(
            "unsupported-format", f"{name} has colours of half width: save it as grey"
        )
    if shape.allocated == 8 and is_big and pixels.is_words:  # PS3.5, 8.1.1: bytes come swapped
        words = np.frombuffer(data, ">u2", (needed + 1) // 2, pixels.start)
        swapped = words.astype("<u2").view(np.uint8)[:needed]
        return arrange(swapped, shape, is_planar=shape.is_planar)
    kind = np.dtype(f"u{shape.allocated // 8}").newbyteorder(">" if is_big else "<")
    numbers = np.frombuffer(data, kind, needed // kind.itemsize, pixels.start)
    native = numbers.astype(kind.newbyteorder("="), copy=False)
    return arrange(native, shape, is_planar=shape.is_planar)


def _split_fragments(name: str, data: bytes, start: int) -> Iterator[bytes]:
    """Give the fragments of the only frame; the first item is a table of offsets.

    Source:
        DICOM PS3.5, A.4.
    """
    is_first = True
    while True:
        if start + 8 > len(data):
            raise _refuse_cut(name, len(data))
        group, number, length = struct.unpack_from("<HHL", data, start)
        start += 8
        if (group, number) == (0xFFFE, 0xE0DD):
            return
        if (group, number) != (0xFFFE, 0xE000):
            raise ImageRefused(
                "undecodable", f"{name} is damaged: its compressed pixels are not in fragments"
            )
        if start + length > len(data):
            raise _refuse_cut(name, len(data))
        if not is_first:
            yield data[start : start + length]
        is_first = False
        start += length


def _refuse_cut(name: str, n_bytes: int) -> ImageRefused:
    return ImageRefused(
        "truncated",
        f"{name} ends within its compressed pixels, after {n_bytes:,} bytes: copy the file again",
        float(n_bytes),
    )


def settle_bits(
    name: str, numbers: Numbers, shape: PixelFormat, *, has_extra_bits: bool, is_lossy: bool
) -> Numbers:
    """Make sure that numbers use no other bits than the header says, and give them their sign.

    Args:
        name: the file as messages call it.
        numbers: as decoded, without sign.
        shape: their layout.
        has_extra_bits: whether the header says that overlays lie in the upper bits; these are
            taken off.
        is_lossy: whether numbers may leave the range by compression; they are clipped then.

    Returns:
        Numbers from `shape.lowest` to `shape.highest`, of 8 or 16 bits.

    Raises:
        ImageRefused: `inconsistent-header`, if bits are used above the highest one that the header
            states: either it or the pixels are wrong, and nobody can say which.

    Source:
        DICOM PS3.5, 8.1.1 (bits above High Bit), 8.1.2 (overlays in them, retired).
    """
    mask = numbers.dtype.type(min((1 << shape.stored) - 1, np.iinfo(numbers.dtype).max))
    if has_extra_bits:
        numbers = numbers & mask
    if shape.is_signed:
        numbers = _give_sign(numbers, shape)
    low, high = int(numbers.min()), int(numbers.max())
    if shape.lowest <= low and high <= shape.highest:
        return numbers
    if is_lossy:
        return np.asarray(np.clip(numbers, shape.lowest, shape.highest))
    worst = high if high > shape.highest else low
    raise ImageRefused(
        "inconsistent-header",
        f"{name} states that {shape.stored} bits are stored, and its pixels go to {worst:,}: one "
        "of them is wrong",
        float(worst),
    )


def _give_sign(numbers: Numbers, shape: PixelFormat) -> Numbers:
    """Read two's complement of the stored bits; those above repeat the sign or are all zero."""
    signed = np.asarray(numbers.view(f"i{numbers.itemsize}"))
    spare = 8 * numbers.itemsize - shape.stored
    if spare <= 0:
        return signed
    above = numbers >> shape.stored
    is_sound = bool(np.all((above == 0) | (above == (1 << spare) - 1)))
    return (signed << spare) >> spare if is_sound else signed
