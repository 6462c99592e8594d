"""`cxrlens import`.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import say, show_json, show_line, show_table
from cxrlens.cli.options import JsonOption, OutOption


def import_(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT",
            help="What a notebook saved: a state dict, or a dictionary of tensors and plain "
            "values that holds one.",
        ),
    ],
    arch: Annotated[
        str | None,
        typer.Option(
            help="torchvision's or timm's name of the network, e.g. resnet34. Default: the "
            "checkpoint's `arch`."
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="The classes in the order of the outputs. Default: the checkpoint's "
            "`class_to_idx`.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|HxW",
            help="The input in pixels. Default: the checkpoint's `input_size`, or 299 for "
            "inception_v3 and 224 for all others.",
        ),
    ] = None,
    fit: Annotated[
        str, typer.Option(help="How an image was fitted into the input: stretch or crop.")
    ] = "stretch",
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="R,G,B",
            help="Mean that images were normalised by, one number a channel or one for all. "
            "Default: ImageNet's.",
        ),
    ] = None,
    std: Annotated[
        str | None, typer.Option(metavar="R,G,B", help="The standard deviation, likewise.")
    ] = None,
    head_activation: Annotated[
        str, typer.Option(help="What stands between the linear layers of the head: relu or none.")
    ] = "relu",
    transform_input: Annotated[
        bool,
        typer.Option(
            "--transform-input",
            help="torchvision's inception_v3 normalised its input once more, as it does where it "
            "was built with pretrained weights.",
        ),
    ] = False,
    multilabel: Annotated[
        bool,
        typer.Option("--multilabel", help="Each output has a sigmoid of its own, no softmax."),
    ] = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model of what a notebook saved; its answers are those of the notebook's network."""
    settings = cxr.network.ImportSettings(
        size=_read_size(size),
        fit=fit,
        mean=_read_numbers("--mean", mean),
        std=_read_numbers("--std", std),
        head_activation=head_activation,
        transform_input=transform_input,
        is_multilabel=multilabel,
    )
    names = None if classes is None else [name.strip() for name in classes.split(",")]
    with cxr.training.claim_run_folder(out, "import") as folder:
        imported = cxr.model.run_import(
            checkpoint, folder, arch=arch, classes=names, settings=settings
        )
    for assumption in imported.assumptions:
        say(f"note: {assumption}")
    say(f"note: {cxr.vocabulary.UNKNOWN_TRAINING}")
    _show(imported, folder, as_json)


def _show(imported: "cxr.model.Import", folder: Path, as_json: bool) -> None:
    record = imported.model.bundle.record
    if as_json:
        show_json(
            {
                "bundle": str(folder / "bundle"),
                "digest": record.digest,
                "classes": list(record.classes),
                "network": cxr.vocabulary.to_plain(record.network),
                "preprocessing": cxr.vocabulary.to_plain(record.preprocessing),
                "weights": record.initial_weights,
                "assumptions": list(imported.assumptions),
                "notice": cxr.vocabulary.NOT_A_DEVICE,
            }
        )
        return
    size = record.preprocessing
    rows = [
        ["classes", ", ".join(record.classes)],
        ["network", record.network.backbone],
        ["hidden layers", ", ".join(map(str, record.network.hidden)) or "none"],
        ["input", f"{size.height} x {size.width} pixels, {size.fit}"],
        ["weights", record.initial_weights],
        ["checked", "same logits as the original network, on an image of noise"],
    ]
    show_table(["imported", ""], rows)
    show_line(f"bundle: {folder / 'bundle'}")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _read_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, *more = text.lower().split("x", 1)
    try:
        return int(height), int(more[0] if more else height)
    except ValueError as error:
        raise cxr.vocabulary.InputError(
            f"--size {text!r} is neither a number of pixels nor HEIGHTxWIDTH, such as 224 or "
            "256x224"
        ) from error


def _read_numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise cxr.vocabulary.InputError(
            f"{option} {text!r} is no list of numbers, such as 0.5 or 0.485,0.456,0.406"
        ) from error
