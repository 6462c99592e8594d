"""Patients are dealt out to parts: patient-disjoint, stratified by class, by a seed.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.data.study_table import StudyTable


@dataclass(frozen=True)
class Patient:
    """All images of one patient; an image of unknown patient is a patient of its own."""

    key: bytes
    """Tells it from all others, independent of the machine and of the order of rows."""

    classes: tuple[str, ...]
    """The classes that its images have, sorted."""

    rows: tuple[int, ...]
    """Positions of its images in the table."""

    stratum: tuple[str, ...]
    """Whom it is dealt out among: those with the same classes; in a multi-label table, where there
    are too many combinations, those with the same rarest class."""

    weight: int
    """Images that count for the stratum: all; in a multi-label table those with that class."""


def list_patients(table: StudyTable, rows: Iterable[int]) -> list[Patient]:
    """Gather some rows of a table by patient.

    Args:
        table: the images.
        rows: positions of those that are dealt out.

    Returns:
        The patients, in the order of their first row. Uncertain and missing labels count as none.
    """
    patients, images = table.patients, table.relative_images
    has_class = table.label_matrix == 1
    members: dict[bytes, list[int]] = {}
    for row in rows:
        patient = patients[row]
        key = (
            b"image " + os.fsencode(images[row])
            if patient is None
            else b"patient " + (patient.encode("utf-8", "surrogateescape"))
        )
        members.setdefault(key, []).append(row)
    counts = [has_class[its].sum(axis=0).tolist() for its in members.values()]
    strata = _find_rarest(counts) if table.is_multilabel else [None] * len(counts)
    return [
        _describe(key, its, dict(zip(table.classes, its_counts, strict=True)), stratum)
        for (key, its), its_counts, stratum in zip(members.items(), counts, strata, strict=True)
    ]


def _describe(
    key: bytes, rows: Sequence[int], counts: Mapping[str, int], rarest: int | None
) -> Patient:
    """Put a patient together from the number of its images that have each class."""
    names = list(counts)
    classes = tuple(sorted(name for name in names if counts[name]))
    stratum = classes if rarest is None else tuple(names[rarest : rarest + 1])
    weight = counts[stratum[0]] if rarest is not None and stratum else len(rows)
    return Patient(key, classes, tuple(rows), stratum, weight)


def _find_rarest(counts: Sequence[Sequence[int]]) -> list[int]:
    """The class of each patient that fewest patients have; behind the last where it has none.

    Rare classes are so dealt out exactly, and common ones, which are spread over many strata, very
    nearly; it is the first step of Sechidis et al., ECML PKDD 2011, taken once for all.
    """
    has_class = np.array(counts) > 0
    n_classes = has_class.shape[1]
    order = np.argsort(has_class.sum(axis=0), kind="stable")
    first = has_class[:, order].argmax(axis=1)
    rarest = np.where(has_class.any(axis=1), order[first], n_classes)
    return [int(one) for one in rarest]


def cut_share(
    patients: Sequence[Patient], share: float, seed: int, *, leave: int = 1
) -> set[bytes]:
    """Choose patients who hold a share of the images, of every class as nearly as can be.

    Within each stratum patients are put in an order that the seed and their own key decide, and
    the first ones are taken, until the number of images is nearest to the share. So a patient more
    or less leaves nearly all others where they were. Of the patients of one class only, at least
    one is taken and at least `leave` are left, where there are enough.

    Args:
        patients: whom to choose from.
        share: share of the images, above 0 and below 1.
        seed: decides the order.
        leave: patients of every class that must be left.

    Returns:
        Keys of the patients chosen.
    """
    chosen: set[bytes] = set()
    for stratum, members in _stratify(patients, seed).items():
        target = share * sum(one.weight for one in members)
        is_pure = len(stratum) == 1 and len(members) > leave
        low, high = (1, len(members) - leave) if is_pure else (0, len(members))
        taken = _find_nearest([one.weight for one in members], target, low, high)
        chosen.update(one.key for one in members[:taken])
    return chosen


def deal_folds(patients: Sequence[Patient], folds: int, seed: int) -> dict[bytes, int]:
    """Deal patients out to folds so that each holds nearly the same number of every class.

    The largest patients of a stratum go first, each to the fold that has the fewest images of its
    stratum so far, then the fewest in all.

    Args:
        patients: whom to deal out.
        folds: number of folds, 2 or more.
        seed: decides among equals.

    Returns:
        The fold of each patient, from 0, by key.
    """
    fold_of: dict[bytes, int] = {}
    totals = [0] * folds
    for members in _stratify(patients, seed).values():
        own = [0] * folds
        for one in sorted(members, key=lambda one: -one.weight):
            fold = min(range(folds), key=lambda i: (own[i], totals[i], i))
            own[fold] += one.weight
            totals[fold] += len(one.rows)
            fold_of[one.key] = fold
    return fold_of


def _stratify(patients: Sequence[Patient], seed: int) -> dict[tuple[str, ...], list[Patient]]:
    """Patients by stratum; inside each in an order that looks random and follows from the seed."""
    strata: dict[tuple[str, ...], list[Patient]] = {}
    for one in sorted(patients, key=lambda one: _shuffle_key(seed, one)):
        strata.setdefault(one.stratum, []).append(one)
    return dict(sorted(strata.items()))


def _shuffle_key(seed: int, patient: Patient) -> bytes:
    return hashlib.sha256(f"{seed} ".encode() + patient.key).digest()


def _find_nearest(sizes: Sequence[int], target: float, low: int, high: int) -> int:
    """How many of the first sizes sum up nearest to the target, within low…high."""
    taken, total = low, sum(sizes[:low])
    while taken < high and abs(total + sizes[taken] - target) < abs(total - target):
        total += sizes[taken]
        taken += 1
    return taken
