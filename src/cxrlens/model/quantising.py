"""A model gets a fast double in 8-bit numbers, which is kept only if it answers alike.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrlens.data import StudyTable, read_table
from cxrlens.inference import (
    EngineOutput,
    OpenVinoEngine,
    PreparedTable,
    QuantisationCheck,
    QuantisedRecord,
    TorchEngine,
    check_place,
    keep_quantised,
    openvino,
    prepare,
    quantise_network,
)
from cxrlens.model.answering import Model
from cxrlens.model.answers import PathLike
from cxrlens.model.examining import match_classes, tabulate_answers
from cxrlens.vocabulary import (
    InputError,
    Prediction,
    PredictionTable,
    Progress,
    Refusal,
    Silence,
    TableError,
)

FEWEST_CHECKED = 100
"""Images; with fewer a share of 99.5 % cannot be told."""

SAMPLE = 128
"""Images by which scales are set, where nobody says otherwise."""


@dataclass(frozen=True)
class Quantisation:
    """What quantising a model came to."""

    record: QuantisedRecord
    """What was written into the folder, beside the network."""

    refusals: tuple[Refusal, ...]
    """Images that could not be read."""


def quantise(
    model: Model,
    data: StudyTable | PathLike,
    folder: Path,
    *,
    n_sample: int = SAMPLE,
    seed: int = 0,
    progress: Progress | None = None,
) -> Quantisation:
    """Quantise a model's network, check it on other images, and keep it if it answers alike.

    The scales are set by images that the model was trained on, as far as they are among the data,
    else by others drawn by chance; it is checked on images that neither trained the model nor set
    the scales.

    Args:
        model: any; PyTorch's answers in float32 are what it is held against.
        data: a table, or what `read_table` reads; labels are used for the AUROC where known.
        folder: as `place_quantised` names it; an older one is replaced.
        n_sample: images that set the scales.
        seed: of the draw.
        progress: is told of every step.

    Returns:
        What was written, and which images were not used.

    Raises:
        TableError: if fewer than 100 images are left to check on.
        BundleError: if the data have other classes.
        InputError: if the check fails: then nothing is written.
        OutputError: if the folder cannot be written, or something else is there.
    """
    progress = progress or Silence()
    check_place(folder)
    # On the processor, where it will run; an engine moves its network.
    model = Model(model.bundle, TorchEngine(model.bundle.network, "cpu"))
    table = data if isinstance(data, StudyTable) else read_table(data)
    match_classes(model, table)
    prepared = prepare(table, model.bundle.record.preprocessing, progress)
    sample, rows = _divide(model, prepared, n_sample, seed)
    record = model.bundle.record
    size = (record.preprocessing.height, record.preprocessing.width)
    pixels = prepared.images.pixels[sample].astype(np.float32) / 65535
    progress.advance("quantise", 0, 1)
    network = quantise_network(model.bundle.network, size, pixels)
    progress.advance("quantise", 1, 1)
    engine = OpenVinoEngine(model.bundle.network, size, "int8", quantised=network)
    check = _check(
        prepared,
        rows,
        model.answer_rows(prepared, rows, progress),
        Model(model.bundle, engine).answer_rows(prepared, rows, progress),
    )
    if check.fault is not None:
        raise InputError(
            f"the int8 network does not answer as the model does: {check.fault}; nothing is "
            "written: take bfloat16, or more images for --sample"
        )
    done = QuantisedRecord(
        record.digest, network.digests, len(sample), check, openvino.__version__,
        EngineOutput._fields,
    )  # fmt: skip
    keep_quantised(network, done, folder)
    return Quantisation(done, prepared.table.refusals)


def _divide(
    model: Model, prepared: PreparedTable, n_sample: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the rows that set the scales and those that are checked."""
    chance = np.random.default_rng(seed)
    seen = np.array([one in model.bundle.seen for one in prepared.images.digests])
    order = np.concatenate(
        [chance.permutation(np.flatnonzero(seen)), chance.permutation(np.flatnonzero(~seen))]
    )
    sample, rest = order[:n_sample], np.sort(order[n_sample:])
    used = {prepared.images.digests[row] for row in order[:n_sample].tolist()}
    is_other = np.array([one not in used for one in prepared.images.digests])
    rows = rest[~seen[rest] & is_other[rest]]
    if len(rows) < FEWEST_CHECKED:
        raise TableError(
            f"{len(rows)} images are left to check on, fewer than {FEWEST_CHECKED}: of "
            f"{len(seen)}, {int(seen.sum())} trained the model and {len(sample)} set the scales; "
            "give more images"
        )
    return np.sort(sample), rows


def _check(
    prepared: PreparedTable,
    rows: np.ndarray,
    exact: tuple[Prediction, ...],
    fast: tuple[Prediction, ...],
) -> QuantisationCheck:
    gaps, correlations, n_alike = [], [], 0
    for one, other in zip(exact, fast, strict=True):
        n_alike += (one.decisions, one.flagged) == (other.decisions, other.flagged)
        gaps.append(np.abs(np.array(one.deciding) - np.array(other.deciding)).max())
        index = one.classes.index(str(one.leading))
        pair = [answer.heatmaps[index].grid.ravel() for answer in (one, other)]
        correlations.append(np.corrcoef(pair)[0, 1] if all(np.ptp(p) > 0 for p in pair) else 0.0)
    folds = np.zeros(len(rows), dtype=np.int64)
    tables = [tabulate_answers(prepared, rows, answers, folds) for answers in (exact, fast)]
    middle, most, largest = np.quantile(gaps, [0.5, 0.99, 1.0])
    return QuantisationCheck(
        n_images=len(rows),
        n_alike=n_alike,
        probability_gaps=(float(middle), float(most), float(largest)),
        map_correlation=float(np.median(correlations)),
        auroc_gap=compare_aurocs(*tables),
    )


def compare_aurocs(exact: PredictionTable, fast: PredictionTable) -> float | None:
    """Give the largest change of a class's AUROC.

    Args:
        exact: one model's answers.
        fast: another's, for the same images.

    Returns:
        |difference|; None where no class has images with it and images without it.
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 (slow)

    gaps = []
    for index in range(len(exact.classes)):
        known = exact.known_labels[:, index]
        is_known = ~np.isnan(known)
        if len(np.unique(known[is_known])) == 2:
            ours, theirs = (
                roc_auc_score(known[is_known], table.probabilities[is_known, index])
                for table in (exact, fast)
            )
            gaps.append(abs(float(ours) - float(theirs)))
    return max(gaps, default=None)
