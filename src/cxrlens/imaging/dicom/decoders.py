"""The compressed images that DICOM files hold become numbers.

SPDX-License-Identifier: Apache-2.0
"""

import importlib
import io
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

import numpy as np
from jaxtyping import Shaped, UInt16
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxrlens.imaging.dicom.codestream import Codestream, read_jpeg, read_jpeg2000
from cxrlens.imaging.dicom.format import PixelFormat
from cxrlens.imaging.dicom.lossless import rewrite_lossless
from cxrlens.imaging.dicom.rle import decode_rle
from cxrlens.imaging.jpeg_header import check_jpeg
from cxrlens.vocabulary import ImageRefused

Numbers = Shaped[np.ndarray, "..."]
"""Numbers of 8 or 16 bits without sign: height x width, or height x width x 3."""

FrameDecoder = Callable[[str, bytes, UID, PixelFormat], Numbers]
"""Decodes a frame, given the file's name, the frame, its transfer syntax and its layout."""

_FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    struct.error,
)
"""What Pillow, pyjpegls and gdcm raise on damaged images."""


def _decode_rle(name: str, frame: bytes, syntax: UID, shape: PixelFormat) -> Numbers:
    del syntax
    depth = shape.allocated // 8
    planes = decode_rle(name, frame, shape.samples * depth, shape.rows * shape.cols)
    samples = planes.reshape(shape.samples, depth, -1)
    numbers = samples[:, 0] if depth == 1 else _join_bytes(samples)
    return arrange(numbers.ravel(), shape, is_planar=True)


def _join_bytes(
    samples: Shaped[np.ndarray, "samples 2 pixels"],
) -> UInt16[np.ndarray, "samples pixels"]:
    high, low = samples[:, 0], samples[:, 1]
    numbers = high.astype(np.uint16)
    numbers <<= 8
    numbers |= low
    return numbers


def _decode_jpeg(name: str, frame: bytes, syntax: UID, shape: PixelFormat) -> Numbers:
    """Eight-bit JPEG, by Pillow."""
    stream = read_jpeg(name, frame)
    if stream.bits != 8 or stream.kind not in (0xC0, 0xC1, 0xC2):
        raise ImageRefused(
            "unsupported-format",
            f"{name} is encoded as {syntax.name} with {stream.bits} bits, which is not read (it "
            "would need the package pylibjpeg-libjpeg): decompress it with dcmdjpeg",
            float(stream.bits),
        )
    _check(name, stream, shape)
    check_jpeg(name, frame)
    with _refusing(name, syntax):
        image = JpegImageFile(io.BytesIO(frame))
        if shape.photometric in ("RGB", "YBR_FULL") and _is_converted(image):
            image.draft("YCbCr", image.size)  # the numbers as they are: the header names them
        image.load()
    if image.mode not in ("L", "RGB", "YCbCr"):
        raise ImageRefused("undecodable", f"{name} is damaged: its colours are {image.mode}")
    return _settle(name, np.asarray(image), shape)


def _is_converted(image: JpegImageFile) -> bool:
    """Whether Pillow takes three numbers for YCbCr and turns them into red, green and blue.

    Source:
        libjpeg, `default_decompress_parms`: an Adobe marker decides, or else the components' names.
    """
    is_named = [component[0] for component in image.layer] == list(b"RGB")
    return "adobe_transform" not in image.info and not is_named


def _decode_jpeg2000(name: str, frame: bytes, syntax: UID, shape: PixelFormat) -> Numbers:
    """JPEG 2000, by Pillow, which shifts numbers up to fill their bytes and makes them positive."""
    stream = read_jpeg2000(name, frame)
    _check(name, stream, shape)
    with _refusing(name, syntax):
        image = Jpeg2KImageFile(io.BytesIO(frame))
        image.load()
    numbers = np.array(image)
    del image
    if stream.bits > 8 * numbers.itemsize or numbers.dtype.kind != "u":
        raise ImageRefused(
            "unsupported-format",
            f"{name} is JPEG 2000 with {shape.samples} samples of {stream.bits} bits, which is "
            "not read: decompress it",
            float(stream.bits),
        )
    numbers >>= 8 * numbers.itemsize - stream.bits
    if stream.is_signed:
        numbers -= numbers.dtype.type(1 << (stream.bits - 1))  # wraps into two's complement
    return _settle(name, numbers, shape)


def _decode_jpegls(name: str, frame: bytes, syntax: UID, shape: PixelFormat) -> Numbers:
    """JPEG-LS, by pyjpegls."""
    stream = read_jpeg(name, frame)
    if stream.kind != 0xF7:
        raise _refuse_kind(name, syntax)
    _check(name, stream, shape)
    library = _find(name, syntax, "jpeg_ls", "pyjpegls")
    with _refusing(name, syntax):
        decoded, facts = library.decode_pixel_data(frame)
    kind = np.dtype(np.uint8 if stream.bits <= 8 else np.uint16)
    numbers = np.frombuffer(decoded, kind)
    return _settle(name, numbers, shape, is_planar=facts["interleave_mode"] == 0)


def _decode_lossless_jpeg(name: str, frame: bytes, syntax: UID, shape: PixelFormat) -> Numbers:
    """Lossless JPEG, by gdcm."""
    stream = read_jpeg(name, frame)
    if stream.kind != 0xC3:
        raise _refuse_kind(name, syntax)
    _check(name, stream, shape)
    if stream.rows * stream.cols > 8 * len(frame):  # a number takes a bit at the least
        raise ImageRefused(
            "truncated", f"{name} has fewer pixels than its header promises: copy the file again"
        )
    if stream.bits < 8:  # gdcm would end the process
        raise ImageRefused(
            "unsupported-format",
            f"{name} is lossless JPEG of {stream.bits} bits, and 8 to 16 are read: decompress it "
            "with dcmdjpeg",
            float(stream.bits),
        )
    library = _find(name, syntax, "gdcm", "python-gdcm")
    clean = rewrite_lossless(name, frame, stream)
    with _refusing(name, syntax):
        decoded = _run_gdcm(library, clean, syntax, stream, shape)
    kind = np.dtype(np.uint8 if stream.bits <= 8 else np.uint16)
    return _settle(name, np.frombuffer(decoded, kind), shape)


def _run_gdcm(
    gdcm: ModuleType, frame: bytes, syntax: UID, stream: Codestream, shape: PixelFormat
) -> bytes:
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((shape.cols, shape.rows, 1))
    image.SetDataElement(element)
    # Grey is always called the same, so that gdcm has nothing to turn round.
    photometric = "MONOCHROME2" if shape.samples == 1 else shape.photometric
    meaning = gdcm.PhotometricInterpretation.GetPIType(photometric)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(meaning))
    number = gdcm.TransferSyntax.GetTSType(str(syntax))
    image.SetTransferSyntax(gdcm.TransferSyntax(number))
    bits = 8 if stream.bits <= 8 else 16
    image.SetPixelFormat(
        gdcm.PixelFormat(shape.samples, bits, stream.bits, stream.bits - 1, int(shape.is_signed))
    )
    text: str = image.GetBuffer()  # bytes that are no text stand in it as surrogates
    return text.encode("utf-8", "surrogateescape")


def _check(name: str, stream: Codestream, shape: PixelFormat) -> None:
    """Hold what the image says of itself against the header."""
    if (stream.rows, stream.cols, stream.samples) != (shape.rows, shape.cols, shape.samples):
        raise ImageRefused(
            "inconsistent-header",
            f"{name} states {shape.cols} x {shape.rows} x {shape.samples} pixels, and its "
            f"compressed image has {stream.cols} x {stream.rows} x {stream.samples}: one of them "
            "is wrong",
        )
    is_sign_wrong = stream.kind == 0x51 and stream.is_signed != shape.is_signed
    if not 2 <= stream.bits <= shape.allocated or is_sign_wrong:
        raise ImageRefused(
            "inconsistent-header",
            f"{name} states {shape.stored} bits in {shape.allocated}, and its compressed image "
            f"has {stream.bits}{', but of another sign' if is_sign_wrong else ''}: one of them is "
            "wrong",
            float(stream.bits),
        )


def _settle(
    name: str, numbers: Shaped[np.ndarray, "..."], shape: PixelFormat, *, is_planar: bool = False
) -> Numbers:
    """Give a decoder's numbers the header's shape, if there are so many."""
    if numbers.size != shape.rows * shape.cols * shape.samples:
        raise ImageRefused(
            "undecodable",
            f"{name} is damaged: its compressed image gave {numbers.size:,} numbers for "
            f"{shape.cols} x {shape.rows} x {shape.samples}",
            float(numbers.size),
        )
    return arrange(numbers.ravel(), shape, is_planar=is_planar)


def arrange(numbers: Shaped[np.ndarray, " n"], shape: PixelFormat, *, is_planar: bool) -> Numbers:
    """Give a row of numbers the shape of an image.

    Args:
        numbers: as many as the image has.
        shape: its layout.
        is_planar: whether colours lie plane after plane.

    Returns:
        Height x width, or height x width x 3.
    """
    if shape.samples == 1:
        return numbers.reshape(shape.rows, shape.cols)
    if is_planar:
        return np.moveaxis(numbers.reshape(shape.samples, shape.rows, shape.cols), 0, -1)
    return numbers.reshape(shape.rows, shape.cols, shape.samples)


def _find(name: str, syntax: UID, module: str, package: str) -> ModuleType:
    """Import a decoder; where it cannot be, say which package is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImageRefused(
            "unsupported-format",
            f"{name} is encoded as {syntax.name}, which needs the package {package}: "
            f"pip install {package}",
        ) from error


def _refuse_kind(name: str, syntax: UID) -> ImageRefused:
    return ImageRefused(
        "inconsistent-header",
        f"{name} states the transfer syntax {syntax.name}, and its image is of another kind: "
        "rewrite it with dcmconv",
    )


@contextmanager
def _refusing(name: str, syntax: UID) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise ImageRefused(
            "undecodable",
            f"{name} is damaged: its image cannot be decoded as {syntax.name} "
            f"({type(error).__name__})",
        ) from error


DECODERS: Mapping[str, FrameDecoder] = {
    RLELossless: _decode_rle,
    JPEGBaseline8Bit: _decode_jpeg,
    JPEGExtended12Bit: _decode_jpeg,
    JPEGLossless: _decode_lossless_jpeg,
    JPEGLosslessSV1: _decode_lossless_jpeg,
    JPEGLSLossless: _decode_jpegls,
    JPEGLSNearLossless: _decode_jpegls,
    JPEG2000Lossless: _decode_jpeg2000,
    JPEG2000: _decode_jpeg2000,
}
"""The decoder of each transfer syntax whose images are compressed."""
