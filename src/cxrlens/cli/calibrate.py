"""`cxrlens calibrate`.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
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
from cxrlens.cli.reporting import list_calibration, list_flags


def calibrate(
    bundle: BundleArgument,
    data: DataArgument,
    method: Annotated[
        Literal["temperature", "vector"] | None,
        typer.Option(
            help="One scale for all classes, or a scale and an offset each. Default: what the "
            "cases are enough for."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Choose thresholds: youden, f1, 'sensitivity>=0.95', 'specificity>=0.9' or "
            "'cost(fn=5,fp=1)'. Default: the largest probability, or each from 0.5, decides.",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Use only this part of the data: train, val or test.")
    ] = None,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    store: StoreOption = None,
    store_limit: StoreLimitOption = DEFAULT_STORE_LIMIT,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a model's probabilities and thresholds to a site's own labelled images: a new bundle."""
    wanted = None if rule is None else cxr.evaluation.read_rule(rule)
    model = cxr.load(bundle)
    table = read_data(data, images, column, where, mapping, open_store(store, store_limit))
    if split is not None:
        table = table.split(split)
    with cxr.training.claim_run_folder(out, "calibrate") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            done = cxr.model.run_calibration(
                model, table, folder, method=method, rule=wanted, progress=progress
            )
    for note in done.notes:
        say(f"note: {note}")
    list_refusals(done.refusals)
    _show(done, folder, as_json)
    raise typer.Exit(EXIT_PARTIAL if done.refusals else 0)


def _show(done: "cxr.model.SiteCalibration", folder: Path, as_json: bool) -> None:
    record = done.model.bundle.record
    if as_json:
        facts = {
            "bundle": str(folder / "bundle"),
            "digest": record.digest,
            "parent": record.parent,
            "calibration": record.calibration,
            "operating_point": record.operating_point,
            "cross_fitted": done.calibration,
            "cross_fitted_operating": done.operating,
            "how_sure": _tell_how_sure(done),
            "notice": cxr.vocabulary.NOT_A_DEVICE,
        }
        show_json({name: cxr.vocabulary.to_plain(value) for name, value in facts.items()})
        return
    report = done.calibration
    counts = f"{report.n_images} images, {report.n_patients} patients"
    show_line(f"{report.method} ({counts}; 95 % intervals):")
    rows = list_calibration(report)
    rows += [] if done.operating is None else list_flags(done.operating)
    show_table(["figure", "value"], rows)
    for sentence in _tell_how_sure(done):
        show_line(sentence)
    show_line(f"bundle: {folder / 'bundle'}, made from {record.parent}")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _tell_how_sure(done: "cxr.model.SiteCalibration") -> list[str]:
    """How much so few local cases can say of the sensitivity."""
    told = []
    fewest = cxr.evaluation.FEWEST_TO_CERTIFY
    rule = done.model.bundle.record.operating_point.threshold_rule
    for one in done.operating.per_class if done.operating else ():
        name = cxr.vocabulary.show_name(one.class_name)
        if one.n_positive_patients < fewest:
            told.append(
                f"{name}: {one.n_positive_patients} patients with it; fewer than {fewest} cannot "
                "rule out a miss rate of 5 %, even if all are found: no automation on these alone"
            )
        if one.more_positives:
            told.append(
                f"{name}: if the sensitivity stays as it is, about {one.more_positives} more "
                "positives are needed until its interval lies above what the rule asks for"
            )
        elif one.more_positives is None and rule.startswith("sensitivity"):
            told.append(
                f"{name}: on cases that did not choose the threshold the sensitivity is not above "
                "what the rule asks for"
            )
    return told
