"""`cxrlens fit-ood`.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line
from cxrlens.cli.options import (
    DEFAULT_STORE_LIMIT,
    EXIT_PARTIAL,
    BundleArgument,
    ColumnOption,
    DataArgument,
    ImagesOption,
    JsonOption,
    MapOption,
    OutOption,
    StoreLimitOption,
    StoreOption,
    WhereOption,
    list_refusals,
    open_store,
    read_data,
)


def fit_ood(
    bundle: BundleArgument,
    data: DataArgument,
    limit: Annotated[
        float,
        typer.Option(help="Share of the usual images that may be called out of distribution."),
    ] = cxr.vocabulary.USUAL_LIMIT,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    store: StoreOption = None,
    store_limit: StoreLimitOption = DEFAULT_STORE_LIMIT,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a model warn of images unlike those it was trained on: a new bundle.

    DATA must hold images that it was trained on, and others. A training does this by itself.
    """
    model = cxr.load(bundle)
    table = read_data(data, images, column, where, mapping, open_store(store, store_limit))
    with cxr.training.claim_run_folder(out, "fit-ood") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            done = cxr.model.run_fit_ood(model, table, folder, limit=limit, progress=progress)
    for note in done.notes:
        say(f"note: {note}")
    list_refusals(done.refusals)
    record, known = done.model.bundle.record, done.record
    if as_json:
        facts = {
            "bundle": str(folder / "bundle"),
            "digest": record.digest,
            "parent": record.parent,
            "familiarity": cxr.vocabulary.to_plain(known),
            "notice": cxr.vocabulary.NOT_A_DEVICE,
        }
        show_json(facts)
    else:
        show_line(
            f"kept the features of {known.n_bank} training images; calibrated on "
            f"{known.n_calibrating} {known.calibrated_on}; an image is out of distribution where "
            f"p is {known.limit:.3g} or less"
        )
        show_line(f"bundle: {folder / 'bundle'}, made from {record.parent}")
        show_line(cxr.vocabulary.NOT_A_DEVICE)
    raise typer.Exit(EXIT_PARTIAL if done.refusals else 0)
