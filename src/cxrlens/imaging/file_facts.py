"""What a file says of itself that is no picture: kind, bits, colours, compression tables.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
from dataclasses import dataclass

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from cxrlens.imaging.file_bytes import read_bytes
from cxrlens.imaging.file_kind import JPEG, PNG, TIFF, recognise
from cxrlens.imaging.hdf5_item import split_reference
from cxrlens.imaging.library_warnings import hold_back_warnings
from cxrlens.imaging.png_header import read_bit_depth
from cxrlens.vocabulary import digest

NOTHING = "none"
"""Stands for what a kind of file does not have."""


@dataclass(frozen=True)
class FileFacts:
    """The header of one file, as words that can be counted."""

    kind: str
    """Such as `JPEG`; `HDF5` for an image inside such a file."""

    colours: str
    """How its pixels are stored, in Pillow's words: `L` grey, `RGB`, `P` palette …"""

    bits: int
    """Of one sample of a pixel; 0 where the file was not asked."""

    tables: str
    """The first hexadecimal digits of the SHA-256 of a JPEG's quantisation tables, which tell the
    program and the quality that wrote it; `none` of other files."""


def read_file_facts(path: str | os.PathLike[str]) -> FileFacts:
    """Read what a file says of itself; its pixels are not decoded.

    Args:
        path: a file that `read_radiograph` reads.

    Returns:
        The facts.

    Raises:
        ImageRefused: as `read_radiograph`, if the file cannot be read at all.
    """
    if split_reference(path) is not None:
        return FileFacts("HDF5", NOTHING, 0, NOTHING)
    data = read_bytes(path)
    kind = recognise(data[:512])
    with hold_back_warnings():
        if kind == JPEG:
            jpeg = JpegImageFile(io.BytesIO(data))
            return FileFacts(kind.name, jpeg.mode, 8, _name_tables(jpeg))
        if kind == PNG:
            mode = _read_mode(PngImageFile(io.BytesIO(data)))
            return FileFacts(kind.name, mode, read_bit_depth(data), NOTHING)
        if kind == TIFF:
            return FileFacts(kind.name, _read_mode(TiffImageFile(io.BytesIO(data))), 0, NOTHING)
    return FileFacts(kind.name, NOTHING, 0, NOTHING)


def _read_mode(image: Image.Image) -> str:
    return image.mode


def _name_tables(image: JpegImageFile) -> str:
    tables = sorted((number, tuple(table)) for number, table in image.quantization.items())
    return digest(repr(tables).encode())[:8]
