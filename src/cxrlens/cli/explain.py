"""`cxrlens explain`.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import say, show_json, show_line, show_table
from cxrlens.cli.options import BundleArgument, JsonOption, OutOption


def explain(
    bundle: BundleArgument,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="An image file.")],
    method: Annotated[str, typer.Option(help="How the map is made: cam.")] = "cam",
    target: Annotated[
        str | None,
        typer.Option(help="The class to explain. Default: the one decided for, or the likeliest."),
    ] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where in an image the evidence for a class lies."""
    model = cxr.load(bundle)
    if model.bundle.record.data.is_phantom:
        say(f"note: {cxr.vocabulary.PHANTOM_MODEL}")
    heatmap = model.explain(path, method=method, target=target)
    regions = cxr.explanation.find_regions(heatmap)
    with cxr.training.claim_run_folder(out, "explain") as folder:
        cxr.report.save_overlay(folder / "overlay.png", heatmap, cxr.read_radiograph(path).pixels)
    if not heatmap.is_usable:
        say("warning: this map is the same everywhere or not finite; it says nothing")
    if as_json:
        show_json(
            {
                "overlay": str(folder / "overlay.png"),
                "class_name": heatmap.class_name,
                "method": heatmap.method,
                "grid": cxr.vocabulary.to_plain(heatmap.grid),
                "geometry": cxr.vocabulary.to_plain(heatmap.geometry),
                "regions": cxr.vocabulary.to_plain(regions),
                "notice": cxr.vocabulary.NOT_A_DEVICE,
            }
        )
        return
    if not regions:
        say(f"note: nothing in this image speaks for {heatmap.class_name}: the picture is bare")
    show_line(f"evidence for {heatmap.class_name} by {heatmap.method}: {folder / 'overlay.png'}")
    show_table(
        ["region", "score", "top", "left", "height", "width"],
        [
            [str(n), f"{r.score:.3f}", str(r.top), str(r.left), str(r.height), str(r.width)]
            for n, r in enumerate(regions, start=1)
        ],
    )
    show_line(cxr.vocabulary.NOT_A_DEVICE)
