"""What a JPEG file says of itself before its pixels are decoded.

SPDX-License-Identifier: Apache-2.0
"""

import re

from cxrlens.vocabulary import ImageRefused

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""What begins a segment; those without a length are left out but for the end of image."""

_END, _SCAN = 0xD9, 0xDA

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame header."""

_READABLE = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""Frames of the discrete cosine transform, sequential or progressive, Huffman or arithmetic."""

_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})

_MAX_SCANS = 100
"""Files have up to a dozen; each costs a pass over all pixels."""

_MAX_SEGMENTS = 10_000
"""Photographs have some dozen, those with large colour profiles some hundred."""

_MAX_WORK = 1_000_000_000
"""Pixels times scans."""

_MAX_PIXELS_PER_BYTE = 1024
"""More cannot be in a byte: 64 pixels take at least a bit for their mean."""


def check_jpeg(name: str, data: bytes) -> None:
    """Walk the segments and scans to the end marker.

    Pillow does not always mind where there is none, and takes zeros that fill up a cut file for
    plain grey. In a file of several pictures (MPO) the first is the main one and the one that is
    read: the walk ends with it.

    Args:
        name: the file as messages call it.
        data: all its bytes.

    Raises:
        ImageRefused: `truncated`; `unsupported-format` for lossless, hierarchical and 12-bit
            JPEG; `undecodable` for more scans than a photograph has; `inconsistent-header` where
            so few bytes cannot hold the pixels that the header promises.

    Source:
        ITU-T T.81, B.1.1 (markers; 0xFF inside a scan is followed by 0 or a restart marker) and
        B.2.2 (frame header).
    """
    start, first_scan, n_scans, n_pixels = 2, 0, 0, 0
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, start)
        if found is None:
            raise ImageRefused(
                "truncated", f"{name} is cut off before its end: copy the file again"
            )
        marker = found[0][1]
        if marker == _END:
            _check_work(name, n_pixels, n_scans, found.start() - first_scan)
            return
        if marker in _FRAMES:
            _check_frame(name, marker, data[found.end() + 2 : found.end() + 3])
            n_pixels = _read_size(data, found.end() + 3)
        elif marker == _SCAN:
            first_scan, n_scans = first_scan or found.start(), n_scans + 1
        start = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    raise ImageRefused(
        "undecodable", f"{name} has more than {_MAX_SEGMENTS:,} segments: copy the file again"
    )


def _read_size(data: bytes, start: int) -> int:
    height, width = data[start : start + 2], data[start + 2 : start + 4]
    return int.from_bytes(height, "big") * int.from_bytes(width, "big")


def _check_frame(name: str, marker: int, precision: bytes) -> None:
    kind = ""
    if marker in _LOSSLESS:
        kind = "lossless JPEG (T.81, process 14)"
    elif marker not in _READABLE:
        kind = "hierarchical JPEG"
    elif precision and precision != b"\x08":
        kind = f"JPEG of {precision[0]} bits"
    if kind:
        raise ImageRefused(
            "unsupported-format", f"{name} is {kind}, which is not read: save it as a grey PNG"
        )


def _check_work(name: str, n_pixels: int, n_scans: int, n_bytes: int) -> None:
    if n_scans > _MAX_SCANS or n_scans * n_pixels > _MAX_WORK:
        raise ImageRefused(
            "undecodable",
            f"{name} has {n_scans} scans over {n_pixels:,} pixels, more than any photograph: "
            "copy the file again",
            float(n_scans),
        )
    if n_pixels > _MAX_PIXELS_PER_BYTE * n_bytes:
        raise ImageRefused(
            "inconsistent-header",
            f"{name} promises {n_pixels:,} pixels, which its {n_bytes} bytes cannot hold: "
            "copy the file again",
            float(n_bytes),
        )
