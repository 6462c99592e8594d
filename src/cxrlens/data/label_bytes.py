"""The text inside a table of labels, plain or packed, without ever trusting its size.

SPDX-License-Identifier: Apache-2.0
"""

import codecs
import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cxrlens.imaging import read_head, recognise
from cxrlens.vocabulary import ImageRefused, TableError, show_name

MAX_BYTES = 1_000_000_000
"""Bytes of a table, unpacked; more are refused while they are read."""

_GZIP, _ZIP, _PARQUET, _WORKBOOK = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BAD_PACKING = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)


def check_head(path: str) -> str:
    """Look at the first bytes of a file that should be a table.

    Args:
        path: the file.

    Returns:
        `Parquet` or `text`.

    Raises:
        TableError: if there is no such file, it is empty, or it is something else.
    """
    name = repr(show_name(path))
    try:
        head = read_head(path)
        if head.startswith((_GZIP, _ZIP)):
            with _open_bytes(path) as data:
                head = data.read(512)
    except ImageRefused as error:
        raise TableError(str(error)) from error
    if not head:
        raise TableError(f"{name} is empty: give a table whose first row names its columns")
    if head.startswith(_PARQUET):
        return "Parquet"
    kind = recognise(head)
    is_text = head.startswith(_UTF16) or (kind.name == "plain text") or b"\0" not in head
    if kind.is_image or kind.name.startswith(("an ", "a ")) or not is_text:
        what = "an old Excel workbook" if head.startswith(_WORKBOOK) else kind.name
        raise TableError(f"{name} is no table of labels but {what}: give CSV, TSV or Parquet")
    return "text"


@contextmanager
def open_text(path: str, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Open the text of a file for reading, unpacked and with line ends as they are.

    Args:
        path: the file; gzip, and zip with one member, are unpacked.
        encoding: of the text, unless it begins with a byte order mark of UTF-16.

    Yields:
        The text.

    Raises:
        TableError: if the file cannot be unpacked, is larger than `MAX_BYTES`, or begins as UTF-16
            and is none.
        UnicodeDecodeError: if it is in another encoding.
    """
    with _open_bytes(path) as data:
        if data.peek(2)[:2] in _UTF16:
            encoding = "utf-16"
        try:
            yield io.TextIOWrapper(data, encoding=encoding, newline="")
        except UnicodeDecodeError as error:
            if encoding != "utf-16":
                raise
            raise TableError(
                f"{show_name(path)!r} begins as UTF-16, but is damaged ({error.reason}): save it "
                "as UTF-8"
            ) from error


@contextmanager
def _open_bytes(path: str) -> Iterator[io.BufferedReader]:
    name = repr(show_name(path))
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("rb"))
            start = file.read(4)
            file.seek(0)
            read: Callable[[int], bytes] = file.read
            if start.startswith(_GZIP):
                read = stack.enter_context(gzip.open(file)).read
            elif start == _ZIP:
                read = _open_member(stack, path, name)
            yield io.BufferedReader(_Capped(read, name), 1 << 16)
        except _BAD_PACKING as error:
            raise TableError(f"{name} cannot be read ({error}): copy the file again") from error


def _open_member(stack: ExitStack, path: str, name: str) -> Callable[[int], bytes]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    members = [one for one in archive.namelist() if not one.endswith("/") and "__MACOSX" not in one]
    if len(members) != 1:
        first = ", ".join(members[:3])
        raise TableError(
            f"{name} is a zip archive or a workbook of {len(members)} files ({first} …): save the "
            "table as CSV, or unpack the archive and give what is inside"
        )
    member = archive.open(members[0])
    stack.callback(member.close)
    return member.read


class _Capped(io.RawIOBase):
    """Bytes of another stream, up to `MAX_BYTES`."""

    def __init__(self, read: Callable[[int], bytes], name: str) -> None:
        self._read, self._name, self._n = read, name, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._read(len(buffer))
        self._n += len(data)
        if self._n > MAX_BYTES:
            raise TableError(
                f"{self._name} unpacks to more than {MAX_BYTES} bytes: no table of labels is that "
                "large"
            )
        buffer[: len(data)] = data
        return len(data)


def is_table_name(name: str) -> bool:
    """Whether a file's name says that it is a table: `.csv`, `.tsv`, `.parquet`, perhaps packed."""
    base = os.fspath(name).lower()
    for packing in (".gz", ".zip"):
        base = base.removesuffix(packing)
    return base.endswith((".csv", ".tsv", ".parquet"))
