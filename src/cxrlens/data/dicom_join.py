"""Rows of a table of labels meet the images of a DICOM tree.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from cxrlens.data.dicom_file import SUFFIXES, DicomFile, read_dicom_facts
from cxrlens.data.dicom_repeats import settle_repeats
from cxrlens.data.dicom_tree import DicomTree
from cxrlens.data.study_table import StudyTable
from cxrlens.vocabulary import Refusal, TableError, show_name

_KINDS: Mapping[str, Callable[[DicomFile, str], str | None]] = MappingProxyType(
    {
        "path": lambda one, root: _strip(os.path.relpath(one.path, root)),
        "file name": lambda one, _: _strip(os.path.basename(one.path)),  # noqa: PTH119 (a name)
        "SOP Instance UID": lambda one, _: one.sop_uid,
        "Series Instance UID": lambda one, _: one.series_uid,
        "Study Instance UID": lambda one, _: one.study_uid,
        "Patient ID": lambda one, _: one.patient,
    }
)
"""What a table may call an image by, the narrowest first."""


def join_dicom_tree(table: StudyTable, names: Sequence[str], tree: DicomTree) -> StudyTable:
    """Give every row the images that it means.

    What the names are is decided once for the whole table: the kind by which most rows find an
    image. A name that stands for a study or a patient stands for all its images: each of them gets
    the row's labels. What the table does not say of patient, view, sex and age is taken from the
    headers.

    Args:
        table: whose `image` column does not matter.
        names: what each row calls its image or images by.
        tree: the images.

    Returns:
        One row an image, in the order of the rows; notes say what found nothing.

    Raises:
        TableError: if no row finds an image, or two rows of different names find the same one.
    """
    kind, index = _choose_kind(names, tree)
    found = [index.get(_strip(name), ()) for name in names]
    rows = np.array([row for row, files in enumerate(found) for _ in files], dtype=np.int64)
    files = [tree.files[position] for positions in found for position in positions]
    if len({one.path for one in files}) < len(files):
        raise TableError(
            f"two rows of the table name the same DICOM image by its {kind}: leave one row for "
            "each image"
        )
    joined = table.take(rows)
    images = pd.Series([one.path for one in files], dtype=object)
    return replace(
        joined,
        frame=_fill(joined.frame.assign(image=images), files),
        root=tree.root,
        notes=(*table.notes, *tree.notes, *_note(kind, found, len(tree.files))),
        refusals=(*table.refusals, *_refuse(kind, found), *tree.refusals),
    )


def fill_from_headers(table: StudyTable) -> StudyTable:
    """Take from the headers what a table that names DICOM files does not say of its images.

    Of files with one SOP Instance UID the first is kept, or none if pixels or labels differ.

    Args:
        table: whose images are files.

    Returns:
        The table with patient, view, sex and age, and without repeats.
    """
    files = [
        None if "#" in image else header
        for image, header in zip(table.images, read_dicom_facts(table.images), strict=True)
    ]
    known = [one for one in files if one is not None]
    if not known:
        return table
    rows = [row for row, one in enumerate(files) if one is not None]
    repeats = settle_repeats(known, [str(one) for one in table.label_matrix[rows].tolist()])
    kept = [row for row, image in enumerate(table.images) if image not in repeats.left_out]
    told = table.take(kept)
    return replace(
        told,
        frame=_fill(told.frame, [files[row] for row in kept]),
        notes=(*table.notes, f"Headers of DICOM images were read: {len(known)}.", *repeats.notes),
        refusals=(*table.refusals, *repeats.refusals),
    )


def _choose_kind(names: Sequence[str], tree: DicomTree) -> tuple[str, dict[str, list[int]]]:
    wanted = {_strip(name) for name in names}
    best: tuple[int, str, dict[str, list[int]]] = (0, "", {})
    for kind, tell in _KINDS.items():
        index: dict[str, list[int]] = {}
        for position, one in enumerate(tree.files):
            name = tell(one, tree.root)
            if name in wanted:
                index.setdefault(name, []).append(position)
        if len(index) > best[0]:
            best = len(index), kind, index
    if not best[0]:
        raise TableError(
            f"none of the {len(names)} rows of the table names a DICOM image in "
            f"{show_name(tree.root)!r} (by path, name, SOP, Series or Study Instance UID or "
            f"Patient ID; {len(tree.files)} images are there): say which column does with "
            "--column image=NAME"
        )
    return best[1], best[2]


def _strip(name: str) -> str:
    """A name or path with forward slashes, without a suffix of DICOM files."""
    plain = name.replace("\\", "/").removeprefix("./").strip()
    return next((plain[: -len(s)] for s in SUFFIXES if plain.lower().endswith(s)), plain)


def _fill(frame: pd.DataFrame, files: Sequence[DicomFile | None]) -> pd.DataFrame:
    """Put paths in, and what the headers say where the table is silent."""
    columns = {"patient_id": "patient", "view": "view", "sex": "sex", "age": "age"}
    filled = {}
    for column, field in columns.items():
        own = frame[column] if column in frame else [None] * len(files)
        filled[column] = pd.Series(
            [
                getattr(one, field)
                if one is not None and (value in (None, "unknown") or pd.isna(value))
                else value
                for value, one in zip(own, files, strict=True)
            ],
            dtype=object,
        )
    return frame.assign(**filled)


def _note(kind: str, found: Sequence[Sequence[int]], n_files: int) -> Iterator[str]:
    n_images = sum(len(files) for files in found)
    yield f"Rows of the table were matched with DICOM images by {kind}: {n_images} images."
    several = [len(files) for files in found if len(files) > 1]
    if several:
        yield (
            f"{len(several)} rows stand for several images each ({sum(several)} in all): all of "
            "them get the row's labels."
        )
    if n_images < n_files:
        yield f"DICOM images that no row names were left out: {n_files - n_images}."


def _refuse(kind: str, found: Sequence[Sequence[int]]) -> Iterator[Refusal]:
    """Rows without an image; by number, since the name may be a patient's."""
    for row, files in enumerate(found):
        if not files:
            message = f"row {row + 1} of the table names no DICOM image by its {kind}: check it"
            yield Refusal(f"row {row + 1}", "not-a-file", message)
