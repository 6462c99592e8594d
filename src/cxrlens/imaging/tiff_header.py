"""What a TIFF file says of itself before its pixels are decoded.

SPDX-License-Identifier: Apache-2.0
"""

import math
import struct
from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary import ImageRefused

Tags = dict[int, tuple[int, ...]]
"""The whole numbers of a directory by tag; other types are left out."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_STARTS, _SAMPLES, _STRIP_SIZES, _PLANAR = 273, 277, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_STARTS, _TILE_SIZES = 322, 323, 324, 325
_SUBFILE, _FORMAT = 254, 339
_YCBCR = 6

_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}
"""Types of whole numbers: byte, short, long, and BigTIFF's of 8 bytes."""

_MAX_DIRECTORIES = 1000
_MAX_ENTRIES = 4096
_MAX_NUMBERS = 1_000_000

_NOT_A_PICTURE = 0b101
"""Bits of the subfile type: a smaller copy (thumbnail), a transparency mask."""

_COMPRESSIONS = {1: 1, 2: 0, 3: 0, 4: 0, 5: 4096, 7: 1024, 8: 1040, 32773: 128, 32946: 1040}
"""What is read, with the bytes of pixels that a stored byte can stand for at most (0: no limit):
none, CCITT fax (three), LZW, JPEG, deflate (two numbers), PackBits."""

_COMPRESSION_NAMES = {6: "old-style JPEG", 34712: "JPEG 2000", 34925: "LZMA", 50000: "Zstandard"}


@dataclass(frozen=True)
class TiffHeader:
    """What the first picture of a file is made of."""

    width: int
    """Columns as stored, before any orientation."""

    height: int
    """Rows as stored."""

    bits: tuple[int, ...]
    """Bits of each sample of a pixel."""

    sample_format: int
    """1 whole numbers, 2 with a sign, 3 floating; others are not read."""

    is_white_zero: bool
    """Whether 0 is white (photometric interpretation MinIsWhite)."""

    compression: int
    """Its number; 1 is none."""

    is_planar: bool
    """Whether each colour is stored by itself."""


def read_tiff_header(name: str, data: bytes) -> TiffHeader:
    """Read and judge the directories of a file.

    Args:
        name: the file as messages call it.
        data: all its bytes, beginning with a mark of TIFF or BigTIFF.

    Returns:
        What the picture is made of; its pixels' bytes all lie in the file.

    Raises:
        ImageRefused: `truncated` if a directory or pixels lie behind the end; `several-frames`;
            `unsupported-format` for an arrangement that is not read; `inconsistent-header` if a
            size is missing or 0, or so few bytes cannot hold so many pixels.

    Source:
        TIFF revision 6.0 (Adobe, 1992), sections 2 and 8; BigTIFF as in libtiff's description.
    """
    try:
        directories = _Directories(data).read_all()
    except (struct.error, ValueError, OverflowError) as error:
        raise ImageRefused(
            "truncated", f"{name} is cut off before its end: copy the file again"
        ) from error
    pictures = [tags for tags in directories if not tags.get(_SUBFILE, (0,))[0] & _NOT_A_PICTURE]
    if len(pictures) > 1:
        raise ImageRefused(
            "several-frames",
            f"{name} has {len(pictures)} pages: give one image",
            float(len(pictures)),
        )
    tags = directories[0]
    if pictures and tags is not pictures[0]:
        raise ImageRefused(
            "unsupported-format",
            f"{name} begins with a thumbnail or a mask, and its picture comes later: save it as a "
            "grey PNG",
        )
    header = _make_header(name, tags)
    _check_readable(name, data, tags, header)
    _check_stored(name, header, tags, len(data))
    return header


class _Directories:
    """Walks the linked list of directories."""

    def __init__(self, data: bytes) -> None:
        """Read the mark: byte order, and whether numbers have 8 bytes."""
        self._data = data
        self._order = "<" if data[:2] == b"II" else ">"
        self._is_big = 43 in data[2:4]

    def read_all(self) -> list[Tags]:
        """Give the directories in order; the first is there even if empty.

        Raises:
            ValueError: or `struct.error`, `OverflowError`, if one lies behind the end.
        """
        at = self._unpack("Q", 8) if self._is_big else self._unpack("I", 4)
        found: dict[int, Tags] = {}
        while at and at not in found and len(found) < _MAX_DIRECTORIES:
            found[at], at = self._read(at)
        return list(found.values()) or [{}]

    def _unpack(self, code: str, at: int) -> int:
        return int(struct.unpack_from(self._order + code, self._data, at)[0])

    def _read(self, at: int) -> tuple[Tags, int]:
        """One directory, and where the next one is."""
        count_code, entry_size, offset_code = ("Q", 20, "Q") if self._is_big else ("H", 12, "I")
        n_entries = self._unpack(count_code, at)
        if n_entries > _MAX_ENTRIES:
            raise ValueError(f"{n_entries} entries")
        start = at + struct.calcsize("<" + count_code)
        tags: Tags = {}
        for entry in range(start, start + n_entries * entry_size, entry_size):
            tag, kind = self._unpack("H", entry), self._unpack("H", entry + 2)
            if kind in _NUMBERS:
                tags[tag] = self._read_numbers(kind, self._unpack(offset_code, entry + 4), entry)
        return tags, self._unpack(offset_code, start + n_entries * entry_size)

    def _read_numbers(self, kind: int, count: int, entry: int) -> tuple[int, ...]:
        code, wide = ("Q", 8) if self._is_big else ("I", 4)
        dtype = np.dtype(_NUMBERS[kind]).newbyteorder("<" if self._order == "<" else ">")
        at = entry + 4 + wide
        if count * dtype.itemsize > wide:
            at = self._unpack(code, at)
        if count > _MAX_NUMBERS or at + count * dtype.itemsize > len(self._data):
            raise ValueError(f"{count} numbers at {at}")
        return tuple(np.frombuffer(self._data, dtype, count, at).tolist())


def _make_header(name: str, tags: Tags) -> TiffHeader:
    width, height = (tags.get(tag, ())[:1] for tag in (_WIDTH, _HEIGHT))
    if not (width and height and width[0] and height[0]):
        raise ImageRefused(
            "inconsistent-header", f"{name} states no size of its image: export it again"
        )
    n_samples = _first(tags, _SAMPLES, 1)
    bits = tags.get(_BITS) or (1,)
    if n_samples > 16:
        raise ImageRefused(
            "unsupported-format", f"{name} has {n_samples} values a pixel: give a grey image"
        )
    return TiffHeader(
        width[0],
        height[0],
        (bits * n_samples)[:n_samples] if len(bits) == 1 else bits[: max(n_samples, 1)],
        _first(tags, _FORMAT, 1),
        _first(tags, _PHOTOMETRIC, 0) == 0,
        _first(tags, _COMPRESSION, 1),
        _first(tags, _PLANAR, 1) == 2,
    )


def _first(tags: Tags, tag: int, default: int) -> int:
    return (tags.get(tag) or (default,))[0]


def _check_readable(name: str, data: bytes, tags: Tags, header: TiffHeader) -> None:
    """Refuse by name what Pillow does not read, or reads wrongly without a word."""
    compression, is_plain = header.compression, header.compression == 1
    kind = ""
    if compression not in _COMPRESSIONS:
        kind = f"compression {_COMPRESSION_NAMES.get(compression, compression)}"
    elif data[:4] == b"MM\x00+":
        kind = "big-endian BigTIFF"
    elif is_plain and header.is_planar and len(header.bits) > 1 and max(header.bits) > 8:
        kind = "uncompressed colour planes of more than 8 bits"
    elif is_plain and _first(tags, _PHOTOMETRIC, 0) == _YCBCR:
        kind = "uncompressed YCbCr"
    if kind:
        raise ImageRefused(
            "unsupported-format", f"{name} is TIFF with {kind}, which is not read: save it as PNG"
        )


def _check_stored(name: str, header: TiffHeader, tags: Tags, n_file: int) -> None:
    """Whether the bytes that are there can be the pixels that are promised."""
    starts = tags.get(_STRIP_STARTS) or tags.get(_TILE_STARTS) or ()
    sizes = tags.get(_STRIP_SIZES) or tags.get(_TILE_SIZES) or ()
    if not starts or (sizes and len(sizes) != len(starts)):
        raise ImageRefused(
            "inconsistent-header", f"{name} does not state where its pixels are: export it again"
        )
    end = max(map(sum, zip(starts, sizes, strict=True))) if sizes else max(starts)
    if end > n_file:
        raise ImageRefused(
            "truncated", f"{name} ends before its pixels do: copy the file again", float(n_file)
        )
    n_stored = sum(sizes) if sizes else n_file
    n_needed = math.ceil(header.width * sum(header.bits) / 8) * header.height
    ratio = _COMPRESSIONS[header.compression]
    tile = _first(tags, _TILE_WIDTH, 1) * _first(tags, _TILE_HEIGHT, 1)
    if (ratio and n_stored * ratio < n_needed) or tile > 4 * max(n_needed, 2**20):
        raise ImageRefused(
            "inconsistent-header",
            f"{name} promises {header.width} x {header.height} pixels, which its {n_stored} bytes "
            "cannot hold: copy the file again",
            float(n_stored),
        )
