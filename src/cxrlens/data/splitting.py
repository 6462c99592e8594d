"""A table gets its split: what comes with the data is kept, what is missing is cut by patient.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np

from cxrlens.data.allotment import Patient, cut_share, deal_folds, list_patients
from cxrlens.data.study_table import SPLITS, StudyTable
from cxrlens.vocabulary import TableError, show_name

MIN_VALIDATION_IMAGES = 40
"""With fewer images one of them is worth more than 2.5 points of accuracy: no epoch can be told
from its neighbour."""

MIN_VALIDATION_PATIENTS = 10
"""Of every class: with fewer, one patient moves its sensitivity by more than 10 points."""

_Parts = list[str | None]


def complete_split(
    table: StudyTable, *, seed: int, validation: float = 0.15, test: float = 0.2
) -> StudyTable:
    """Give every image a part: train, val or test.

    Parts that come with the data are kept, but for a val part too small to choose an epoch on
    (`MIN_VALIDATION_IMAGES`, `MIN_VALIDATION_PATIENTS`), which is merged into train. Parts that
    are missing are cut from train: patient-disjoint, stratified by class, by the seed.

    Args:
        table: the images; those without a part count as train.
        seed: decides which patients are cut.
        validation: share of the training part (what is left after test) cut for val.
        test: share of all images (but for those of a val part that is kept) cut for test.

    Returns:
        The table with the split complete and with notes that say what was done.

    Raises:
        TableError: if a share lies outside (0, 1), there is nothing to train on, a label is
            missing, or a class has too few patients for the parts.
    """
    _check_share("validation", validation)
    _check_share("test", test)
    _check_labels(table)
    given = [str(part) for part in table.counts if part in SPLITS]
    if given and "train" not in given:
        raise TableError(
            f"the split brings {', '.join(given)} but no train part: add one to train on"
        )
    parts: _Parts = ["train" if part is None else part for part in table.frame["split"]]
    notes = [*_note_given(table), *_note_crossing(table)]
    if "val" in given and (why := _judge_validation(table)):
        notes.append(
            f"The supplied val part is too small to choose an epoch on ({why}): merged into train."
        )
        parts = ["train" if part == "val" else part for part in parts]
    wanted = [("test", test), ("val", validation)]
    wanted = [(part, share) for part, share in wanted if part not in parts]
    _check_patients(table, parts, 1 + len(wanted))
    for part, share in wanted:
        parts = _cut(table, parts, part, share, seed)
        notes.append(_note_cut(table, parts, part, seed))
    if wanted:
        notes.extend(_note_unknown(table))
    return table.with_split(parts, notes)


def fold_table(
    table: StudyTable, *, folds: int, seed: int, validation: float = 0.15
) -> list[StudyTable]:
    """Make the splits of a cross-validation: every image is tested on once, patient-disjoint.

    A test part that comes with the data is in no part of any of them; train and val parts are
    pooled.

    Args:
        table: the images.
        folds: number of folds, 2 or more.
        seed: decides who is in which fold.
        validation: share of what is left beside the fold that is cut for val, by patient.

    Returns:
        One table a fold, each with all rows of `table` in their order: test is the fold, val and
        train are the rest; the supplied test part has no split.

    Raises:
        TableError: if `folds` is below 2, the share lies outside (0, 1), a label is missing, or a
            class has fewer patients than the folds, or than train, val and test, need.
    """
    _check_share("validation", validation)
    if folds < 2:
        raise TableError(f"folds must be 2 or more; got {folds}")
    _check_labels(table)
    keep = [row for row, part in enumerate(table.frame["split"]) if part != "test"]
    pooled: _Parts = [None if part == "test" else "train" for part in table.frame["split"]]
    _check_patients(table, pooled, max(folds, 3))
    patients = list_patients(table, keep)
    fold_of = deal_folds(patients, folds, seed)
    left_out = len(table) - len(keep)
    notes = [
        f"Cross-validation: {folds} folds, patient-disjoint, stratified by class, seed {seed}."
    ]
    if left_out:
        notes.append(f"The supplied test part ({left_out} images) is in no fold.")
    notes.extend(_note_unknown(table.take(keep)))
    tables = []
    for fold in range(folds):
        parts = list(pooled)
        for one in patients:
            for row in one.rows:
                parts[row] = "test" if fold_of[one.key] == fold else "train"
        tables.append(table.with_split(_cut(table, parts, "val", validation, seed), notes))
    return tables


def _cut(table: StudyTable, parts: _Parts, name: str, share: float, seed: int) -> _Parts:
    """Move patients from train to another part."""
    patients = list_patients(table, [row for row, part in enumerate(parts) if part == "train"])
    leave = 1 if "val" in (name, *parts) else 2  # val is cut after test
    chosen = cut_share(patients, share, seed, leave=leave)
    new = list(parts)
    for one in patients:
        if one.key in chosen:
            for row in one.rows:
                new[row] = name
    _check_classes(table, new, (name, "train"))
    return new


def _check_share(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise TableError(f"{name} must be a share above 0 and below 1; got {share!r}")


def _check_labels(table: StudyTable) -> None:
    if len(table.classes) < 2 and not table.is_multilabel:
        found = ", ".join(map(show_name, table.classes)) or "none"
        raise TableError(f"a split needs two or more classes; got {found}: add labels or images")
    n = 0 if table.is_multilabel else int((table.targets < 0).sum())
    if n:
        raise TableError(
            f"{n} of {len(table)} images have no label, by which a split is stratified: leave them "
            "out (StudyTable.labelled)"
        )


def _count_patients(patients: Sequence[Patient], classes: Sequence[str]) -> dict[str, int]:
    return {name: sum(name in one.classes for one in patients) for name in classes}


def _check_patients(table: StudyTable, parts: _Parts, needed: int) -> None:
    rows = [row for row, part in enumerate(parts) if part == "train"]
    counts = _count_patients(list_patients(table, rows), table.classes)
    if min(counts.values()) < needed:
        raise TableError(
            f"a patient-disjoint split needs {needed} or more patients of every class; got "
            f"{_state(counts)}: add patients or ask for fewer parts{_hint(table)}"
        )


def _check_classes(table: StudyTable, parts: _Parts, names: Sequence[str]) -> None:
    has_class = table.label_matrix == 1
    for name in names:
        inside = np.array([part == name for part in parts], dtype=bool)
        counts = dict(zip(table.classes, has_class[inside].sum(axis=0).tolist(), strict=True))
        if min(counts.values()) == 0:
            raise TableError(
                f"no patient-disjoint split gives the {name} part an image of every class; got "
                f"{_state(counts)}: add patients{_hint(table)}"
            )


def _judge_validation(table: StudyTable) -> str | None:
    """Say what is too few in a supplied val part; None where it is large enough."""
    val = table.split("val")
    counts = _count_patients(list_patients(val, range(len(val))), table.classes)
    if len(val) < MIN_VALIDATION_IMAGES:
        return f"{len(val)} images, fewer than {MIN_VALIDATION_IMAGES}"
    if min(counts.values()) < MIN_VALIDATION_PATIENTS:
        return f"patients: {_state(counts)}; fewer than {MIN_VALIDATION_PATIENTS} of a class"
    return None


def _note_given(table: StudyTable) -> list[str]:
    given = {part: sum(counts.values()) for part, counts in table.counts.items() if part in SPLITS}
    if not given:
        return ["The data bring no split."]
    return [f"The data bring a split (images: {_state(given)})."]


def _note_crossing(table: StudyTable) -> list[str]:
    """Count patients that stand on both sides of a supplied split."""
    parts_of: dict[str, dict[str, int]] = {}
    for patient, part in zip(table.patients, table.frame["split"], strict=True):
        if patient is not None and part is not None:
            its = parts_of.setdefault(patient, {})
            its[part] = its.get(part, 0) + 1
    notes = []
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        both = [its for its in parts_of.values() if one in its and other in its]
        if both:
            n = sum(its[one] + its[other] for its in both)
            notes.append(
                f"{len(both)} patient numbers ({n} images) stand in both {one} and {other} of the "
                "supplied split: a leak, or a numbering that restarts in each part."
            )
    return notes


def _note_cut(table: StudyTable, parts: _Parts, name: str, seed: int) -> str:
    rows = [row for row, part in enumerate(parts) if part == name]
    n = len(list_patients(table, rows))
    return (
        f"The {name} part ({len(rows)} images of {n} patients) was cut from train: "
        f"patient-disjoint, stratified by class, seed {seed}."
    )


def _note_unknown(table: StudyTable) -> list[str]:
    unknown = sum(patient is None for patient in table.patients)
    if not unknown:
        return []
    return [
        f"The patient is unknown for {unknown} of {len(table)} images: each counts as a patient of "
        "its own, so that patient-disjoint cannot be promised for them."
    ]


def _hint(table: StudyTable) -> str:
    return ", or choose classes with --column label=CLASS" if table.is_multilabel else ""


def _state(counts: dict[str, int]) -> str:
    return ", ".join(f"{show_name(name)} {n}" for name, n in counts.items())
