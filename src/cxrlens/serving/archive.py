"""A zip archive is a handful of images, if it is not a bomb.

SPDX-License-Identifier: Apache-2.0
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from cxrlens.vocabulary import ImageRefused

MOST_MEMBERS = 1000
"""Files of one archive."""

MOST_UNPACKED = 2 * 2**30
"""Bytes of all of them together."""

MOST_RATIO = 40
"""Of a member's size to its packed size: no radiograph shrinks so far."""

_IGNORED = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Names of files that systems leave in folders."""

_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Those that are unpacked piece by piece; of the others the library unpacks a few kilobytes at
once, and a few kilobytes of bzip2 or LZMA may hold gigabytes."""

_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error,
)  # fmt: skip
"""What the library raises for archives that are damaged, or packed in a way that it does not know;
NotImplementedError is a RuntimeError, and a name that is no UTF-8 a ValueError."""


@runtime_checkable
class ByteSource(Protocol):
    """What gives bytes in their order, once."""

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes: `size` at most, or all."""
        ...


@runtime_checkable
class ByteStream(ByteSource, Protocol):
    """A file that is open for reading, on the disk or in memory."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        ...


class Member:
    """A file of an archive while it is unpacked, which is never whole in memory.

    Args:
        packed: unpacks it.
        most_bytes: of it; the size that an archive states is not to be trusted.
    """

    def __init__(self, packed: ByteSource, most_bytes: int) -> None:
        self._packed = packed
        self._left = most_bytes

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes: `size` at most, or all.

        Raises:
            ImageRefused: if it is damaged, or larger than it says.
        """
        # One byte more than there may be gives a lie away.
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        with _refusing_damage():
            data = self._packed.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise ImageRefused(
                "too-large",
                "a member of the zip archive is larger than it says: send the image itself",
            )
        return data


def open_archive(file: ByteStream, most_bytes: int) -> Iterator[ByteSource | ImageRefused]:
    """Open the images of a zip archive, one at a time; nothing is unpacked to a name of its own.

    Args:
        file: the archive.
        most_bytes: of one member.

    Yields:
        For every member, in the archive's order, its bytes, which must be read before the next is
        asked for and of which the reading may raise ImageRefused, or why it is refused. An archive
        that cannot be read at all yields one refusal.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [one for one in archive.infolist() if not _is_ignored(one)]
            refusal = _judge(members)
            if refusal is not None:
                yield refusal
                return
            for one in members:
                yield from _open_member(archive, one, most_bytes)
    except _DAMAGED as error:
        yield ImageRefused("bad-archive", f"the zip archive cannot be read ({error}): pack it anew")


def _judge(members: list[zipfile.ZipInfo]) -> ImageRefused | None:
    if not members:
        return ImageRefused("empty", "the zip archive holds no file: pack the images again")
    if len(members) > MOST_MEMBERS:
        return ImageRefused(
            "too-many",
            f"the zip archive holds {len(members):,} files: send at most {MOST_MEMBERS:,} at once",
            float(len(members)),
        )
    total = sum(one.file_size for one in members)
    if total > MOST_UNPACKED:
        return ImageRefused(
            "too-large",
            f"the zip archive unpacks to {total / 2**30:.1f} GB: send at most "
            f"{MOST_UNPACKED // 2**30} GB at once",
            float(total),
        )
    return None


def _open_member(
    archive: zipfile.ZipFile, one: zipfile.ZipInfo, most_bytes: int
) -> Iterator[ByteSource | ImageRefused]:
    refusal = _judge_member(one, most_bytes)
    if refusal is not None:
        yield refusal
        return
    try:
        with _refusing_damage():
            packed = archive.open(one)
    except ImageRefused as refused:
        yield refused
        return
    with packed:
        yield Member(packed, min(one.file_size, most_bytes))


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Let damage be told as the image's own fault while the block unpacks.

    Raises:
        ImageRefused: if the archive is damaged there.
    """
    try:
        yield
    except _DAMAGED as error:
        raise ImageRefused(
            "bad-archive", f"a member of the zip archive is damaged ({error}): pack it anew"
        ) from error


def _judge_member(one: zipfile.ZipInfo, most_bytes: int) -> ImageRefused | None:
    if stat.S_ISLNK(one.external_attr >> 16):
        return ImageRefused("not-a-file", "a member of the zip archive is a link: pack the file")
    if one.flag_bits & 1:
        return ImageRefused("encrypted", "a member of the zip archive is encrypted: pack it openly")
    if one.compress_type not in _PACKINGS:
        return ImageRefused(
            "bad-archive",
            f"a member of the zip archive is packed by method {one.compress_type}: pack it anew by "
            "the usual one, deflate",
        )
    if one.file_size > most_bytes or one.file_size > MOST_RATIO * max(one.compress_size, 1) + 65536:
        return ImageRefused(
            "too-large",
            f"a member of the zip archive unpacks from {one.compress_size:,} to "
            f"{one.file_size:,} bytes, which no radiograph does: send the image itself",
            float(one.file_size),
        )
    return None


def _is_ignored(one: zipfile.ZipInfo) -> bool:
    *folders, name = one.filename.split("/")
    return one.is_dir() or name in _IGNORED or "__MACOSX" in folders
