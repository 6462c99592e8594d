"""What a file is, told from its first bytes.

SPDX-License-Identifier: Apache-2.0
"""

import codecs
import re
from dataclasses import dataclass

HEAD_BYTES = 512
"""So many bytes from the start of a file are enough for `recognise`."""


@dataclass(frozen=True)
class FileKind:
    """What a file's first bytes say it is."""

    name: str
    """The kind as people call it, such as `JPEG` or `an HTML page`."""

    is_image: bool
    """Whether it is a kind of image, read here or not."""


JPEG = FileKind("JPEG", is_image=True)
"""Source: ITU-T T.81, B.1.1.3 (start of image, then a marker)."""

PNG = FileKind("PNG", is_image=True)
"""Source: PNG specification (third edition), 5.2."""

TIFF = FileKind("TIFF", is_image=True)
"""Source: TIFF revision 6.0, section 2; 43 in place of 42 is BigTIFF."""

DICOM = FileKind("DICOM", is_image=True)
"""Source: DICOM PS3.10, 7.1 (a preamble of 128 bytes, then `DICM`)."""

BARE_DICOM = FileKind("DICOM without its preamble and file meta information", is_image=True)
"""A data set as it travels over the network, or a damaged file: it does not say how it is encoded.
Recognised by its first element, of group 2 or 8, with or without a value representation."""

UNKNOWN = FileKind("something of no known kind", is_image=False)
"""Nothing that we recognise."""

_BY_START: tuple[tuple[bytes, FileKind], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"GIF87a", FileKind("GIF", is_image=True)),
    (b"GIF89a", FileKind("GIF", is_image=True)),
    (b"\x00\x00\x00\x0cjP  \r\n", FileKind("JPEG 2000", is_image=True)),
    (b"\xff\x4f\xff\x51", FileKind("JPEG 2000", is_image=True)),
    (b"%PDF-", FileKind("a PDF document", is_image=False)),
    (b"PK\x03\x04", FileKind("a zip archive", is_image=False)),
    (b"\x1f\x8b", FileKind("a gzip archive", is_image=False)),
    (b"\x89HDF\r\n\x1a\n", FileKind("an HDF5 file", is_image=False)),
    (b"\x00\x05\x16\x07", FileKind("a macOS resource file", is_image=False)),
    (
        b"version https://git-lfs",
        FileKind("a Git LFS pointer (fetch the file with `git lfs pull`)", is_image=False),
    ),
)

_BARE_DICOM = re.compile(
    rb".?[\x02\x08]\x00.\x00(?:UL|OB|UI|CS|DA|TM|SH|LO|[\x02-\x40]\x00\x00\x00[\x20-\x7e])",
    re.DOTALL,
)
"""Tag, then value representation or length; a stray byte before has been seen."""


def recognise(head: bytes) -> FileKind:
    r"""Tell what a file is from its first bytes; its name plays no part.

    Args:
        head: the first `HEAD_BYTES` bytes, or all of a shorter file.

    Returns:
        The kind; `UNKNOWN` where nothing is recognised.

    Source:
        DICOM PS3.10, 7.1 (a preamble of 128 bytes, then `DICM`); the magic numbers of each format.

    Example:
        >>> recognise(b"\x89PNG\r\n\x1a\n").name
        'PNG'
        >>> recognise(b"<!DOCTYPE html>").name
        'an HTML or XML page'
    """
    if head[128:132] == b"DICM":  # before TIFF: the preamble may hold a TIFF header
        return DICOM
    for start, kind in _BY_START:
        if head.startswith(start):
            return kind
    return _recognise_container(head) or _recognise_text(head)


def _recognise_container(head: bytes) -> FileKind | None:
    """The formats whose mark does not stand at the very start, or is too short to stand alone."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileKind("WebP", is_image=True)
    if head[4:8] == b"ftyp" and head[8:12] in {b"heic", b"heix", b"mif1", b"avif"}:
        return FileKind("HEIF", is_image=True)
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":
        return FileKind("BMP", is_image=True)
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return FileKind("a Python pickle", is_image=False)
    return BARE_DICOM if _BARE_DICOM.match(head) else None


def _recognise_text(head: bytes) -> FileKind:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return FileKind("an HTML or XML page", is_image=False)
    return FileKind("plain text", is_image=False) if _is_text(text) else UNKNOWN


def _is_text(head: bytes) -> bool:
    """Whether it is UTF-8 (the last character may be cut off) without control characters."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter in "\t\n\r" for letter in text)
