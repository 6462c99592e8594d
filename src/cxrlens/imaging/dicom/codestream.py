"""What a compressed image says of itself, before it is decoded.

SPDX-License-Identifier: Apache-2.0

A codestream has a header of its own, and decoders allocate what that one says: it is held against
the DICOM header first.
"""

import re
import struct
from dataclasses import dataclass

from cxrlens.vocabulary import ImageRefused

_MAX_TILES = 10_000
"""JPEG 2000 files of more tiles are refused: each costs the decoder some kilobytes."""

_MARKER = re.compile(rb"\xff[\x80-\xcf\xd9-\xfe]")
"""Markers of JPEG and JPEG-LS that have a length, and the end of the image."""

_MAX_SEGMENTS = 10_000
"""Images have some dozen."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Markers that begin a frame header: those of JPEG, and that of JPEG-LS."""


@dataclass(frozen=True)
class Codestream:
    """What a compressed image says of itself."""

    kind: int
    """The marker of its frame header (0xC0 baseline JPEG … 0xF7 JPEG-LS; 0x51 JPEG 2000)."""

    rows: int
    """Height in pixels."""

    cols: int
    """Width in pixels."""

    samples: int
    """Numbers a pixel."""

    bits: int
    """Bits of each number."""

    is_signed: bool = False
    """Whether numbers may be negative."""


def read_jpeg(name: str, data: bytes) -> Codestream:
    """Read the frame header of a JPEG or JPEG-LS image, and make sure that its end is there.

    Args:
        name: the file as messages call it.
        data: the codestream.

    Returns:
        What it says.

    Raises:
        ImageRefused: `undecodable` or `truncated`.

    Source:
        ITU-T T.81, B.1.1 and B.2.2; ITU-T T.87, C.1 (in whose scans a byte 0xFF is followed by
        one below 0x80, so that every larger one is a marker in both).
    """
    if data[:2] != b"\xff\xd8":
        raise _refuse_start(name)
    start, found = 2, None
    for _ in range(_MAX_SEGMENTS):
        place = _MARKER.search(data, start)
        if place is None:
            raise _refuse_cut(name)
        marker, start = place[0][1], place.end()
        if marker == 0xD9:
            break
        if marker in _FRAMES and found is None:
            found = _read_frame(name, data, start, marker)
        start += int.from_bytes(data[start : start + 2], "big")
    else:
        raise ImageRefused(
            "undecodable",
            f"{name} is damaged: its image has more than {_MAX_SEGMENTS:,} segments",
        )
    if found is None:
        raise ImageRefused("undecodable", f"{name} is damaged: its image has no frame header")
    return found


def _read_frame(name: str, data: bytes, start: int, marker: int) -> Codestream:
    if start + 8 > len(data):
        raise _refuse_cut(name)
    bits, rows, cols, samples = struct.unpack_from(">BHHB", data, start + 2)
    return Codestream(marker, rows, cols, samples, bits)


def read_jpeg2000(name: str, data: bytes) -> Codestream:
    """Read the size segment of a JPEG 2000 image, and make sure that all its tiles are there.

    Args:
        name: the file as messages call it.
        data: the codestream.

    Returns:
        What it says.

    Raises:
        ImageRefused: `undecodable`, `truncated`, or `unsupported-format` (components of unlike
            size, an image that does not begin at the origin, too many tiles).

    Source:
        ITU-T T.800, A.4.2 (start of tile-part) and A.5.1 (image and tile size).
    """
    if data[:4] != b"\xff\x4f\xff\x51":
        raise _refuse_start(name)
    if len(data) < 42:
        raise _refuse_cut(name)
    right, lower, left, upper, width, height, left_tile, upper_tile, samples = struct.unpack_from(
        ">8LH", data, 8
    )
    parts = data[42 : 42 + 3 * samples]
    if len(parts) < 3 * samples or not samples:
        raise _refuse_cut(name)
    has_offset = any((left, upper, left_tile, upper_tile))
    n_tiles = -(-right // width) * -(-lower // height) if width and height else 0
    if has_offset or not 1 <= n_tiles <= _MAX_TILES or parts != parts[:1] + b"\1\1" + parts[3:]:
        raise ImageRefused(
            "unsupported-format",
            f"{name} is JPEG 2000 of a kind that no radiograph is ({n_tiles:,} tiles, or parts of "
            "different sizes): decompress it",
            float(n_tiles),
        )
    if any(parts[i : i + 3] != parts[:3] for i in range(0, len(parts), 3)):
        raise ImageRefused("unsupported-format", f"{name} has samples of different depth")
    _check_tiles(name, data)
    return Codestream(0x51, lower, right, samples, (parts[0] & 0x7F) + 1, parts[0] >= 0x80)


def _check_tiles(name: str, data: bytes) -> None:
    """Walk the main header, then the tile-parts by their stated lengths, to the end."""
    start = 2
    while (marker := data[start : start + 2]) != b"\xff\x90":
        if len(marker) < 2:
            raise _refuse_cut(name)
        start += 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    while data[start : start + 2] == b"\xff\x90":
        length = int.from_bytes(data[start + 6 : start + 10], "big")
        if length == 0:  # the last one, to the end of the image
            start = data.rfind(b"\xff\xd9", start)
            break
        if length < 14:
            raise ImageRefused("undecodable", f"{name} is damaged: a tile of {length} bytes")
        start += length
    if start < 0 or start > len(data):
        raise _refuse_cut(name)


def _refuse_start(name: str) -> ImageRefused:
    return ImageRefused(
        "undecodable",
        f"{name} is damaged: its pixels are not compressed as its transfer syntax says",
    )


def _refuse_cut(name: str) -> ImageRefused:
    return ImageRefused(
        "truncated", f"{name} has an image that is cut off before its end: copy the file again"
    )
