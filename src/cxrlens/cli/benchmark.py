"""`cxrlens benchmark`.

SPDX-License-Identifier: Apache-2.0
"""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.image_files import find_files
from cxrlens.cli.options import JsonOption, OutOption, Precision


def benchmark(
    bundle: Annotated[
        Path | None,
        typer.Argument(metavar="[BUNDLE]", help="A model; default: networks of random weights."),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(help="timm's name of a network; may be given several times."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="A folder of images to measure with. Default: phantoms."),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of OpenVINO's answers. Default: all that the processor has."),
    ] = None,
    megapixels: Annotated[
        float, typer.Option(min=0.05, max=60, help="Size of the JPEG files that are made of them.")
    ] = 2.0,
    files: Annotated[int, typer.Option(min=2, help="How many files.")] = 48,
    repeats: Annotated[int, typer.Option(min=3, help="Turns of each side.")] = 7,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how fast this machine answers, beside its own limit and the reference."""
    if bundle is not None and network:
        raise cxr.vocabulary.InputError("give a BUNDLE or --network, not both")
    sources = [] if images is None else [str(path) for path in find_files([images])]
    if images is not None and not sources:
        raise cxr.vocabulary.InputError(f"no file found in {images}")
    machine = cxr.benchmark.describe_machine()
    precisions = cxr.benchmark.list_precisions() if precision is None else (precision,)
    speeds: list[cxr.benchmark.AnsweringSpeed] = []
    with cxr.training.claim_run_folder(out, "benchmark") as folder:
        say(f"writing to {folder}")
        with tempfile.TemporaryDirectory() as scratch, open_progress() as progress:
            sample = cxr.benchmark.write_sample(Path(scratch), files, megapixels, sources)
            names = [str(bundle)] if bundle else network or list(cxr.benchmark.NETWORKS)
            n_all = len(names) * len(precisions)
            for name in names:
                model = cxr.load(name) if bundle else cxr.benchmark.open_random_model(name)
                shown = model.bundle.record.network.backbone
                for one in precisions:
                    progress.advance("measure", len(speeds), n_all)
                    speeds.append(
                        cxr.benchmark.measure_answering(shown, model, sample, one, repeats=repeats)
                    )
        told = f"{files} grey JPEG files of {megapixels:g} megapixels, " + (
            f"enlarged from {len(sources)} images" if sources else "phantoms"
        )
        report = cxr.benchmark.SpeedReport(machine, told, repeats, tuple(speeds))
        cxr.benchmark.write_speed(folder, report)
    if as_json:
        show_json(
            {"notice": cxr.vocabulary.NOT_A_DEVICE, "report": cxr.vocabulary.to_plain(report)}
        )
        return
    show_line(machine.words)
    show_line(f"{told}; {repeats} turns, medians and quartiles; images a second")
    show_table(*cxr.benchmark.list_speeds(speeds))
    show_line(f"written to {folder}: speed.json, speed.md, speed.png")
    show_line(cxr.vocabulary.NOT_A_DEVICE)
