"""What it is worth, in AUROC, that a patient or a picture stands on both sides of a split.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from cxrlens.audit.crossfit import Answers, Features, Labels, answer, ask
from cxrlens.evaluation import compare_repetitions
from cxrlens.vocabulary import LeakCost

N_REPETITIONS = 10
"""Cross-validations of each kind."""


def measure_cost(
    features: Features,
    labels: Labels,
    groups: Int64[np.ndarray, " n"],
    classes: Sequence[str],
    *,
    seed: int,
) -> LeakCost:
    """Cross-validate a linear classifier with patients apart, and image by image.

    Args:
        features: frozen; one row an image.
        labels: of each image.
        groups: a number for each image's patient and picture.
        classes: names of the columns.
        seed: of the folds.

    Returns:
        Both figures and their difference, each the mean over the repetitions.
    """
    grouped = _repeat(features, labels, groups, seed)
    ungrouped = _repeat(features, labels, np.arange(len(labels)), seed)
    figures = compare_repetitions(ungrouped, grouped, labels, classes, groups)
    return LeakCost(figures.second, figures.first, figures.difference, N_REPETITIONS)


def _repeat(
    features: Features, labels: Labels, groups: Int64[np.ndarray, " n"], seed: int
) -> list[tuple[Answers, Int64[np.ndarray, " n"]]]:
    """Answers and folds of each repetition."""
    found = []
    for repetition in range(N_REPETITIONS):
        question = ask(labels, groups, seed=1000 * seed + repetition)
        found.append((answer(features, question), question.folds))
    return found
