"""A bundle learns which images are unlike those that it was trained on.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cxrlens.data import StudyTable, read_table
from cxrlens.inference import (
    Bundle,
    FamiliarityRecord,
    FamiliarRows,
    PreparedTable,
    check_limit,
    draw_familiar_rows,
    familiarise,
    prepare,
    save_bundle,
)
from cxrlens.model.answering import Model
from cxrlens.model.answers import PathLike
from cxrlens.training import BUNDLE_FOLDER, claim_run_folder
from cxrlens.vocabulary import (
    USUAL_LIMIT,
    Progress,
    Provenance,
    Refusal,
    Silence,
    TableError,
)


@dataclass(frozen=True, eq=False)
class Familiarised:
    """A model that knows what is unlike its training images."""

    model: Model
    """With its bundle, as saved."""

    record: FamiliarityRecord
    """What it goes by."""

    refusals: tuple[Refusal, ...]
    """Files that were left out, and why."""

    notes: tuple[str, ...]
    """What must be known of it, one sentence each."""


def fit_ood(
    model: Model,
    data: StudyTable | PathLike,
    *,
    limit: float = USUAL_LIMIT,
    out: PathLike | None = None,
) -> Model:
    """Give a model statistics of its training images, and save it as a new bundle.

    Where the table has a split, its `train` images are what is familiar, as far as the bundle
    names them among its own, and its `val` images calibrate. Else the images that the bundle names
    are what is familiar, and the others calibrate.

    Args:
        model: any; its weights stay as they are, to the bit.
        data: a table, or what `read_table` reads; labels are not looked at.
        limit: as for `inference.fit_familiarity`.
        out: the run folder; None counts up `runs/fit-ood`, `runs/fit-ood2`, …

    Returns:
        The new model.

    Raises:
        TableError: if there are too few images of either kind.
        InputError: if the network's features are not finite, or the limit is not in (0, 1).
        OutputError: if the run folder is in use, not empty, or cannot be written.
    """
    table = data if isinstance(data, StudyTable) else read_table(data)
    with claim_run_folder(None if out is None else Path(out), "fit-ood") as folder:
        return run_fit_ood(model, table, folder, limit=limit).model


def run_fit_ood(
    model: Model,
    table: StudyTable,
    folder: Path,
    *,
    limit: float = USUAL_LIMIT,
    progress: Progress | None = None,
) -> Familiarised:
    """Give a model statistics of its training images, into a claimed folder.

    Args:
        model: as for `fit_ood`, which raises what this raises.
        table: as for `fit_ood`.
        folder: gets `bundle`.
        limit: as for `fit_ood`.
        progress: is told of every step.
    """
    check_limit(limit)
    progress = progress or Silence()
    bundle = model.bundle
    prepared = prepare(table, bundle.record.preprocessing, progress)
    all_rows, notes = _divide(prepared, bundle)
    rows = draw_familiar_rows(prepared, all_rows, seed=0)
    known = familiarise(bundle.network, prepared, rows, progress, limit)
    record = replace(bundle.record, parent=bundle.record.digest, provenance=Provenance())
    used = {prepared.images.digests[row] for row in rows.calibrating.tolist()}
    new = replace(bundle, record=record, seen=bundle.seen | used, familiarity=known)
    saved = save_bundle(new, folder / BUNDLE_FOLDER)
    if known.record.limit > limit:
        notes.append(
            f"{known.record.n_calibrating} images cannot give a p-value of {limit:g}: the smallest "
            f"that they can, {known.record.limit:.3g}, is the limit; so many of the usual images "
            "will be called out of distribution"
        )
    kept = prepared.table
    return Familiarised(Model(saved), known.record, kept.refusals, (*kept.notes, *notes))


def _divide(prepared: PreparedTable, bundle: Bundle) -> tuple[FamiliarRows, list[str]]:
    """Tell the images that trained a model from others, and note what is taken on trust."""
    split = prepared.table.frame["split"].to_numpy()
    is_seen = np.array([one in bundle.seen for one in prepared.images.digests])
    notes = []
    if (split == "train").any():
        is_bank = split == "train"
        if bundle.record.data.is_known:
            is_bank &= is_seen
        is_other, words = split == "val", "validation images"
        notes.append(
            "which images trained the model and which validated it is taken from the data's own "
            "split: with another split than that of its training the limit means nothing"
        )
    else:
        is_bank, is_other, words = is_seen, ~is_seen, "images that it was not trained on"
    if not is_bank.any():
        raise TableError(
            f"none of the {len(is_seen)} images is known to have trained this model (their SHA-256 "
            "are compared with its training-files.txt): give the images that it was trained on"
        )
    return FamiliarRows(np.flatnonzero(is_bank), np.flatnonzero(is_other), words), notes
