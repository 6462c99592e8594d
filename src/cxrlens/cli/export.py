"""`cxrlens export`.

SPDX-License-Identifier: Apache-2.0
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.image_files import find_files
from cxrlens.cli.options import (
    EXIT_GATE,
    EXIT_PARTIAL,
    BundleArgument,
    JsonOption,
    OutOption,
    list_refusals,
)


class Format(StrEnum):
    """What a model can leave as."""

    onnx = "onnx"
    openvino = "openvino"


def export(
    bundle: BundleArgument,
    format_: Annotated[
        Format,
        typer.Option(
            "--format", help="`onnx`: one file; `openvino`: OpenVINO's pair of files (IR)."
        ),
    ] = Format.onnx,
    check: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Images, or a folder of them, that the exported model must answer for as the "
            "bundle does: logits, maps and decisions; may be given several times. So must what "
            "`quantise` made of the bundle, where that is there. Exit code 4 where one does not.",
        ),
    ] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a model as one graph: a grey image of any size in, probabilities and maps out."""
    model = cxr.load(bundle)
    files = [str(path) for path in find_files(check)] if check else []
    if check and not files:
        raise cxr.vocabulary.InputError(f"no file found in {', '.join(map(str, check))}")
    int8 = _load_int8(bundle) if files else None
    with cxr.training.claim_run_folder(out, "export") as folder:
        say(f"writing to {folder}")
        path = cxr.export.export_bundle(model.bundle, folder, format_.value)
        checked = None
        if files:
            runtimes: list[cxr.export.Runtime] = ["openvino"]
            if format_ is Format.onnx:
                runtimes = ["onnxruntime", "openvino"]
            with open_progress() as progress:
                checked = cxr.export.check_export(model, path, files, runtimes, progress, int8)
    if checked is not None:
        list_refusals(checked.refusals)
    _show(model, path, checked, as_json)
    if checked is not None and not checked.has_passed:
        raise typer.Exit(EXIT_GATE)
    raise typer.Exit(EXIT_PARTIAL if checked is not None and checked.refusals else 0)


def _load_int8(bundle: Path) -> "cxr.Model | None":
    if not cxr.inference.place_quantised(bundle).exists():
        return None
    try:
        return cxr.load(bundle, engine="openvino", precision="int8")
    except cxr.vocabulary.BundleError as error:
        say(f"note: without int8, since {error}")
        return None


def _show(
    model: "cxr.Model", path: Path, checked: "cxr.export.ExportCheck | None", as_json: bool
) -> None:
    if as_json:
        facts = {
            "file": str(path),
            "bundle": model.bundle.record.digest,
            "check": None if checked is None else cxr.vocabulary.to_plain(checked.parities),
            "has_passed": None if checked is None else checked.has_passed,
            "notice": cxr.vocabulary.NOT_A_DEVICE,
        }
        show_json(facts)
        return
    if checked is not None:
        header = ["runtime", "images", "same decisions", "logits", "probabilities", "maps", ""]
        show_table(header, [_list_cells(parity) for parity in checked.parities])
        show_line(
            "largest differences from the bundle's own answers; of maps as a share of the largest "
            f"value; passed are the same decisions, probabilities within "
            f"{cxr.export.MAX_PROBABILITY_GAP:g} and maps within {cxr.export.MAX_MAP_GAP:g}; "
            f"int8, the bundle's own fast double, with {cxr.inference.MIN_ALIKE:.1%} of the "
            "decisions"
        )
    show_line(f"written: {path}")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _list_cells(parity: "cxr.export.Parity") -> list[str]:
    gaps = (parity.logit_gap, parity.probability_gap, parity.map_gap)
    return [
        parity.runtime,
        str(parity.n_images),
        f"{parity.n_decided_alike} of {parity.n_images}",
        *(f"{gap:.1e}" for gap in gaps),
        "passed" if parity.has_passed else "NOT PASSED",
    ]
