"""How many cases and patients there are of each class, and whether they are enough.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

from cxrlens.evaluation.patients import count_patients
from cxrlens.vocabulary import (
    CalibrationMethod,
    ClassCount,
    ClassIndices,
    LabelMatrix,
)

FEWEST_PATIENTS = 10
"""Patients with a class, and patients without it, from which a calibration or a threshold is
fitted at all: each of five parts then holds two of them."""

FEWEST_FOR_VECTOR = 20
"""Patients with every class, and without it, from which each class gets a scale and an offset of
its own: ten for each number that is fitted.

Source: Peduzzi et al., J Clin Epidemiol 1996;49:1373-1379 (events per variable)."""


def count_classes(
    classes: Sequence[str], labels: LabelMatrix, clusters: ClassIndices
) -> tuple[ClassCount, ...]:
    """Count the cases of each class and those without it.

    Args:
        classes: k names.
        labels: 1 there, 0 not there; anything else is not known and counts nowhere.
        clusters: a number for each row's patient.

    Returns:
        One a class.
    """
    return tuple(
        ClassCount(
            class_name=name,
            n_positives=int((column == 1).sum()),
            n_negatives=int((column == 0).sum()),
            n_positive_patients=count_patients(clusters[column == 1]),
            n_negative_patients=count_patients(clusters[column == 0]),
        )
        for name, column in zip(classes, labels.T, strict=True)
    )


def explain_too_few(counts: Sequence[ClassCount], *, is_multilabel: bool) -> str | None:
    """Say what is missing for a calibration, if anything.

    Args:
        counts: one a class.
        is_multilabel: whether it is enough that one class has cases enough, since they share the
            temperature; classes that exclude each other all must.

    Returns:
        A clause with the numbers; None where there are cases enough.
    """
    lean = [one for one in counts if _count_rarer(one) < FEWEST_PATIENTS]
    if not lean or (is_multilabel and len(lean) < len(counts)):
        return None
    told = "; ".join(
        f"{one.class_name}: {one.n_positive_patients} patients with and "
        f"{one.n_negative_patients} without it"
        for one in lean[:4]
    )
    return (
        f"each class needs {FEWEST_PATIENTS} patients with and {FEWEST_PATIENTS} without it, "
        + (f"there are {told}")
    )


def choose_method(counts: Sequence[ClassCount]) -> CalibrationMethod:
    """Choose the method that the cases are enough for.

    Args:
        counts: one a class, of the cases that it is fitted on.

    Returns:
        `vector` where every class has `FEWEST_FOR_VECTOR` patients with and without it, else
        `temperature`.
    """
    is_rich = all(_count_rarer(one) >= FEWEST_FOR_VECTOR for one in counts)
    return "vector" if is_rich else "temperature"


def _count_rarer(count: ClassCount) -> int:
    return min(count.n_positive_patients, count.n_negative_patients)
