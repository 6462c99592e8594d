"""Decode the run lengths of DICOM.

SPDX-License-Identifier: Apache-2.0
"""

import struct

import numpy as np
from jaxtyping import UInt8

from cxrlens.vocabulary import ImageRefused

_MAX_SPARE = 65_536
"""A pixel takes 2 bytes at most; so many more may stand behind them."""


def decode_rle(
    name: str, data: bytes, n_planes: int, n_pixels: int
) -> UInt8[np.ndarray, "n_planes n_pixels"]:
    """Decode one frame; nothing larger than it is ever allocated.

    Args:
        name: the file as messages call it.
        data: the frame.
        n_planes: bytes a pixel, each of which is a plane of its own.
        n_pixels: pixels of the frame.

    Returns:
        The planes: sample by sample, of each the most significant byte first.

    Raises:
        ImageRefused: `inconsistent-header` (another number of planes), `undecodable`, or
            `truncated` (a plane of too few bytes).

    Source:
        DICOM PS3.5, annex G.
    """
    if len(data) < 64:
        raise _refuse_cut(name)
    stated, *starts = struct.unpack_from("<16L", data)
    if stated != n_planes:
        raise ImageRefused(
            "inconsistent-header",
            f"{name} has {stated} planes of run lengths, and its header promises {n_planes}: "
            "copy the file again",
            float(stated),
        )
    ends = [*starts[1:stated], len(data)]
    planes = np.empty((n_planes, n_pixels), np.uint8)
    for plane, start, end in zip(planes, starts, ends, strict=False):
        if not 64 <= start <= end <= len(data):
            raise ImageRefused("undecodable", f"{name} is damaged: planes overlap")
        if end - start > 2 * n_pixels + _MAX_SPARE:
            raise ImageRefused("undecodable", f"{name} is damaged: its run lengths are too long")
        decoded = _decode_plane(data[start:end], n_pixels)
        if len(decoded) < n_pixels:
            raise _refuse_cut(name)
        plane[:] = np.frombuffer(decoded, np.uint8, n_pixels)
    return planes


def _decode_plane(data: bytes, n_pixels: int) -> bytearray:
    """A byte below 128: so many and one more bytes follow; above: the next one, 257 less it."""
    out = bytearray()
    start, end = 0, len(data) - 1
    while start < end and len(out) < n_pixels:
        head = data[start]
        if head < 128:
            out += data[start + 1 : start + 2 + head]
            start += 2 + head
        else:
            if head > 128:
                out += data[start + 1 : start + 2] * (257 - head)
                start += 1
            start += 1
    return out


def _refuse_cut(name: str) -> ImageRefused:
    return ImageRefused(
        "truncated", f"{name} has fewer pixels than its header promises: copy the file again"
    )
