"""A table is written anew, with its images, in one of three forms.

SPDX-License-Identifier: Apache-2.0
"""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from cxrlens.data.class_folder_writer import ClassFolderWriter
from cxrlens.data.hdf5_writer import Hdf5Writer
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_writer import write_table
from cxrlens.imaging import Preprocessing, Radiograph, try_read
from cxrlens.imaging.decoding import MIN_SIDE
from cxrlens.imaging.streaming import map_ordered
from cxrlens.vocabulary import (
    GreyImage,
    InputError,
    OutputError,
    Progress,
    Refusal,
    Silence,
    TableError,
    show_name,
    suggest,
)

FORMS = ("hdf5", "folder", "csv")
"""What a table can be written as."""

BITS = (8, 16)
"""Bits of a written pixel."""

_WORKERS = 2


@dataclass(frozen=True)
class Conversion:
    """What a conversion came to."""

    folder: str
    """Where it was written."""

    n_images: int
    """Images written (for `csv`: rows)."""

    refusals: tuple[Refusal, ...]
    """Images, masks and rows that were left out, each with the reason."""

    notes: tuple[str, ...]
    """What was changed or could not be carried over, one sentence each."""


@runtime_checkable
class _Writer(Protocol):
    """Takes the images one by one, in the order of the table."""

    def add(self, row: int, pixels: GreyImage, source_size: tuple[int, int]) -> list[Refusal]:
        """Write the image of a row; give what belongs to it and was left out."""
        ...

    def finish(self) -> list[str]:
        """Write the rest; give notes."""
        ...

    def close(self) -> None:
        """Let go of all files."""
        ...


def convert_table(
    table: StudyTable,
    out: str | os.PathLike[str],
    *,
    to: str = "hdf5",
    size: tuple[int, int] | None = None,
    bits: int = 8,
    progress: Progress | None = None,
) -> Conversion:
    """Write a table's images and labels into a new folder, whole or not at all.

    Images are written as they are read: upright, grey, 0 is air. One that is refused is left out
    and listed. Few are in memory at a time.

    - `hdf5`: `train.h5`, `val.h5`, `test.h5` (without a split `data.h5`) with the datasets
      `image` (n x height x width x 1), `label`, `patient_id`, `view`, `source` and others.
    - `folder`: PNG files in one folder a class, under a folder a part where there is a split, with
      masks under `masks`, and `table.csv`, which holds what folders cannot.
    - `csv`: `table.csv`, which names the images where they are.

    Args:
        table: what `read_table` gives.
        out: the folder; must be new or empty.
        to: one of `FORMS`.
        size: (height, width) to which each axis of each image is scaled by itself; None keeps the
            size, which for `hdf5` must then be the same for all.
        bits: 8 or 16 a pixel.
        progress: is told of every image.

    Returns:
        What was written and what was not.

    Raises:
        TableError: if the form cannot hold the table, or no image could be read.
        OutputError: if the folder is not empty or cannot be written.
        InputError: if `to`, `size` or `bits` is not known.
    """
    preprocessing = _check(to, size, bits)
    place = Path(out)
    with _open_place(place) as folder:
        if to == "csv":
            n, refusals, notes = _write_csv(table, folder, place)
        else:
            writer: _Writer = (
                Hdf5Writer(table, folder, bits)
                if to == "hdf5"
                else ClassFolderWriter(table, folder, size, bits)
            )
            try:
                n, refusals, notes = _write_images(table, writer, preprocessing, progress)
            finally:
                writer.close()
    return Conversion(os.fspath(out), n, (*table.refusals, *refusals), (*table.notes, *notes))


def _check(to: str, size: tuple[int, int] | None, bits: int) -> Preprocessing | None:
    if to not in FORMS:
        raise InputError(f"cannot convert to {to!r}; {suggest(to, FORMS)}")
    if bits not in BITS:
        raise InputError(f"pixels have 8 or 16 bits; got {bits}")
    if size is None:
        return None
    if to == "csv":
        raise InputError("a CSV names images where they are: a size goes with hdf5 or folder only")
    if min(size) < MIN_SIDE:
        raise InputError(
            f"images of {size[0]} x {size[1]} pixels (height x width) could not be read again: "
            f"each side needs {MIN_SIDE} or more"
        )
    return Preprocessing(*size)


def _write_csv(
    table: StudyTable, folder: Path, place: Path
) -> tuple[int, list[Refusal], list[str]]:
    written, refusals = write_table(table, folder, place)
    if not written:
        raise TableError("no row of the table could be written: rename its files in UTF-8")
    return written, refusals, []


def _write_images(
    table: StudyTable,
    writer: _Writer,
    preprocessing: Preprocessing | None,
    progress: Progress | None,
) -> tuple[int, list[Refusal], list[str]]:
    heard = progress or Silence()
    refusals: list[Refusal] = []
    warned: Counter[str] = Counter()
    n = 0
    reads = map_ordered(try_read, table.images, workers=_WORKERS, ahead=2 * _WORKERS)
    for row, read in enumerate(reads):
        if isinstance(read, Refusal):
            refusals.append(read)
        else:
            refusals.extend(writer.add(row, _fit(read, preprocessing), read.pixels.shape))
            warned.update({warning.reason for warning in read.warnings})
            n += 1
        heard.advance("convert", row + 1, len(table))
    if n == 0:
        reasons = ", ".join(f"{reason} {count}" for reason, count in _count(refusals))
        raise TableError(f"none of {len(table)} images could be read ({reasons or 'no image'})")
    notes = writer.finish()
    if warned:
        told = ", ".join(f"{reason} {count}" for reason, count in sorted(warned.items()))
        notes.append(f"Images with warnings were written all the same: {told}.")
    return n, refusals, notes


def _fit(radiograph: Radiograph, preprocessing: Preprocessing | None) -> GreyImage:
    return radiograph.pixels if preprocessing is None else preprocessing.apply(radiograph.pixels)


def _count(refusals: Sequence[Refusal]) -> list[tuple[str, int]]:
    return sorted(Counter(refusal.reason for refusal in refusals).items())


@contextmanager
def _open_place(place: Path) -> Iterator[Path]:
    """A folder beside the place, which takes its name when all is written."""
    part = place.absolute().parent / f".{secrets.token_hex(8)}.part"
    try:
        _refuse_content(place)
        part.mkdir(parents=True)
        yield part
        part.replace(place)
    except OSError as error:
        raise OutputError(
            f"cannot write to {show_name(str(place))!r} ({error.strerror or error}): free the "
            "place or choose another"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refuse_content(place: Path) -> None:
    if os.path.lexists(place) and (not place.is_dir() or any(place.iterdir())):
        what = "is not empty" if place.is_dir() else "is a file"
        raise OutputError(
            f"output folder {show_name(str(place))!r} {what}; nothing is ever overwritten: choose "
            "another"
        )
