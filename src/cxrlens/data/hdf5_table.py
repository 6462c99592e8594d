"""HDF5 files of images and labels become a study table; no image is loaded for it.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrlens.data.cell_words import read_age, read_part, read_sex, read_view
from cxrlens.data.label_array import Labels, decode_words, read_labels
from cxrlens.data.layout import PART_NAMES, list_folder
from cxrlens.data.study_table import LABEL_PREFIX, StudyTable, make_frame
from cxrlens.data.table_options import TableOptions
from cxrlens.imaging import Hdf5Dataset, read_hdf5_array, read_hdf5_header, read_head
from cxrlens.vocabulary import ImageRefused, TableError, show_name

SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")
"""Files in a folder that are looked into."""

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "images", "x", "img", "imgs", "pixels"),
    "label": ("label", "labels", "y", "target", "targets"),
    "patient": ("patientid", "patientids", "patient", "patients", "subject", "subjectid"),
    "view": ("view", "views", "viewposition", "projection"),
    "source": ("source", "sources", "site", "hospital"),
    "split": ("split", "splits", "part"),
    "mask": (),
    "sex": ("sex", "gender"),
    "age": ("age", "ages", "patientage"),
    "name": ("name", "names", "filename", "filenames"),
}
"""Names of datasets by role, in small letters, without separators and words for parts: `train/X`,
`x_train` and `train_set_x` are all `x` of the train part."""

CLASS_NAMES = ("class_names", "classes", "list_classes", "label_names")
"""Attributes (of the labels, the images or the file) or datasets that name the classes."""

MAX_IMAGES = 5_000_000
"""Rows of a table: ten times those of the largest public set; a file may state any number."""

SEVERAL = "several_labels"
"""Attribute of the labels: true where an image may have several, whatever the rows sum to."""


@dataclass(frozen=True)
class _Sheet:
    """The datasets of one file that belong together: one row an image."""

    file: str
    part: str | None
    header: Mapping[str, Hdf5Dataset]
    roles: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return repr(show_name(self.file))

    @property
    def n(self) -> int:
        return int(self.header[self.roles["image"][0]].shape[0])


def find_hdf5_files(path: str | os.PathLike[str]) -> list[str]:
    """List the HDF5 files that a path stands for.

    Args:
        path: a file or a folder.

    Returns:
        The file itself if that is what it is by its first bytes; of a folder those directly in it
        that have a usual suffix and are; else nothing.
    """
    if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises on names that are too long)
        return [os.fspath(path)] if _is_hdf5(os.fspath(path)) else []
    entries = list_folder(os.fspath(path))
    return [e.path for e in entries if e.name.lower().endswith(SUFFIXES) and _is_hdf5(e.path)]


def read_hdf5_table(
    path: str | os.PathLike[str], options: TableOptions | None = None
) -> StudyTable:
    """Read one HDF5 file, or those of a folder, as a table; images are read when asked for.

    The part of the split is told by a dataset of parts, the dataset's name or group (`x_train`,
    `test/image`) or the file's name (`train.h5`, `chest_test.hdf5`).

    Args:
        path: a file or a folder.
        options: `columns` names datasets whose names are not usual ones; several for `label` are
            one class each.

    Returns:
        One row an image, named `FILE#DATASET/INDEX`, by part, file and index.

    Raises:
        TableError: if a file cannot be read, has no dataset of images or of labels, they differ in
            length, or their shapes or values are none of those that `read_labels` takes.
    """
    columns = (options or TableOptions()).columns
    files = find_hdf5_files(path)
    if not files:
        raise TableError(f"{show_name(os.fspath(path))!r} is no HDF5 file and holds none")
    sheets = [sheet for file in files for sheet in _find_sheets(file, columns)]
    order = {"train": 0, "val": 1, "test": 2}
    sheets.sort(key=lambda sheet: order.get(sheet.part or "", 3))
    n = sum(sheet.n for sheet in sheets)
    if not 0 < n <= MAX_IMAGES:
        raise TableError(
            f"{show_name(os.fspath(path))!r} states {n} images; a collection has 1 to {MAX_IMAGES}"
        )
    labels = _read_all_labels(sheets)
    filled: dict[str, Sequence[object]] = {
        "image": [f"{s.file}#{s.roles['image'][0]}/{i}" for s in sheets for i in range(s.n)],
        "patient_id": _read_column(sheets, "patient"),
        "view": [read_view(view or "") for view in _read_column(sheets, "view")],
        "source": _read_column(sheets, "source"),
        "split": [part for sheet in sheets for part in _read_parts(sheet)],
    }
    if labels.matrix is None:
        filled["label"] = labels.words
    else:
        columns_of = zip(labels.classes, labels.matrix.T, strict=True)
        filled.update({LABEL_PREFIX + name: values.tolist() for name, values in columns_of})
    filled.update(_read_extras(sheets))
    root = os.fspath(path) if os.path.isdir(path) else os.path.dirname(path)  # noqa: PTH112, PTH120
    return StudyTable(
        make_frame(filled), labels.classes, root or ".", tuple(_note(sheets, labels, n))
    )


def _is_hdf5(path: str) -> bool:
    try:
        return read_head(path).startswith(b"\x89HDF\r\n\x1a\n")
    except ImageRefused as error:
        return error.reason == "too-large"  # a collection in one file may be: it is read in parts


def _find_sheets(file: str, columns: Mapping[str, Sequence[str]]) -> list[_Sheet]:
    """The datasets of a file by part and role."""
    try:
        header = read_hdf5_header(file)
    except ImageRefused as error:
        raise TableError(str(error)) from error
    default, _ = _cut_part(Path(file).stem)
    sheets: dict[str | None, _Sheet] = {}
    for name in header:
        part, rest = _cut_part(name)
        role = _find_role(name, rest, columns)
        if role is not None:
            key = part or default
            sheet = sheets.setdefault(key, _Sheet(file, key, header))
            sheet.roles.setdefault(role, []).append(name)
    complete = [sheet for sheet in sheets.values() if "image" in sheet.roles]
    if not complete:
        shown = ", ".join(f"{show_name(name)} {list(one.shape)}" for name, one in header.items())
        raise TableError(
            f"{show_name(file)!r} has no dataset of images by a usual name (image, images, x); it "
            f"holds {shown or 'no dataset'}: name one with --column image=NAME"
        )
    for sheet in complete:
        _check(sheet, columns)
    return complete


def _cut_part(name: str) -> tuple[str | None, str]:
    """Cut a name into the part that it names and the rest, in small letters, joined."""
    words = [word for word in re.split(r"[^0-9a-z]+", name.lower()) if word]
    parts = [PART_NAMES[word] for word in words if word in PART_NAMES]
    rest = [word for word in words if word not in PART_NAMES and word != "set"]
    return (parts[0] if parts else None), "".join(rest)


def _find_role(name: str, rest: str, columns: Mapping[str, Sequence[str]]) -> str | None:
    for role, usual in USUAL_NAMES.items():
        asked = columns.get(role)
        last = name.rpartition("/")[2]
        if (asked and (name in asked or last in asked)) or (not asked and rest in usual):
            return role
    return None


def _check(sheet: _Sheet, columns: Mapping[str, Sequence[str]]) -> None:
    for role, names in sheet.roles.items():
        if len(names) > 1 and not (role == "label" and "label" in columns):
            told = ", ".join(map(show_name, names))
            raise TableError(
                f"{sheet.name} has several datasets that may hold the {role} ({told}): name one "
                f"with --column {role}=NAME"
            )
    image = sheet.header[sheet.roles["image"][0]]
    if len(image.shape) not in (3, 4):
        raise TableError(
            f"dataset {show_name(sheet.roles['image'][0])!r} of {sheet.name} has the shape "
            f"{list(image.shape)}; images are n x height x width, with channels last or first"
        )
    if "label" not in sheet.roles:
        raise TableError(
            f"{sheet.name} has images but no labels by a usual name (label, labels, y): name them "
            "with --column label=NAME"
        )
    for names in sheet.roles.values():
        for name in names:
            shape = sheet.header[name].shape
            if not shape or shape[0] != sheet.n:
                raise TableError(
                    f"{sheet.name} holds {sheet.n} images and {shape[0] if shape else 'one'} of "
                    f"{show_name(name)!r}; there must be one an image"
                )


def _read_array(sheet: _Sheet, name: str) -> np.ndarray:
    """Read a dataset that is no image."""
    try:
        return read_hdf5_array(sheet.file, name)
    except ImageRefused as error:
        raise TableError(str(error)) from error


def _read_column(sheets: Sequence[_Sheet], role: str) -> list[str | None]:
    return [value for sheet in sheets for value in _read_words(sheet, role)]


def _read_words(sheet: _Sheet, role: str) -> list[str | None]:
    names = sheet.roles.get(role)
    if not names:
        return [None] * sheet.n
    array = _read_array(sheet, names[0])
    if array.size != sheet.n or array.dtype.kind not in "biufOSU":
        raise TableError(
            f"dataset {show_name(names[0])!r} of {sheet.name} has the shape {list(array.shape)} "
            f"and the type {array.dtype}; a {role} is one word or number an image"
        )
    return decode_words(array.reshape(sheet.n))


def _read_extras(sheets: Sequence[_Sheet]) -> dict[str, Sequence[object]]:
    """The columns that not every table has."""
    extras: dict[str, Sequence[object]] = {
        "sex": [read_sex(word or "") for word in _read_column(sheets, "sex")],
        "age": [read_age(word or "") for word in _read_column(sheets, "age")],
        "name": _read_column(sheets, "name"),
    }
    return {
        role: values
        for role, values in extras.items()
        if any(value is not None for value in values)
    }


def _read_parts(sheet: _Sheet) -> list[str | None]:
    if "split" not in sheet.roles:
        return [sheet.part] * sheet.n
    words = _read_words(sheet, "split")
    parts = [None if word is None else read_part(word) for word in words]
    strange = [word for word, part in zip(words, parts, strict=True) if word and part is None]
    if strange:
        raise TableError(
            f"dataset {show_name(sheet.roles['split'][0])!r} of {sheet.name} holds "
            f"{show_name(strange[0])!r}; known are train, val and test"
        )
    return parts


def _read_all_labels(sheets: Sequence[_Sheet]) -> Labels:
    """Read the labels of all parts at once: whether they are one-hot shows in all rows only."""
    arrays = [_read_labels(sheet) for sheet in sheets]
    forms = {(array.shape[1:], array.dtype.kind in "OSU") for array in arrays}
    if len(forms) > 1:
        told = "; ".join(
            f"{sheet.name} {list(array.shape)} {array.dtype}"
            for sheet, array in zip(sheets, arrays, strict=True)
        )
        raise TableError(f"the labels of the parts are not of one form: {told}")
    named = [names for names in map(_find_class_names, sheets) if names is not None]
    if any(names != named[0] for names in named):
        raise TableError(
            f"the parts name their classes differently: {'; '.join(map(', '.join, named))}: read "
            "them one by one"
        )
    several = any(len(s.roles["label"]) > 1 or _find_attribute(s, (SEVERAL,)) for s in sheets)
    where = f"the labels of {', '.join(dict.fromkeys(sheet.name for sheet in sheets))}"
    names = named[0] if named else None
    return read_labels(where, np.concatenate(arrays), names, several=several)


def _read_labels(sheet: _Sheet) -> np.ndarray:
    arrays = [_read_array(sheet, name) for name in sheet.roles["label"]]
    if len(arrays) == 1:
        array = arrays[0]
        return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if any(array.size != sheet.n for array in arrays):
        raise TableError(f"{sheet.name}: several datasets of labels must be one class each")
    return np.stack([array.reshape(sheet.n) for array in arrays], axis=1)


def _find_class_names(sheet: _Sheet) -> list[str] | None:
    if len(sheet.roles["label"]) > 1:
        return [_cut_last(name) for name in sheet.roles["label"]]
    found = _find_attribute(sheet, CLASS_NAMES)
    if found is None:
        names = [name for name in sheet.header if name.rpartition("/")[2].lower() in CLASS_NAMES]
        found = _read_array(sheet, names[0]) if names else None
    if found is None:
        return None
    if isinstance(found, str):  # as some write it: "normal,pneumothorax"
        found = found.split(",")
    return [word or "" for word in decode_words(np.asarray(found, dtype=object).reshape(-1))]


def _cut_last(name: str) -> str:
    return name.rpartition("/")[2]


def _find_attribute(sheet: _Sheet, known: Iterable[str]) -> object | None:
    """An attribute of the labels, of the images, or (as those of each dataset) of the file."""
    for owner in (sheet.roles["label"][0], sheet.roles["image"][0]):
        for name in known:
            if name in sheet.header[owner].attributes:
                return sheet.header[owner].attributes[name]
    return None


def _note(sheets: Sequence[_Sheet], labels: Labels, n: int) -> Iterable[str]:
    is_numbered = labels.classes == tuple(str(i) for i in range(len(labels.classes)))
    if is_numbered:
        yield (
            f"The file names no classes: they are called {', '.join(labels.classes)} (rename them "
            "with --map 0=NAME)."
        )
    missing = sum(word is None for word in labels.words)
    if missing:
        yield f"The label is missing for {missing} of {n} images."
    used = {(s.file, name) for s in sheets for names in s.roles.values() for name in names}
    unused = {(s.file, name) for s in sheets for name in s.header}.difference(used)
    left = Counter(_cut_last(name) for _, name in unused if _cut_last(name) not in CLASS_NAMES)
    left.pop("", None)
    if left:
        yield f"Datasets that were not read: {', '.join(show_name(name) for name in sorted(left))}."
