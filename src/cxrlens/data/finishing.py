"""A draft becomes a study table: classes chosen, image files found, repeats merged.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from cxrlens.data.class_names import choose_classes, rename_classes
from cxrlens.data.draft import Draft
from cxrlens.data.image_index import Found, find_images, tell_doubt
from cxrlens.data.label_file import LabelFile
from cxrlens.data.repeats import merge_repeats
from cxrlens.data.study_table import StudyTable, make_frame
from cxrlens.data.table_options import TableOptions
from cxrlens.vocabulary import Flags, Refusal, TableError, show_name

UNFOUND = "images was found in or under"
"""In the note that says that no row of a table leads to a file."""

RUN_LENGTHS = "rle:"
"""Begins a mask that is no file but run lengths (see `imaging.read_mask`)."""


def finish_draft(
    draft: Draft,
    labels: Mapping[str, Sequence[object]],
    classes: Sequence[str],
    options: TableOptions,
    chosen: Sequence[str] = (),
) -> StudyTable:
    """Choose and rename classes, find the image files, and merge rows that repeat an image.

    Rows with a stated lateral view, and rows whose image is not found, become refusals. Where no
    image is found at all, the rows stay, so that they can be counted, and a note says so.

    Args:
        draft: all but the labels.
        labels: the column `label`, or one a class named by `LABEL_PREFIX` and the class.
        classes: in the order in which a model gives them.
        options: where the images lie, and how classes are renamed.
        chosen: some of the classes, where not all are wanted.

    Returns:
        The study table.

    Raises:
        TableError: if a class is not known, fewer than two are left, all views are lateral, or
            two rows contradict each other: with their lines.
    """
    file = draft.file
    frame = make_frame({**draft.columns, **labels})
    table = StudyTable(frame, tuple(classes), file.folder, draft.notes)
    if chosen:
        table = choose_classes(table, chosen)
    table = rename_classes(table, options.class_names)
    if len(table.classes) < 2 and not table.is_multilabel:
        raise TableError(
            f"{file.name} must hold two or more classes; got {len(table.classes)} "
            f"({', '.join(map(show_name, table.classes)) or 'none'}, {len(table)} rows): add rows "
            "of another class, or change the condition that chooses rows"
        )
    file, table = _take_out_laterals(file, table, draft.is_lateral)
    file, table = _match_images(file, table, options, draft.least)
    return _note_gaps(merge_repeats(file, table))


def _note_gaps(table: StudyTable) -> StudyTable:
    """Count what several labels an image leave open."""
    if not table.is_multilabel:
        return table
    matrix = table.label_matrix
    n_uncertain, n_missing = int((matrix == -1).sum()), int(np.isnan(matrix).sum())
    if not n_uncertain and not n_missing:
        return table
    note = (
        f"Of {matrix.size} labels ({len(table)} images, {len(table.classes)} classes), "
        f"{n_uncertain} are uncertain and {n_missing} missing: kept as such."
    )
    return replace(table, notes=(*table.notes, note))


def _take_out_laterals(
    file: LabelFile, table: StudyTable, is_lateral: Flags
) -> tuple[LabelFile, StudyTable]:
    if not is_lateral.any():
        return file, table
    if is_lateral.all():
        raise TableError(f"all {len(table)} rows of {file.name} state a lateral view")
    images = table.images
    refusals = [
        Refusal(images[row], "lateral", f"{file.place(row)} states a lateral view: left out")
        for row in np.flatnonzero(is_lateral).tolist()
    ]
    kept = table.take(np.flatnonzero(~is_lateral))
    notes = (*kept.notes, f"Rows that state a lateral view were left out: {len(refusals)}.")
    return file.take(~is_lateral), replace(kept, notes=notes, refusals=(*kept.refusals, *refusals))


def _match_images(
    file: LabelFile, table: StudyTable, options: TableOptions, least: int
) -> tuple[LabelFile, StudyTable]:
    """Replace names by paths; rows without a file become refusals."""
    folders = [file.folder] if options.images is None else [str(options.images), file.folder]
    names = table.images
    found = find_images(names, folders, least=least)
    if not any(found.paths):
        return file, _keep_unfound(table, folders[0], found)
    refusals = _refuse_missing(file, names, found, folders[0])
    rows = np.array([row for row, path in enumerate(found.paths) if path is not None])
    frame = table.frame.assign(image=pd.Series(found.paths, dtype=object))
    kept = replace(table, frame=frame).take(rows)
    masks, mask_notes = _match_masks(kept, folders)
    return file.take(rows), replace(
        kept,
        frame=kept.frame.assign(mask=pd.Series(masks, dtype=object)),
        root=_find_root(kept.images, folders[0]),
        notes=(*kept.notes, *_note_images(found, len(refusals), folders[0]), *mask_notes),
        refusals=(*kept.refusals, *refusals),
    )


def _keep_unfound(table: StudyTable, folder: str, found: Found) -> StudyTable:
    """Where no image is found, only the table can be counted."""
    first = table.images[0]
    doubt = f", which may be {tell_doubt(found.doubts[0])}" if 0 in found.doubts else ""
    note = (
        f"None of the {len(table)} {UNFOUND} {show_name(folder)!r} (the first: "
        f"{show_name(first)!r}{doubt}): the rows can be counted, but nothing can be looked at; "
        "give the folder of the images with --images."
    )
    paths = [os.path.join(folder, name) for name in table.images]  # noqa: PTH118 (bytes survive)
    frame = table.frame.assign(image=pd.Series(paths, dtype=object))
    return replace(table, frame=frame, root=folder, notes=(*table.notes, note))


def _refuse_missing(
    file: LabelFile, names: Sequence[str], found: Found, folder: str
) -> list[Refusal]:
    refusals = []
    for row in (row for row, path in enumerate(found.paths) if path is None):
        start = f"{file.place(row)} names {show_name(names[row])!r}, which"
        why = f"is no file in or under {show_name(folder)!r}: check the name"
        if row in found.doubts:
            why = f"may be {tell_doubt(found.doubts[row])}: name its folder too"
        refusals.append(Refusal(names[row], "not-a-file", f"{start} {why}"))
    return refusals


def _note_images(found: Found, n_missing: int, folder: str) -> list[str]:
    notes = []
    if found.n_elsewhere:
        notes.append(
            f"{found.n_elsewhere} images were found in another folder, or with another suffix, "
            "than the table says."
        )
    if n_missing:
        notes.append(
            f"{n_missing} of {len(found.paths)} rows name no file in or under "
            f"{show_name(folder)!r}: left out."
        )
    return notes


def _match_masks(
    table: StudyTable, folders: Sequence[str]
) -> tuple[list[str | None], tuple[str, ...]]:
    """Replace names of masks by paths; run lengths stay as they are."""
    masks: list[str | None] = list(table.frame["mask"])
    named = [
        row
        for row, mask in enumerate(masks)
        if mask is not None and not mask.startswith(RUN_LENGTHS)
    ]
    for row in named:
        paths = (os.path.join(folder, str(masks[row])) for folder in folders)  # noqa: PTH118
        masks[row] = next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113
    if not named:
        return masks, ()
    n_found = sum(masks[row] is not None for row in named)
    note = f"Masks were found for {n_found} of the {len(named)} images that name one."
    return masks, (note,)


def _find_root(paths: Sequence[str], folder: str) -> str:
    """The folder, or the one around all images where some lie outside of it."""
    start = os.path.join(folder, "")  # noqa: PTH118 (with its slash)
    outside = [path for path in paths if not path.startswith(start) or ".." in path]
    if not outside:
        return folder
    places = {os.path.dirname(os.path.abspath(path)) for path in outside}  # noqa: PTH100, PTH120
    return os.path.commonpath([os.path.abspath(folder), *places])  # noqa: PTH100
