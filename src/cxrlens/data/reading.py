"""Whatever a collection comes as, it becomes a study table.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxrlens.data.class_folder import list_contents
from cxrlens.data.class_folders import read_class_folders
from cxrlens.data.class_names import rename_classes
from cxrlens.data.dicom_file import read_dicom_facts
from cxrlens.data.dicom_join import join_dicom_tree
from cxrlens.data.dicom_tree import index_dicom_tree, is_dicom_tree, is_keyword, read_dicom_tree
from cxrlens.data.finishing import UNFOUND
from cxrlens.data.hdf5_table import find_hdf5_files, read_hdf5_table
from cxrlens.data.label_bytes import is_table_name
from cxrlens.data.label_sets import (
    find_label_files,
    find_set_in,
    names_classes,
    read_label_folder,
    read_labels_file,
)
from cxrlens.data.layout import find_layout
from cxrlens.data.row_filter import filter_rows
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_options import TableOptions
from cxrlens.data.table_writer import TABLE_FILE, is_written_table
from cxrlens.vocabulary import TableError, show_name

_CONTAINER = re.compile(
    r"(?<![a-z])(images?|imgs?|pngs?|jpe?gs?|dicoms?|dcms?)(?![a-z])", re.IGNORECASE
)
"""A word in the names of folders that hold images of all classes (`images_001`,
`stage_2_train_images`, `dicom-images-train`)."""


@dataclass(frozen=True)
class _Form:
    """One form in which a collection comes."""

    fits: Callable[[str, TableOptions], bool]
    """Tells it from the path, and from what the user says of it."""

    read: Callable[[str, TableOptions], StudyTable]
    """Reads it."""


def read_table(path: str | os.PathLike[str], options: TableOptions | None = None) -> StudyTable:
    """Read a collection of radiographs.

    A file is HDF5 (see `read_hdf5_table`) or a table of labels (see `read_label_table`), of a
    known data set or any other. A folder is one that `convert_table` wrote, one of HDF5 files, one
    of class folders, one in which a table of labels stands beside its images, or a tree of DICOM
    files (see `read_dicom_tree`). Class folders count more than a table, unless their names are
    those of folders of images, such as `images_001`, and more than a tree, unless each folder
    holds one patient alone or a DICOM keyword is named for the label. Where a table's rows name no
    files, they may name DICOM images by identifier (see `join_dicom_tree`).

    Args:
        path: the collection.
        options: what the files do not say.

    Returns:
        One row an image.

    Raises:
        TableError: if the collection cannot be read.
    """
    name, options = os.fspath(path), options or TableOptions()
    return next(form.read for form in _FORMS if form.fits(name, options))(name, options)


def _is_hdf5(path: str, _: TableOptions) -> bool:
    if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises on names that are too long)
        return bool(find_hdf5_files(path))
    return bool(find_hdf5_files(path)) and not any(
        list_contents(folder.path).images for folder in find_layout(path).folders
    )


def _is_file(path: str, _: TableOptions) -> bool:
    is_there = os.path.exists(path) or is_table_name(path)  # noqa: PTH110 (long names)
    return is_there and not os.path.isdir(path)  # noqa: PTH112 (as above)


def _is_converted(path: str, _: TableOptions) -> bool:
    """Whether `convert_table` wrote it: its table knows more than its folders can say."""
    return is_written_table(os.path.join(path, TABLE_FILE))  # noqa: PTH118 (bytes survive)


def _is_label_folder(path: str, options: TableOptions) -> bool:
    if _names_tag(options):
        return False
    if not os.path.isdir(path) or not find_label_files(path):  # noqa: PTH112 (as above)
        return False
    known = find_set_in(path)
    if known is not None:
        return not names_classes(path, known)
    folders = find_layout(path).folders
    return len({one.label for one in folders}) < 2 or all(
        _CONTAINER.search(one.label) for one in folders
    )


def _names_tag(options: TableOptions) -> bool:
    return any(is_keyword(name) for name in options.columns.get("label", ()))


def _is_dicom_tree(path: str, options: TableOptions) -> bool:
    if not os.path.isdir(path):  # noqa: PTH112 (as above)
        return False
    folders = find_layout(path).folders
    images = [list_contents(folder.path).images for folder in folders]
    is_of_classes = len(folders) > 1 and all(images) and not _is_by_patient(images)
    return (_names_tag(options) or not is_of_classes) and is_dicom_tree(path)


def _is_by_patient(folders: Iterable[Sequence[str]]) -> bool:
    """Whether each folder holds one patient, and each another one: then they are no classes."""
    seen: set[str] = set()
    for images in folders:
        headers = read_dicom_facts(images[:5])
        patients = {None if header is None else header.patient for header in headers}
        if len(patients) > 1 or not patients.isdisjoint({None, *seen}):
            return False
        seen.update(patient for patient in patients if patient is not None)
    return True


def _read_labels(path: str, options: TableOptions) -> StudyTable:
    return _join_tree(read_labels_file(path, options))


def _read_label_folder(path: str, options: TableOptions) -> StudyTable:
    return _join_tree(read_label_folder(path, options))


def _read_converted(path: str, options: TableOptions) -> StudyTable:
    return read_labels_file(os.path.join(path, TABLE_FILE), options)  # noqa: PTH118 (as above)


def _join_tree(table: StudyTable) -> StudyTable:
    """Match rows whose images are no files with DICOM images, if there are any."""
    if any(os.path.lexists(image.partition("#")[0]) for image in table.images):
        return table
    if not is_dicom_tree(table.root):
        return table
    start = os.path.join(table.root, "")  # noqa: PTH118 (as above)
    names = [image.removeprefix(start) for image in table.images]
    # The last note says that nothing was found by name.
    plain = replace(table, notes=tuple(note for note in table.notes if UNFOUND not in note))
    return join_dicom_tree(plain, names, index_dicom_tree(table.root))


def _read_hdf5(path: str, options: TableOptions) -> StudyTable:
    return apply_options(read_hdf5_table(path, options), options)


def _read_dicom_tree(path: str, options: TableOptions) -> StudyTable:
    return apply_options(read_dicom_tree(path, options), options)


def _read_class_folders(path: str, options: TableOptions) -> StudyTable:
    if options.columns:
        role = next(iter(options.columns))
        raise TableError(
            f"{show_name(path)!r} is a folder of class folders and has no columns: take away "
            f"--column {role}=…, or give a table of labels, or the label of DICOM files by a DICOM "
            "keyword such as StudyDescription"
        )
    return apply_options(read_class_folders(path), options)


def apply_options(table: StudyTable, options: TableOptions) -> StudyTable:
    """Keep the rows for which the condition holds, and rename the classes.

    Args:
        table: as read from files that are no table of labels.
        options: `where` and `class_names`.

    Returns:
        The table; the condition may name any of its columns.

    Raises:
        TableError: if the condition or a name is not understood, or fewer than two classes stay.
    """
    if options.images is not None:
        raise TableError(
            "only a table of labels can have its images elsewhere: take away "
            f"--images {show_name(str(options.images))}, or give the table as DATA"
        )
    if options.where is not None:
        filtered = filter_rows(table.frame, options.where, "the collection")
        table = table.take(np.flatnonzero(filtered.kept))
        table = replace(table, notes=(*table.notes, *filtered.notes))
    table = rename_classes(table, options.class_names)
    is_chosen = options.where is not None or bool(options.class_names)
    if is_chosen and not table.is_multilabel and table.classes:
        counts = Counter(label for label in table.frame["label"] if label is not None)
        if len(counts) < 2:
            told = ", ".join(f"{show_name(name)} {counts[name]}" for name in table.classes)
            raise TableError(
                f"fewer than two classes stay ({told}): change the condition or the new names"
            )
    return table


_FORMS = (
    _Form(_is_hdf5, _read_hdf5),
    _Form(_is_file, _read_labels),
    _Form(_is_converted, _read_converted),
    _Form(_is_label_folder, _read_label_folder),
    _Form(_is_dicom_tree, _read_dicom_tree),
    _Form(lambda _path, _options: True, _read_class_folders),
)
"""The first that fits is it."""
