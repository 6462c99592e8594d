"""A tree of DICOM files is indexed by its headers; no pixel is decoded but for repeats.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydicom import datadict as dictionary

from cxrlens.data.cell_words import read_age, read_part, read_sex, read_view
from cxrlens.data.dicom_file import SUFFIXES, DicomFile, is_dicom, read_dicom_file
from cxrlens.data.dicom_repeats import settle_repeats
from cxrlens.data.layout import is_junk
from cxrlens.data.study_table import StudyTable, make_frame
from cxrlens.data.table_options import TableOptions
from cxrlens.imaging import read_head, recognise
from cxrlens.vocabulary import ImageRefused, Refusal, TableError, show_name, suggest

_DIRECTORY = "DICOMDIR"
"""Source: DICOM PS3.10, 8.6: a directory of a medium always has this name."""


@dataclass(frozen=True)
class DicomTree:
    """The images found in a folder and below."""

    root: str
    """The folder."""

    files: tuple[DicomFile, ...]
    """By path (by bytes); every SOP Instance UID once."""

    notes: tuple[str, ...] = ()
    """What was passed over."""

    refusals: tuple[Refusal, ...] = ()
    """What should be an image and cannot be used."""


def is_dicom_tree(root: str | os.PathLike[str]) -> bool:
    """Whether any file in a folder or below is DICOM."""
    return any(is_dicom(path) for path in _walk(os.fspath(root), Counter(), []))


def is_keyword(name: str) -> bool:
    """Whether a name is a DICOM keyword, such as `StudyDescription`."""
    return dictionary.tag_for_keyword(name) is not None


def index_dicom_tree(root: str | os.PathLike[str], keywords: Iterable[str] = ()) -> DicomTree:
    """Read the headers of all DICOM files in a folder and below.

    Names and depth play no part. Links to folders are not followed; `DICOMDIR`, junk and files of
    other kinds are passed over. Of files with one SOP Instance UID and the same pixels the first
    is kept; with other pixels all are refused, since nobody can tell which one is true.

    Args:
        root: the folder.
        keywords: DICOM keywords whose values are wanted, such as `StudyDescription`.

    Returns:
        The images; `notes` and `refusals` say what is not among them.
    """
    counts: Counter[str] = Counter()
    refusals: list[Refusal] = []
    files: list[DicomFile] = []
    for path in _walk(os.fspath(root), counts, refusals):
        try:
            is_named = path.lower().endswith(SUFFIXES)
            if is_named or recognise(read_head(path)).name == "DICOM":
                files.append(read_dicom_file(path, tuple(keywords)))
            else:
                counts["files that are no DICOM were passed over"] += 1
        except ImageRefused as error:
            refusals.append(Refusal(path, error.reason, str(error), error.figure))
    repeats = settle_repeats(files)
    kept = tuple(one for one in files if one.path not in repeats.left_out)
    notes = [f"In the tree, {what}: {n}." for what, n in sorted(counts.items())]
    return DicomTree(
        os.fspath(root), kept, (*notes, *repeats.notes), (*refusals, *repeats.refusals)
    )


def read_dicom_tree(
    path: str | os.PathLike[str], options: TableOptions | None = None
) -> StudyTable:
    """Read a tree of DICOM files as a table.

    Patient, view, sex and age come from the headers.

    Args:
        path: the folder.
        options: `columns` names the DICOM keyword for a role, such as `{"label":
            ["StudyDescription"], "source": ["Manufacturer"]}`; without one for `label` the images
            have no label.

    Returns:
        One row an image, by path.

    Raises:
        TableError: if there is no DICOM image in the folder, or a column is no keyword of DICOM or
            has no value in any header.
    """
    columns = (options or TableOptions()).columns
    keywords = {role: names[0] for role, names in columns.items() if role != "image" and names}
    strange = [name for name in keywords.values() if not is_keyword(name)]
    if strange:
        raise TableError(
            f"{show_name(strange[0])!r} is no DICOM keyword; "
            f"{suggest(strange[0], dictionary.keyword_dict)}"
        )
    tree = index_dicom_tree(path, keywords.values())
    if not tree.files:
        raise TableError(
            f"{show_name(os.fspath(path))!r} holds no DICOM image that can be used "
            f"({len(tree.refusals)} refused): give the folder that holds the images"
        )
    unknown = [name for name in keywords.values() if all(f.tags[name] is None for f in tree.files)]
    if unknown:
        raise TableError(
            f"no header in {show_name(os.fspath(path))!r} has a value for "
            f"{show_name(unknown[0])!r}; give a DICOM keyword such as StudyDescription"
        )
    tags = {role: [one.tags[name] for one in tree.files] for role, name in keywords.items()}
    labels = tags.get("label", [None] * len(tree.files))
    frame = make_frame({**_list_columns(tree.files), **_read_tags(tags)})
    classes = tuple(sorted({label for label in labels if label is not None}, key=os.fsencode))
    notes = (*tree.notes, *_note_labels(labels, keywords.get("label")))
    return StudyTable(frame, classes, tree.root, notes, tree.refusals)


def _list_columns(files: Sequence[DicomFile]) -> dict[str, Sequence[object]]:
    return {
        "image": [one.path for one in files],
        "patient_id": [one.patient for one in files],
        "view": [one.view for one in files],
        "sex": [one.sex for one in files],
        "age": [one.age for one in files],
    }


def _read_tags(tags: Mapping[str, Sequence[str | None]]) -> dict[str, Sequence[object]]:
    """Columns from the tags that the user named."""
    words: dict[str, Callable[[str], object]] = {
        "view": read_view, "sex": read_sex, "age": read_age, "split": read_part,
    }  # fmt: skip
    names = {"patient": "patient_id"}
    return {
        names.get(role, role): [words[role](v or "") for v in values] if role in words else values
        for role, values in tags.items()
        if role != "mask"
    }


def _note_labels(labels: Sequence[str | None], keyword: str | None) -> Iterator[str]:
    missing = sum(label is None for label in labels)
    if keyword is None:
        yield (
            "The images have no labels: give a table of labels with --images, or a DICOM keyword "
            "with --column label=StudyDescription."
        )
    elif missing:
        yield f"{keyword} is empty for {missing} of {len(labels)} images: they have no label."


def _walk(root: str, counts: Counter[str], refusals: list[Refusal]) -> Iterator[str]:
    """Every file but junk, folder by folder, by name."""

    def refuse(error: OSError) -> None:
        name = show_name(str(error.filename))
        refusals.append(
            Refusal(str(error.filename), "unreadable", f"{name!r} cannot be listed: give yourself "
                    "read permission")
        )  # fmt: skip

    for folder, subfolders, names in os.walk(root, onerror=refuse):
        links = [name for name in subfolders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        if links:
            counts["links to folders were not followed"] += len(links)
        subfolders[:] = sorted((n for n in subfolders if not is_junk(n)), key=os.fsencode)
        for name in sorted(names, key=os.fsencode):
            if not is_junk(name) and name != _DIRECTORY:
                yield os.path.join(folder, name)  # noqa: PTH118 (pathlib cannot keep `./`)
