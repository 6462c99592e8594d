"""Labels that a classifier, which never saw the patient, finds unlikely.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cxrlens.audit.crossfit import Features, list_folds
from cxrlens.vocabulary import ClassIndices, Suspect

PENALTY = 0.01
"""Inverse strength of the regularisation."""

MAX_ITERATIONS = 300
"""Of the logistic regression."""


def find_suspects(
    features: Features,
    targets: ClassIndices,
    folds: Int64[np.ndarray, " n"],
    names: Sequence[str],
    classes: Sequence[str],
) -> tuple[Suspect, ...]:
    """Rank images whose label is likely another one.

    An image is listed where the probability of another class is at least that class's usual one
    among the images that carry it, and larger than that of the image's own label. This is a list
    to look at, not a verdict: an unusual image of the right class stands in it as well.

    Args:
        features: one row an image.
        targets: the class of each image; -1 where not known.
        folds: of each image; a patient lies in one.
        names: of the images.
        classes: names.

    Returns:
        The least likely label first.

    Source:
        Northcutt, Jiang and Chuang, J Artif Intell Res 2021;70:1373-1411 (confident learning:
        thresholds are the mean self-confidence of each class), from the paper's description.
    """
    known = np.flatnonzero(targets >= 0)
    if len(np.unique(targets[known])) < 2:
        return ()
    chances = cross_predict(features[known], targets[known], folds[known], len(classes))
    own = chances[np.arange(len(known)), targets[known]]
    usual = np.array(
        [
            own[targets[known] == k].mean() if (targets[known] == k).any() else 1.0
            for k in range(len(classes))
        ]
    )
    is_usual = chances >= usual
    is_usual[np.arange(len(known)), targets[known]] = False
    best = np.where(is_usual, chances, -1).argmax(axis=1)
    doubt = chances[np.arange(len(known)), best] - own
    rows = np.flatnonzero(is_usual.any(axis=1) & (doubt > 0))
    order = rows[np.argsort(-doubt[rows], kind="stable")]
    return tuple(
        Suspect(
            names[int(known[row])],
            classes[int(targets[known[row]])],
            classes[int(best[row])],
            float(doubt[row]),
        )
        for row in order.tolist()
    )


def cross_predict(
    features: Features, targets: ClassIndices, folds: Int64[np.ndarray, " n"], n_classes: int
) -> Float64[np.ndarray, "n k"]:
    """Give each fold the probabilities of a logistic regression on the others.

    Args:
        features: finite.
        targets: never -1.
        folds: of each image.
        n_classes: columns; a class without images to learn from gets 0.
    """
    chances = np.zeros((len(features), n_classes))
    for train, test in list_folds(folds):
        present = np.unique(targets[train])
        if len(present) < 2 or not len(test):
            continue
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=PENALTY, max_iter=MAX_ITERATIONS)
        )
        model.fit(features[train], targets[train])
        chances[np.ix_(test, present)] = model.predict_proba(features[test])
    return chances
