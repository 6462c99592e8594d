"""A folder of class folders becomes a study table.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cxrlens.data.class_folder import Contents, list_contents
from cxrlens.data.dicom_file import DicomFile, read_dicom_facts
from cxrlens.data.dicom_repeats import settle_repeats
from cxrlens.data.layout import ClassFolder, find_layout
from cxrlens.data.masks import match_masks
from cxrlens.data.patient_ids import find_patient_id
from cxrlens.data.study_table import StudyTable, make_frame
from cxrlens.vocabulary import TableError, show_name

MIN_IMAGES = 3
"""A class without a split needs so many images: one to train on, one to choose, one to judge."""

_Found = list[tuple[ClassFolder, Contents]]
_Row = tuple[ClassFolder, str]


def read_class_folders(path: str | os.PathLike[str]) -> StudyTable:
    """Read a folder that holds one folder a class, directly or under train, val and test.

    Files count as images by their suffix or their content; whether they can be decoded shows when
    they are. The images of a class may lie in a folder `images` in its folder. A folder `masks`
    beside the classes or beside the parts may hold, under the same relative path with the suffix
    `.png`, where a finding lies. Of DICOM files the headers are read: for patient, view, sex and
    age, and for files that claim to be the same image.

    Args:
        path: the folder.

    Returns:
        One row an image, ordered by part, class and name (by bytes); patients are taken from
        DICOM headers and from file names of known form; the split is the supplied one or None.

    Raises:
        TableError: if there is no such folder, it holds fewer than two classes, a class is empty
            or has fewer than `MIN_IMAGES` images and no split, or the parts differ in classes.
    """
    root = os.fspath(path)
    layout = find_layout(root)
    found = [(folder, list_contents(folder.path)) for folder in layout.folders]
    _check(root, layout.parts, found)
    rows = [(folder, image) for folder, contents in found for image in contents.images]
    headers = {image: header for image, header in _read_headers(rows) if header is not None}
    labels = [folder.label for folder, image in rows if image in headers]
    repeats = settle_repeats(list(headers.values()), labels)
    rows = [row for row in rows if row[1] not in repeats.left_out]
    masks, mask_notes = match_masks(layout.base, rows)
    frame = make_frame(
        {
            "image": [image for _, image in rows],
            "label": [folder.label for folder, _ in rows],
            "split": [folder.part for folder, _ in rows],
            "mask": masks,
            **_list_facts(rows, headers),
        }
    )
    return StudyTable(
        frame,
        tuple(sorted({folder.label for folder, _ in found}, key=os.fsencode)),
        layout.base,
        (*layout.notes, *_note_contents(found), *mask_notes, *repeats.notes),
        (
            *(refusal for _, contents in found for refusal in contents.refusals),
            *repeats.refusals,
        ),
    )


def _read_headers(rows: Sequence[_Row]) -> Iterable[tuple[str, DicomFile | None]]:
    images = [image for _, image in rows]
    return zip(images, read_dicom_facts(images), strict=True)


def _list_facts(
    rows: Sequence[_Row], headers: Mapping[str, DicomFile]
) -> dict[str, Sequence[object]]:
    """Patients from DICOM headers, else from names; the rest from headers alone."""
    its = [headers.get(image) for _, image in rows]
    patients = [
        find_patient_id(image) if header is None else header.patient or find_patient_id(image)
        for header, (_, image) in zip(its, rows, strict=True)
    ]
    if not headers:
        return {"patient_id": patients}
    return {
        "patient_id": patients,
        "view": ["unknown" if header is None else header.view for header in its],
        "sex": [None if header is None else header.sex for header in its],
        "age": [None if header is None else header.age for header in its],
    }


def _check(root: str, names: Sequence[str | None], found: _Found) -> None:
    name = repr(show_name(root))
    parts: dict[str | None, dict[str, int]] = {part: {} for part in names}
    for folder, contents in found:
        parts[folder.part][folder.label] = len(contents.images)
    everything = {label for classes in parts.values() for label in classes}
    for label in everything:
        if show_name(label) != label:
            raise TableError(
                f"the class folder {show_name(label)!r} in {name} has a name that is not valid "
                "UTF-8; rename it, since a model carries the names of its classes"
            )
    if any(set(classes) != everything for classes in parts.values()):
        raise TableError(
            f"the parts of {name} must hold the same classes; got {_state(parts)}: "
            "add or move the missing class folders"
        )
    if len(everything) < 2:
        raise TableError(
            f"{name} must hold two or more class folders; got {len(everything)} "
            f"({_state(parts)}): put the images of each class in a folder of its own"
        )
    for part, classes in parts.items():
        least = MIN_IMAGES if part is None else 1
        if min(classes.values()) < least:
            raise TableError(
                f"every class in {name} needs {least} or more images; got "
                f"{_state({part: classes})}: add images or take the class away"
            )


def _state(parts: dict[str | None, dict[str, int]]) -> str:
    """Such as `train: NORMAL 3, PNEUMONIA 4; val: NORMAL 1`."""
    lines = []
    for part, classes in parts.items():
        counts = ", ".join(f"{show_name(label)} {n}" for label, n in classes.items()) or "none"
        lines.append(f"{part}: {counts}" if part else counts)
    return "; ".join(lines)


def _note_contents(found: _Found) -> Iterable[str]:
    others = [path for _, contents in found for path in contents.others]
    folders = [path for _, contents in found for path in contents.folders]
    refusals = Counter(r.reason for _, contents in found for r in contents.refusals)
    if others:
        first = show_name(Path(others[0]).name)
        yield f"Files that are no images were left out: {len(others)} (the first: {first!r})."
    if folders:
        first = show_name(Path(folders[0]).name)
        yield (
            f"Folders inside class folders were not read: {len(folders)} (the first: {first!r})."
        )
    for reason, n in sorted(refusals.items()):
        yield f"Left out as {reason}: {n}."
