"""DICOM files that claim to be the same image: copies, or a contradiction.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrlens.data.dicom_file import DicomFile
from cxrlens.imaging import read_radiograph
from cxrlens.vocabulary import ImageRefused, Refusal, show_name


@dataclass(frozen=True)
class Repeats:
    """What is not used of files that share a SOP Instance UID."""

    left_out: frozenset[str]
    """Paths of copies and of refused files."""

    refusals: tuple[Refusal, ...]
    """The files that contradict each other."""

    notes: tuple[str, ...]
    """How many of each."""


def settle_repeats(files: Sequence[DicomFile], labels: Sequence[str] | None = None) -> Repeats:
    """Keep the first of the files with one SOP Instance UID, or none where they contradict.

    They do if their pixels differ, or their labels: nobody can tell which one is true.

    Args:
        files: in the order of which the first is kept.
        labels: one a file, where they are known already.

    Returns:
        What is left out.
    """
    groups: dict[str, list[int]] = {}
    for position, one in enumerate(files):
        if one.sop_uid is not None:
            groups.setdefault(one.sop_uid, []).append(position)
    left_out: set[str] = set()
    refusals: list[Refusal] = []
    for group in (group for group in groups.values() if len(group) > 1):
        its = [files[position].path for position in group]
        if labels is not None and len({labels[position] for position in group}) > 1:
            refusals.extend(_refuse(path, len(its), "labels") for path in its)
        elif not all(_is_same(its[0], path) for path in its[1:]):
            refusals.extend(_refuse(path, len(its), "pixels") for path in its)
        left_out.update(its[1:])
    n_copies = len(left_out.difference(one.image for one in refusals))
    left_out.update(one.image for one in refusals)
    notes = []
    if n_copies:
        notes.append(f"Copies (one SOP Instance UID, the same pixels) were left out: {n_copies}.")
    if refusals:
        notes.append(
            "Files that share a SOP Instance UID but differ in pixels or labels were left out: "
            f"{len(refusals)}."
        )
    return Repeats(frozenset(left_out), tuple(refusals), tuple(notes))


def _refuse(path: str, n: int, what: str) -> Refusal:
    return Refusal(
        path,
        "repeated-uid",
        f"{show_name(path)!r} is one of {n} files with the same SOP Instance UID and different "
        f"{what}: find out which one is true and leave the others out",
        float(n),
    )


def _is_same(path: str, other: str) -> bool:
    """Whether two files are the same image: to the byte, or in every pixel."""
    try:
        if Path(path).read_bytes() == Path(other).read_bytes():
            return True
        return np.array_equal(read_radiograph(path).pixels, read_radiograph(other).pixels)
    except (ImageRefused, OSError):
        return False
