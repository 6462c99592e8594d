"""Two models answer for the same labelled images, and are compared.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.data import StudyTable, read_table
from cxrlens.evaluation import SMALLEST, Comparison, compare
from cxrlens.inference import PreparedTable, prepare
from cxrlens.model.answering import Model
from cxrlens.model.answers import PathLike
from cxrlens.model.examining import match_classes, tabulate_answers
from cxrlens.vocabulary import (
    PHANTOM_MODEL,
    UNKNOWN_TRAINING,
    BundleError,
    PredictionTable,
    Progress,
    Refusal,
    Silence,
    TableError,
    show_name,
)


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """Two models' figures on the same images, and what was left out of them."""

    comparison: Comparison
    """The figures."""

    n_seen: int
    """Images left out, since one of the models was trained on them or chose its epoch by them."""

    refusals: tuple[Refusal, ...]
    """Files that were left out, and why."""

    notes: tuple[str, ...]
    """What a reader of the figures must know, one sentence each."""


def compare_models(
    first: Model,
    second: Model,
    data: StudyTable | PathLike,
    *,
    smallest: float = SMALLEST,
    seed: int = 0,
    progress: Progress | None = None,
) -> ModelComparison:
    """Compare two models on labelled images that neither has seen.

    Args:
        first: the model that is asked about.
        second: the other; of the same classes, in any order.
        data: a table, or what `read_table` reads.
        smallest: as for `evaluation.compare`.
        seed: of the bootstrap.
        progress: is told of every step.

    Returns:
        The figures of both and their differences.

    Raises:
        BundleError: if the models answer other classes, or the data have others.
        TableError: if nothing is left to compare on.
        InputError: if the smallest difference is none.
    """
    progress = progress or Silence()
    _check_alike(first, second)
    table = data if isinstance(data, StudyTable) else read_table(data)
    notes = [*table.notes, *match_classes(first, table)]
    notes += [one for one in match_classes(second, table) if one not in notes]
    models = (first, second) if first is not second else (first,)
    prepared = [prepare(table, one.bundle.record.preprocessing, progress) for one in models]
    prepared = [prepared[0], prepared[-1]]
    images, n_seen = _find_common(prepared, (first, second))
    answered = [
        _answer(model, one, images, progress)
        for model, one in zip((first, second), prepared, strict=True)
    ]
    if n_seen:
        notes.append(
            f"{n_seen} of {len(prepared[0].table)} images were used to train one of the models "
            "(the same bytes) and are left out for both; other images of the same patients cannot "
            "be recognised"
        )
    records = [one.bundle.record for one in (first, second)]
    if any(one.data.is_phantom for one in records):
        notes.append(PHANTOM_MODEL)
    if not all(one.data.is_known for one in records):
        notes.append(UNKNOWN_TRAINING)
    refusals = {one.image: one for each in prepared for one in each.table.refusals}
    return ModelComparison(
        comparison=compare(answered[0], answered[1], seed=seed, smallest=smallest),
        n_seen=n_seen,
        refusals=tuple(refusals.values()),
        notes=tuple(notes),
    )


def _check_alike(first: Model, second: Model) -> None:
    if set(first.classes) != set(second.classes):
        raise BundleError(
            f"the two models answer other classes: the first {_list(first)}, the second "
            f"{_list(second)}; compare models of the same classes, or their prediction files with "
            "--map"
        )
    kinds = [one.bundle.record.is_multilabel for one in (first, second)]
    if kinds[0] != kinds[1]:
        which = "first" if kinds[0] else "second"
        raise BundleError(
            f"the {which} model decides for each class on its own, the other for one of them; "
            "compare models that answer alike"
        )


def _list(model: Model) -> str:
    return ", ".join(map(show_name, model.classes))


def _find_common(
    prepared: list[PreparedTable], models: tuple[Model, Model]
) -> tuple[set[str], int]:
    """The images that both could read and neither has seen; how many either has seen."""
    seen = {
        name
        for one in prepared
        for name, digest in zip(one.table.images, one.images.digests, strict=True)
        if any(digest in model.bundle.seen for model in models)
    }
    readable = set(prepared[0].table.images) & set(prepared[1].table.images)
    if not readable - seen:
        raise TableError(
            f"all {len(readable)} images were used to train one of the models; compare them on "
            "others"
        )
    return readable - seen, len(readable & seen)


def _answer(
    model: Model, prepared: PreparedTable, images: set[str], progress: Progress
) -> PredictionTable:
    rows = np.array([row for row, one in enumerate(prepared.table.images) if one in images])
    answers = model.answer_rows(prepared, rows, progress)
    return tabulate_answers(prepared, rows, answers, np.zeros(len(rows), dtype=np.int64))
