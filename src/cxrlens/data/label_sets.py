"""Which data set a table of labels is of, told from its columns.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cxrlens.data.chexpert import CHEXPERT_CLASSES, is_chexpert, read_chexpert
from cxrlens.data.column_roles import simplify
from cxrlens.data.dicom_join import fill_from_headers
from cxrlens.data.label_bytes import is_table_name
from cxrlens.data.label_file import LabelFile, read_header, read_label_file
from cxrlens.data.label_table import read_label_table
from cxrlens.data.layout import is_file, list_folder
from cxrlens.data.nih import NIH_CLASSES, is_nih, is_nih_boxes, read_nih, read_nih_boxes
from cxrlens.data.rsna import RSNA_CLASSES, is_rsna, read_rsna
from cxrlens.data.siim import SIIM_CLASSES, is_siim, read_siim
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_options import TableOptions
from cxrlens.vocabulary import TableError, show_name, suggest


@dataclass(frozen=True)
class LabelSet:
    """A published data set whose tables are recognised."""

    name: str
    """As its authors call it."""

    fits: Callable[[Sequence[str]], bool]
    """Tells its tables from their columns."""

    read: Callable[[LabelFile, TableOptions], StudyTable]
    """Reads one."""

    classes: tuple[str, ...]
    """What may be asked for as label; a table asked for others is read as any table is."""


LABEL_SETS = (
    LabelSet("NIH ChestX-ray14", is_nih, read_nih, NIH_CLASSES),
    LabelSet("CheXpert", is_chexpert, read_chexpert, CHEXPERT_CLASSES),
    LabelSet("RSNA", is_rsna, read_rsna, (*RSNA_CLASSES, "Target")),
    LabelSet("SIIM-ACR", is_siim, read_siim, (*SIIM_CLASSES, "EncodedPixels")),
    LabelSet("NIH ChestX-ray14 boxes", is_nih_boxes, read_nih_boxes, NIH_CLASSES),
)
"""The first that fits is it."""


def find_label_set(header: Sequence[str]) -> LabelSet | None:
    """Tell the data set of a table; None where it is of no known one.

    Args:
        header: the names of its columns.
    """
    return next((one for one in LABEL_SETS if one.fits(header)), None)


def read_labels_file(path: str | os.PathLike[str], options: TableOptions) -> StudyTable:
    """Read a table of labels, of a known data set or any other.

    Args:
        path: CSV, TSV, `;`-separated text or Parquet (see `read_label_file`).
        options: what the file does not say.

    Returns:
        One row an image.

    Raises:
        TableError: if the file is no table, or its rows cannot be understood: with the line.
    """
    file = read_label_file(path)
    known = find_label_set(file.header)
    if known is None:
        return fill_from_headers(read_label_table(file, options))
    others = [one for one in options.columns.get("label", ()) if one not in known.classes]
    if not others:
        return known.read(file, options)
    if others[0] not in file.header:
        raise TableError(
            f"{file.name} is {known.name} and has no label {show_name(others[0])!r}; "
            f"{suggest(others[0], (*known.classes, *file.header))}"
        )
    return read_label_table(file, options)


def find_label_files(folder: str) -> list[str]:
    """Find the tables of labels that stand directly in a folder.

    Args:
        folder: any.

    Returns:
        Those of one known data set, if there are any; else all; none where there is no table.

    Raises:
        TableError: if the folder cannot be listed.
    """
    return _find(folder)[0]


def find_set_in(folder: str) -> LabelSet | None:
    """Tell the data set whose tables stand directly in a folder; None where there are none.

    Args:
        folder: any.

    Raises:
        TableError: if the folder cannot be listed.
    """
    return _find(folder)[1]


def names_classes(folder: str, known: LabelSet) -> bool:
    """Whether a folder inside is named as a class of a data set, as class folders are.

    Args:
        folder: any.
        known: the data set.

    Raises:
        TableError: if the folder cannot be listed.
    """
    classes = {simplify(name) for name in known.classes}
    return any(simplify(entry.name) in classes for entry in list_folder(folder))


def _find(folder: str) -> tuple[list[str], LabelSet | None]:
    paths = [
        entry.path
        for entry in list_folder(folder)
        if is_table_name(entry.name) and "sample_submission" not in entry.name and is_file(entry)
    ]
    ranked: dict[int, list[str]] = {}
    for path in paths:
        known = _try_header(path)
        if known is not None:
            ranked.setdefault(LABEL_SETS.index(known), []).append(path)
    if not ranked:
        return paths, None
    first = min(ranked)  # the tables of labels stand before the list of boxes
    return ranked[first], LABEL_SETS[first]


def read_label_folder(folder: str, options: TableOptions) -> StudyTable:
    """Read the table of labels that stands in a folder.

    Args:
        folder: holds one; or the parts of CheXpert, `train.csv` and `valid.csv`.
        options: what the table does not say.

    Returns:
        One row an image.

    Raises:
        TableError: if there are several tables and it is not clear which is meant, or the table
            cannot be read.
    """
    paths, known = _find(folder)
    names = ", ".join(show_name(os.path.basename(path)) for path in paths)  # noqa: PTH119
    if len(paths) > 1 and (known is None or known.name != "CheXpert"):
        raise TableError(
            f"{show_name(folder)!r} holds several tables ({names}): give the one that has the "
            "labels, with --images for the folder of its images"
        )
    tables = [read_labels_file(path, options) for path in paths]
    return _join(tables) if len(tables) > 1 else tables[0]


def _try_header(path: str) -> LabelSet | None:
    """The data set of a table; None where it cannot be read: it says so when it is."""
    try:
        return find_label_set(read_header(path))
    except TableError:
        return None


def _join(tables: Sequence[StudyTable]) -> StudyTable:
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    return replace(
        tables[0],
        frame=frame,
        notes=tuple(note for table in tables for note in table.notes),
        refusals=tuple(one for table in tables for one in table.refusals),
    )
