"""`cxrlens explain-card`.

SPDX-License-Identifier: Apache-2.0
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.map_options import SetOption, read_methods
from cxrlens.cli.options import (
    DEFAULT_STORE_LIMIT,
    ColumnOption,
    DataArgument,
    Engine,
    EngineOption,
    ImagesOption,
    JsonOption,
    MapOption,
    OutOption,
    Precision,
    PrecisionOption,
    StoreLimitOption,
    StoreOption,
    WhereOption,
    cut_names,
    open_store,
    read_data,
)

QUICK = ("cam", "gradcam", "gradcam++", "layercam", "eigencam", "edges")
"""Methods that need one or two passes through the network for an image, and the edges."""


def explain_card(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE",
            help="A model: the `bundle` folder of a training; or the folder of a training with "
            "--folds, whose models then explain the images that they never saw.",
        ),
    ],
    data: DataArgument,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="A method to judge; may be given several times; `all` takes all, which are slow. "
            f"Default: {', '.join(QUICK)}."
        ),
    ] = None,
    settings: SetOption = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="A table of boxes around findings: image, finding, left, top, width, height."
        ),
    ] = None,
    finding: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FINDING=CLASS", help="The class that a finding of --boxes stands for."
        ),
    ] = None,
    lungs: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column of DATA with masks of the lungs. Default: our own lung field.",
        ),
    ] = None,
    other: Annotated[
        list[Path] | None,
        typer.Option(help="The same training with another seed; may be given several times."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Score at most N images.", min=1)
    ] = None,
    checked: Annotated[
        int,
        typer.Option(help="Images on which deletion, forgetting and the like are tried.", min=1),
    ] = 16,
    seed: Annotated[int, typer.Option(help="Of the choice of images.")] = 0,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    store: StoreOption = None,
    store_limit: StoreLimitOption = DEFAULT_STORE_LIMIT,
    out: OutOption = None,
    engine: EngineOption = "torch",
    precision: PrecisionOption = "float32",
    as_json: JsonOption = False,
) -> None:
    """Judge the maps of a model: are they any better than always pointing at the same place?"""
    models = _load(bundle, engine, precision)
    others = [model for path in other or () for model in _load(path, engine, precision)]
    names = list(cxr.explanation.METHODS) if method and "all" in method else method or QUICK
    # A mean mask is made of the masks of these data.
    asked = read_methods([name for name in names if name != "mean-mask"], settings)
    table = read_data(data, images, column, where, mapping, open_store(store, store_limit))
    if boxes is not None:
        table = cxr.data.add_boxes(table, boxes, cut_names(finding, "--finding"))
    options = cxr.model.CardOptions(tuple(asked), lungs, limit, checked, seed)
    with cxr.training.claim_run_folder(out, "explain-card") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            card = cxr.model.make_map_card(models, table, options, others=others, progress=progress)
        title = f"maps of {bundle.name} on {data.name}"
        command = shlex.join(["cxrlens", *sys.argv[1:]])
        page, _ = cxr.report.write_map_card(folder, card, title, command)
    for note in card.notes:
        say(f"note: {note}")
    if as_json:
        facts = cxr.report.gather_card_facts(card, title, command)
        show_json({"folder": str(folder), **facts})
        return
    _show(card)
    show_line(f"card: {page}")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _load(path: Path, engine: Engine, precision: Precision) -> "list[cxr.Model]":
    """A bundle; or all of a training with folds, in order."""
    folds = sorted(path.glob("fold[0-9]*/bundle"), key=lambda one: (len(one.parent.name), one))
    if folds:
        return [cxr.load(fold, engine=engine, precision=precision) for fold in folds]
    has_own = (path / "bundle").is_dir()
    own = path / "bundle" if has_own else path
    return [cxr.load(own, engine=engine, precision=precision)]


def _show(card: "cxr.evaluation.MapCard") -> None:
    if card.methods:
        header = ["class", "method", "n", *(one.name for one in card.methods[0].figures)]
        rows = [
            [one.class_name, one.method, str(one.n_images),
             *(str(figure.estimate) for figure in one.figures)]
            for one in card.methods
        ]  # fmt: skip
        show_table(header, rows)
        show_line("")
        for one in card.methods:
            if verdict := cxr.report.tell_map_verdict(one):
                show_line(f"{one.class_name}, {one.method}: {verdict}")
        show_line("")
    if card.lungs:
        whose = "as drawn" if card.has_true_lungs else "as cxrlens finds them"
        header = [f"heat in the lungs ({whose})", "n", "heat inside", "above the centre's"]
        show_table(
            header,
            [[one.method, str(one.n_images), str(one.heat_inside), str(one.above_centre)]
             for one in card.lungs],
        )  # fmt: skip
        show_line("")
    _show_checks(card.checks)


def _show_checks(checks: "Sequence[cxr.evaluation.MethodCheck]") -> None:
    rows = []
    for one in checks:
        forgotten = one.randomised[-1].correlation.value if one.randomised else None
        rows.append([
            one.method, str(one.n_images), str(one.deletion_gap), str(one.insertion_gap),
            "" if forgotten is None else f"{forgotten:.2f}", str(one.seeds or ""),
            str(one.reruns or ""), f"{one.milliseconds:.0f}",
        ])  # fmt: skip
    header = ["method", "n", "deletion less random's", "insertion less random's",
              "rank correlation, all shuffled", "other seeds", "another run", "ms"]  # fmt: skip
    show_table(header, rows)
    show_line("")
