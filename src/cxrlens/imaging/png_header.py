"""What a PNG file says of itself before its pixels are decoded.

SPDX-License-Identifier: Apache-2.0
"""

import struct

from PIL.PngImagePlugin import PngImageFile

from cxrlens.vocabulary import ImageRefused

_MAX_CHUNKS = 100_000
"""The largest picture that is read, in the pieces of 8 kB that libpng writes, has 60,000."""

_HEADER_END = 8 + 25
"""Bytes of the mark and of the header chunk (IHDR)."""


def check_png(name: str, data: bytes) -> None:
    """Walk the chunks to the end chunk (Pillow does not mind where there is none).

    Args:
        name: the file as messages call it.
        data: all its bytes.

    Raises:
        ImageRefused: `truncated`; `several-frames` for an animation; `undecodable` for more chunks
            than a picture has.

    Source:
        PNG specification (third edition), 5.3 (chunk layout), 11.3.1.1 (acTL).
    """
    start, n_frames, n_chunks = 8, 1, 0
    while start + 12 <= len(data) and n_chunks < _MAX_CHUNKS:
        n_chunks += 1
        length, kind = struct.unpack_from(">I4s", data, start)
        if kind == b"acTL" and length >= 4:
            n_frames = max(n_frames, int.from_bytes(data[start + 8 : start + 12], "big"))
        start += 12 + length
        if kind == b"IEND" and start <= len(data):
            break
    else:
        if n_chunks == _MAX_CHUNKS:
            raise ImageRefused(
                "undecodable", f"{name} has {n_chunks:,} chunks or more: copy the file again"
            )
        raise ImageRefused("truncated", f"{name} is cut off before its end: copy the file again")
    if n_frames > 1:
        raise ImageRefused(
            "several-frames",
            f"{name} is an animation of {n_frames} frames: give one image",
            float(n_frames),
        )


def read_bit_depth(data: bytes) -> int:
    """Give the bits of each sample, as the header chunk states them; 0 where there is none."""
    return data[24] if len(data) >= _HEADER_END else 0


def mend_transparency(image: PngImageFile, bit_depth: int) -> None:
    """Put the colour that is transparent on the scale of the pixels.

    Pillow spreads grey of 2 and 4 bits over 0…255 and cuts colours of 16 bits to 8, but leaves
    the transparent colour (tRNS) as it stands in the file.

    Args:
        image: opened; its `info` is changed.
        bit_depth: of the file.
    """
    clear = image.info.get("transparency")
    if image.mode == "L" and bit_depth in {2, 4} and isinstance(clear, int):
        image.info["transparency"] = min(255, clear * 255 // (2**bit_depth - 1))
    if image.mode == "RGB" and bit_depth == 16 and isinstance(clear, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in clear)
