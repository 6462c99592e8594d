"""Where the parts of a DICOM file lie, found before anything of it is parsed.

SPDX-License-Identifier: Apache-2.0

pydicom trusts the lengths that a file states, descends into sequences by recursion and inflates
deflated files whole. This walk does none of it: it takes no memory, no recursion and a bounded
number of steps, and what it refuses never reaches pydicom.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from cxrlens.vocabulary import ImageRefused

MAX_DEPTH = 24
"""Sequences nested deeper are refused; structured reports, the deepest of all, reach about ten."""

MAX_ELEMENTS = 30_000
"""Headers of more elements are refused; those of radiographs have some hundred."""

MAX_HEADER_BYTES = 64_000_000
"""Headers with more bytes before the pixels are refused; those of radiographs have some 10,000."""

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = 0x7FE00010
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR",
                   b"UT", b"UV"})  # fmt: skip
"""Value representations whose length takes 4 bytes (PS3.5, 7.1.2)."""


@dataclass(frozen=True)
class PixelElement:
    """Where the element Pixel Data lies."""

    start: int
    """Offset of its value from the start of the file."""

    length: int | None
    """Bytes of its value; None where they are encapsulated in fragments."""

    is_words: bool
    """Whether it says that it consists of 16-bit words (OW), which matters for byte order."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of a DICOM file lie."""

    syntax: UID
    """The transfer syntax: how header and pixels are encoded."""

    header_end: int
    """Offset at which the pixels begin, or at which the file ends."""

    pixels: PixelElement | None
    """None where the file holds no pixels."""


class _OutOfBytesError(Exception):
    """The walk came to the end of the bytes in the midst of an element."""


class _Element(NamedTuple):
    tag: int
    kind: bytes  # the value representation; empty where it is implicit
    length: int
    start: int  # of the value


class _Level(NamedTuple):
    """A sequence or an item that the walk is inside of."""

    end: int | None  # None where a delimiter ends it
    holds_items: bool
    is_opaque: bool = False  # items are fragments of bytes, not of elements


def read_layout(name: str, data: bytes, *, is_whole: bool = True) -> Layout | None:
    """Find out where header and pixels of a DICOM file lie.

    Args:
        name: the file as messages call it.
        data: the file's bytes, from its start, with `DICM` at offset 128.
        is_whole: whether these are all bytes of the file.

    Returns:
        The layout; None where `data` ends before the pixels begin and is not the whole file.

    Raises:
        ImageRefused: `truncated` (an element reaches beyond the end of the file),
            `unsupported-format` (deflated), `undecodable` (nested too deep, or not to be walked),
            `too-large` (a header of too many elements or bytes), `inconsistent-header` (no
            transfer syntax).

    Source:
        DICOM PS3.10, 7.1 (file meta information); PS3.5, 7.1 (data elements), 7.5 (sequences).
    """
    try:
        syntax, start = _read_meta(name, data)
        return _walk(name, data, start, syntax)
    except _OutOfBytesError as error:
        if len(data) > MAX_HEADER_BYTES:
            raise _refuse_long(name) from error
        if not is_whole:
            return None
        raise ImageRefused(
            "truncated",
            f"{name} ends after {len(data):,} bytes, before its header does: copy the file again",
        ) from error


def _read_meta(name: str, data: bytes) -> tuple[UID, int]:
    """Give the transfer syntax and where the file meta information ends."""
    start, syntax = 132, None
    while data[start : start + 2] == b"\x02\x00":
        element = _read_element(data, start, "<", is_implicit=False)
        start = element.start + element.length
        _need(data, start)
        if element.tag == 0x00020010:
            value = data[element.start : start].rstrip(b"\0 ")
            syntax = UID(value.decode("ascii", "replace"), validation_mode=IGNORE)
    if syntax is None:
        if len(data) < 140:
            raise _OutOfBytesError
        raise ImageRefused(
            "inconsistent-header",
            f"{name} does not say in which transfer syntax it is written: rewrite it with dcmconv",
        )
    if syntax == DeflatedExplicitVRLittleEndian:
        # A deflated file of 0.5 MB can swell to 1 GB: it is not even begun.
        raise ImageRefused(
            "unsupported-format",
            f"{name} is deflated ({syntax}), which is not read since a small file may hide a huge "
            "one: rewrite it with `dcmconv +te`",
        )
    return syntax, start


def _walk(name: str, data: bytes, start: int, syntax: UID) -> Layout:
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    is_implicit = syntax == ImplicitVRLittleEndian and not _looks_explicit(data, start)
    levels: list[_Level] = []
    for _ in range(MAX_ELEMENTS):
        start, levels = _leave(start, levels)
        if not levels and start == len(data):
            return Layout(syntax, start, None)
        element = _read_element(data, start, order, is_implicit=is_implicit)
        if element.tag == _PIXELS and not levels:
            length = None if element.length == _UNDEFINED else element.length
            return Layout(syntax, start, PixelElement(element.start, length, element.kind != b"OB"))
        start, levels = _pass(name, data, element, levels)
        if len(levels) > 2 * MAX_DEPTH:
            raise ImageRefused(
                "undecodable",
                f"{name} nests sequences more than {MAX_DEPTH} deep: no radiograph does",
                float(MAX_DEPTH),
            )
        if start > MAX_HEADER_BYTES:
            raise _refuse_long(name)
    raise ImageRefused(
        "too-large",
        f"{name} has a header of more than {MAX_ELEMENTS:,} elements: no radiograph has",
    )


def _leave(start: int, levels: list[_Level]) -> tuple[int, list[_Level]]:
    """Leave the levels whose stated length is used up; a wrong length within does no harm."""
    while levels and (end := levels[-1].end) is not None and start >= end:
        start = end
        levels = levels[:-1]
    return start, levels


def _pass(
    name: str, data: bytes, element: _Element, levels: list[_Level]
) -> tuple[int, list[_Level]]:
    """Go into an element that holds others, past one that does not."""
    end = None if element.length == _UNDEFINED else element.start + element.length
    if end is not None and end > len(data):
        if all(level.end is None for level in levels):
            raise _OutOfBytesError
        return _give_up(name, levels)
    if element.tag in (_ITEM_END, _SEQUENCE_END) and levels:
        return element.start, levels[:-1]
    if levels and levels[-1].holds_items:
        return _pass_item(name, element, end, levels)
    if _is_sequence(element):
        return element.start, [*levels, _Level(end, holds_items=True)]
    if end is None:
        return element.start, [*levels, _Level(end, holds_items=True, is_opaque=True)]
    return end, levels


def _pass_item(
    name: str, element: _Element, end: int | None, levels: list[_Level]
) -> tuple[int, list[_Level]]:
    """Go into an item of elements, past a fragment of bytes."""
    is_opaque = levels[-1].is_opaque
    if element.tag != _ITEM or (is_opaque and end is None):
        return _give_up(name, levels)
    if is_opaque and end is not None:
        return end, levels
    return element.start, [*levels, _Level(end, holds_items=False)]


def _is_sequence(element: _Element) -> bool:
    if element.kind == b"SQ":
        return True
    if element.length == _UNDEFINED:
        return element.kind in (b"", b"UN")
    if element.kind:
        return False
    try:
        return dictionary_VR(element.tag) == "SQ"
    except KeyError:  # a private element
        return False


def _give_up(name: str, levels: list[_Level]) -> tuple[int, list[_Level]]:
    """Skip the innermost level whose length is known; what is in it is pydicom's to judge."""
    while levels:
        end = levels[-1].end
        levels = levels[:-1]
        if end is not None:
            return end, levels
    raise ImageRefused(
        "undecodable", f"{name} is damaged: a sequence in its header holds what is no item"
    )


def _read_element(data: bytes, start: int, order: str, *, is_implicit: bool) -> _Element:
    """Read tag, value representation and length of the element at an offset."""
    _need(data, start + 8)
    group, number, kind, length = struct.unpack_from(f"{order}HH2sH", data, start)
    tag = group << 16 | number
    is_marked = kind.isalpha() and kind.isupper() and group != 0xFFFE
    if is_implicit or not is_marked:  # some writers fall back to implicit inside sequences
        return _Element(tag, b"", struct.unpack_from(f"{order}L", data, start + 4)[0], start + 8)
    if kind in _LONG:
        _need(data, start + 12)
        return _Element(tag, kind, struct.unpack_from(f"{order}L", data, start + 8)[0], start + 12)
    return _Element(tag, kind, length, start + 8)


def _looks_explicit(data: bytes, start: int) -> bool:
    """Whether a file that calls itself implicit is not (pydicom asks the same of it)."""
    kind = data[start + 4 : start + 6]
    return len(kind) == 2 and kind.isalpha() and kind.isupper()


def _need(data: bytes, end: int) -> None:
    if end > len(data):
        raise _OutOfBytesError


def _refuse_long(name: str) -> ImageRefused:
    return ImageRefused(
        "too-large",
        f"{name} has a header of more than {MAX_HEADER_BYTES:,} bytes: no radiograph has",
    )
