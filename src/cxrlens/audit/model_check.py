"""A model's figure beside what is left of it without the lungs.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxrlens.audit.crossfit import Answers, Question, measure_macro
from cxrlens.audit.looking import Collection
from cxrlens.audit.shortcuts import Finding
from cxrlens.evaluation import judge_learnt_control
from cxrlens.model import Model
from cxrlens.vocabulary import (
    CONTROL_MARGIN,
    BundleError,
    ModelCheck,
    Shortcut,
    show_name,
    suggest_renaming,
)

MIN_IMAGES = 20
"""With fewer unseen images a model is not judged."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a model came to, and the controls set against it."""

    check: ModelCheck
    """Its figures."""

    findings: tuple[Finding, ...]
    """The controls on the same images, with their reach."""


def judge_beside(
    model: Model,
    collection: Collection,
    views: Sequence[Answers],
    findings: Sequence[Finding],
    question: Question,
) -> Judged | str:
    """Judge a model and all controls on the images that it was not trained on.

    Args:
        model: that answered.
        collection: what was looked at.
        views: its probabilities for the images as they are, and with the lungs blacked out.
        findings: the controls, cross-fitted on all images.
        question: whose labels are asked for.

    Returns:
        The figures; or a sentence, where too few images are new to the model.

    Raises:
        BundleError: if the data have a class that the model does not know.
    """
    classes = collection.table.classes
    columns = _match(classes, model.classes)
    is_seen = np.array([look.file_digest in model.bundle.seen for look in collection.looks])
    parts = collection.table.frame["split"]
    is_test = np.array([part is None or part == "test" for part in parts])
    rows = np.flatnonzero(~is_seen)
    if len(rows) < MIN_IMAGES:
        return (
            f"model: not judged, since {len(rows)} of {len(is_seen)} images are new to it; "
            f"{MIN_IMAGES} are needed"
        )
    alone = np.zeros(len(rows), dtype=np.int64)
    about = question.labels[rows], classes, question.clusters[rows]
    as_is, black = (
        judge_learnt_control(name, view[rows][:, columns], *about, alone).auroc
        for name, view in zip(("as they are", "lungs blacked out"), views, strict=True)
    )
    method = "; the model taken as given"
    check = ModelCheck(
        len(rows),
        replace(as_is, method=as_is.method.partition(";")[0] + method),
        replace(black, method=black.method.partition(";")[0] + method),
        int((is_seen & is_test).sum()),
    )
    beside = tuple(_set_against(one, question, rows, as_is.value) for one in findings)
    return Judged(check, beside)


def _match(classes: Sequence[str], known: Sequence[str]) -> list[int]:
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise BundleError(
            f"the data have the classes {', '.join(map(show_name, classes))}, the model answers "
            f"{', '.join(known)}, and not {show_name(unknown[0])!r}; "
            f"{suggest_renaming(unknown[0], known)}"
        )
    return [list(known).index(name) for name in classes]


def _set_against(
    finding: Finding, question: Question, rows: np.ndarray, model: float | None
) -> Finding:
    """How much of the model's distance from 0.5 a control reaches on the same images."""
    if model is None or finding.shortcut.auroc.value is None or model <= 0.5:
        return finding
    own = measure_macro(
        finding.answers[rows][:, :, None], question.labels[rows][:, :, None], question.folds[rows]
    )[0]
    shortcut = finding.shortcut
    is_near = shortcut.p_value is not None and bool(own >= model - CONTROL_MARGIN)
    told: Shortcut = replace(
        shortcut,
        reach=float((own - 0.5) / (model - 0.5)),
        is_alarming=shortcut.is_alarming or is_near,
    )
    return replace(finding, shortcut=told)
