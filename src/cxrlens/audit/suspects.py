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
from cxrlens.audit.mislabelling import weigh_labels
from cxrlens.vocabulary import EVEN_ODDS, ClassIndices, LabelMatrix, Suspect

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

    An image is listed where its label is more likely wrong than right, given the classifier's
    answer for it and how often answers and labels disagree in the whole collection
    (`weigh_labels`). Where the classifier tells the classes apart badly, few answers are sure
    enough, and the list is short or empty. This is a list to look at, not a verdict: an unusual
    image of the right class stands in it as well.

    Args:
        features: one row an image.
        targets: the class of each image; -1 where not known.
        folds: of each image; a patient lies in one.
        names: of the images.
        classes: names.

    Returns:
        The least likely label first.
    """
    known = np.flatnonzero(targets >= 0)
    if len(np.unique(targets[known])) < 2:
        return ()
    chances = cross_predict(features[known], targets[known], folds[known], len(classes))
    wrong = weigh_labels(chances, targets[known])
    best = wrong.argmax(axis=1)
    doubt = wrong.sum(axis=1)
    rows = np.flatnonzero(doubt >= EVEN_ODDS)
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


def find_suspects_by_class(
    features: Features,
    labels: LabelMatrix,
    folds: Int64[np.ndarray, " n"],
    names: Sequence[str],
    classes: Sequence[str],
) -> tuple[Suspect, ...]:
    """Rank labels that are likely wrong where an image may have several: each class on its own.

    Args:
        features: one row an image.
        labels: 1 there, 0 not there, -1 uncertain, NaN missing; what is not known is left out.
        folds: of each image; a patient lies in one.
        names: of the images.
        classes: names of the columns.

    Returns:
        The least likely label first, such as `edema: there`, likelier `edema: not there`.
    """
    found: list[Suspect] = []
    for name, column in zip(classes, labels.T, strict=True):
        targets = np.where(np.isin(column, (0, 1)), column, -1).astype(np.int64)
        states = f"{name}: not there", f"{name}: there"
        found += find_suspects(features, targets, folds, names, states)
    return tuple(sorted(found, key=lambda one: -one.doubt))


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
