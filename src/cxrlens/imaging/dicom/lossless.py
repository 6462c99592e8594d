"""A lossless JPEG image is written anew from what was understood of it.

SPDX-License-Identifier: Apache-2.0

gdcm ends the whole process where the header of such an image makes its decoder warn, be it of a
stray byte. What it gets is therefore a header that was written here, without anything doubtful,
and the compressed numbers as they are: faults in those it reports as it should.
"""

import re
import struct
from dataclasses import dataclass

from cxrlens.imaging.dicom.codestream import Codestream
from cxrlens.vocabulary import ImageRefused

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends the compressed numbers; 0 stands for a byte 0xFF, and restarts are among them."""

_FRAME, _TABLES, _SCAN, _RESTART = 0xC3, 0xC4, 0xDA, 0xDD


@dataclass(frozen=True)
class _Parts:
    """The segments that matter, without marker and length."""

    tables: tuple[bytes, ...]
    restart: bytes
    frame: bytes
    scan: bytes
    numbers: bytes


def rewrite_lossless(name: str, data: bytes, stream: Codestream) -> bytes:
    """Write a lossless JPEG image anew, with the same pixels and nothing that can trip a decoder.

    Args:
        name: the file as messages call it.
        data: the image.
        stream: what its frame header says.

    Returns:
        An image of a frame header, Huffman tables, one scan and its numbers.

    Raises:
        ImageRefused: `undecodable`, or `unsupported-format` (several scans, samples of different
            size, a point transform).

    Source:
        ITU-T T.81, B.2 (segments) and annex H (lossless mode).
    """
    parts = _split(name, data)
    samples = stream.samples
    sizes = parts.frame[7 : 6 + 3 * samples : 3]
    n_scanned, *choices = parts.scan[: 1 + 2 * samples] or b"\0"
    kind, *transform = parts.scan[1 + 2 * n_scanned :] or b"\0"
    is_plain = n_scanned == samples and transform == [0, 0] and 1 <= kind <= 7
    if not is_plain or (samples > 1 and sizes != b"\x11" * samples):
        raise ImageRefused(
            "unsupported-format",
            f"{name} is lossless JPEG of a kind that is not read (several scans, samples of "
            "different size, or a point transform): decompress it with dcmdjpeg",
        )
    names = range(1, samples + 1)
    frame = struct.pack(">BHHB", stream.bits, stream.rows, stream.cols, samples)
    frame += b"".join(bytes((one, 0x11, 0)) for one in names)
    scan = bytes((samples,))
    scan += b"".join(bytes((one, choices[2 * one - 1] & 0x30)) for one in names)
    scan += bytes((kind, 0, 0))
    segments = [(_TABLES, table) for table in parts.tables] + [(_FRAME, frame)]
    segments += [(_RESTART, parts.restart)] if any(parts.restart) else []
    head = b"".join(_join(marker, body) for marker, body in [*segments, (_SCAN, scan)])
    return b"\xff\xd8" + head + parts.numbers + b"\xff\xd9"


def _split(name: str, data: bytes) -> _Parts:
    """Read the segments up to the scan, and the numbers up to the end of the image."""
    tables: list[bytes] = []
    frame, restart, start = b"", b"\0\0", 2
    while True:
        head = data[start : start + 4]
        marker, length = head[1] if len(head) == 4 else 0, int.from_bytes(head[2:], "big")
        body = data[start + 4 : start + 2 + length]
        if head[:1] != b"\xff" or length < 2 or len(body) < length - 2:
            raise _refuse(name)
        start += 2 + length
        if marker == _SCAN:
            break
        if marker == _TABLES:
            tables += _read_tables(name, body)
        elif marker == _FRAME and not frame:
            frame = body
        elif marker == _RESTART and length == 4:
            restart = body
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            raise _refuse(name)
    end = _MARKER.search(data, start)
    if not frame or end is None or end[0] != b"\xff\xd9":
        raise _refuse(name)
    return _Parts(tuple(tables), restart, frame, body, data[start : end.start()])


def _read_tables(name: str, body: bytes) -> list[bytes]:
    """Give each Huffman table: its number, how many codes of 1…16 bits, and what they mean."""
    tables = []
    while body:
        counts = body[1:17]
        end = 17 + sum(counts)
        meanings = body[17:end]
        room = sum(count << (16 - i) for i, count in enumerate(counts, start=1))
        is_sound = body[0] <= 3 and len(counts) == 16 and len(meanings) == sum(counts) > 0
        if not is_sound or room > 1 << 16 or max(meanings) > 16:
            raise _refuse(name)
        tables.append(body[:end])
        body = body[end:]
    return tables


def _join(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _refuse(name: str) -> ImageRefused:
    return ImageRefused(
        "undecodable", f"{name} is damaged: its lossless JPEG image has a broken header"
    )
