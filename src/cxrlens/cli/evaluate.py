"""`cxrlens evaluate`.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say
from cxrlens.cli.options import (
    DEFAULT_STORE_LIMIT,
    BundleArgument,
    ByOption,
    ColumnOption,
    DataArgument,
    EngineOption,
    ImagesOption,
    ImagesShownOption,
    JsonOption,
    MapOption,
    OutOption,
    PrecisionOption,
    StoreLimitOption,
    StoreOption,
    WhereOption,
    load_model,
    open_store,
    read_data,
)
from cxrlens.cli.reporting import Wishes, describe_evaluation, show_results, write_results


def evaluate(
    bundle: BundleArgument,
    data: DataArgument,
    split: Annotated[
        str | None, typer.Option(help="Use only this part of the data: train, val or test.")
    ] = None,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    prevalence: Annotated[
        list[str] | None,
        typer.Option(
            "--prevalence",
            metavar="[CLASS=]P",
            help="How common a class is where the model is to be used, e.g. 0.05: what the "
            "predictive values, alerts and net benefit would be there, if sensitivity and "
            "specificity carry over. Without CLASS: of the second of two classes.",
        ),
    ] = None,
    store: StoreOption = None,
    store_limit: StoreLimitOption = DEFAULT_STORE_LIMIT,
    out: OutOption = None,
    by: ByOption = None,
    no_images: ImagesShownOption = False,
    engine: EngineOption = "torch",
    precision: PrecisionOption = "float32",
    as_json: JsonOption = False,
) -> None:
    """Judge a model on labelled images: figures with intervals, curves, the worst mistakes."""
    model = load_model(bundle, engine, precision)
    table = read_data(data, images, column, where, mapping, open_store(store, store_limit))
    cxr.model.choose_columns(table, by)  # what cannot be grouped by is said at once
    wishes = Wishes(by, not no_images, read_prevalence(model, prevalence))
    if split is not None:
        table = table.split(split)
    with cxr.training.claim_run_folder(out, "evaluate") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            examination = cxr.model.examine(model, table, progress=progress)
        report = describe_evaluation(
            model, examination, f"{bundle.parent.name} on {data.name}", wishes
        )
        write_results(folder, report, examination)
    raise typer.Exit(show_results(report, folder, as_json))


def read_prevalence(model: "cxr.Model", given: list[str] | None) -> dict[str, float]:
    """Read how common classes are.

    Args:
        model: for its classes.
        given: every `--prevalence`, as P or CLASS=P.

    Returns:
        The share of each class that was given.

    Raises:
        InputError: if a class is not known, or a share is none.
    """
    classes = model.classes
    is_binary = len(classes) == 2 and not model.bundle.record.is_multilabel
    # of two classes that exclude each other the second is the positive one
    told = classes[1:] if is_binary else classes
    thresholds = model.bundle.record.operating_point.thresholds
    if thresholds:
        told = tuple(one.class_name for one in thresholds)
    found: dict[str, float] = {}
    for text in given or []:
        name, sign, share = text.rpartition("=")
        if not sign and len(told) > 1:
            raise cxr.vocabulary.InputError(
                f"--prevalence {text}: say of which class, such as --prevalence {told[0]}={text}"
            )
        name = name if sign else told[0]
        if name not in told:
            raise cxr.vocabulary.InputError(
                f"--prevalence {text}: {name!r} has no such figure; "
                f"{cxr.vocabulary.suggest(name, told)}"
            )
        found[name] = _read_share(text, share)
    return found


def _read_share(text: str, share: str) -> float:
    try:
        number = float(share)
    except ValueError:
        number = -1.0
    if not 0 < number < 1:
        raise cxr.vocabulary.InputError(
            f"--prevalence {text}: {share!r} does not lie between 0 and 1; give a share, such as "
            "0.05"
        )
    return number
