"""`cxrlens audit`.

SPDX-License-Identifier: Apache-2.0
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.options import (
    EXIT_GATE,
    EXIT_PARTIAL,
    ColumnOption,
    DataArgument,
    ImagesOption,
    JsonOption,
    MapOption,
    OutOption,
    WhereOption,
    list_refusals,
    read_data,
)

MAX_SHOWN = 10
"""Repeats and doubtful labels that are listed in the terminal."""

_WORDS = {True: "passed", False: "NOT PASSED", None: "not tested"}


def audit(
    data: DataArgument,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="A model, to be judged beside the controls."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|imagenet",
            help="Weights of the recipes' backbone, by whose features labels and --cost are "
            "judged. Default: the backbone of --bundle, else plain pixel features.",
        ),
    ] = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Say what leaks between patients are worth in AUROC.")
    ] = False,
    collection: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A public collection that the images come from."),
    ] = None,
    trained_on: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Public data or weights that the model comes from."),
    ] = None,
    resplit: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write a split by patient and repeat to this new folder."),
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Leave the pictures out of the page.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of folds, shuffles and the new split.")] = 0,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask whether a data set, or a model, is fooling you: repeats, leaks, shortcuts, labels."""
    table = read_data(data, images, column, where, mapping)
    model = None if bundle is None else cxr.load(bundle)
    options = cxr.audit.AuditOptions(
        title=f"audit of {data.name}",
        command=shlex.join(["cxrlens", *sys.argv[1:]]),
        seed=seed,
        weights=weights,
        with_cost=cost,
        collections=tuple(collection or ()),
        trained_on=tuple(trained_on or ()),
    )
    with cxr.training.claim_run_folder(out, "audit") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            audited = cxr.audit.run_audit(table, options, model=model, progress=progress)
        cxr.report.write_audit(folder, audited.audit, None if no_images else audited.root)
    if resplit is not None:
        cxr.audit.write_resplit(audited, resplit, seed=seed)
    found = audited.audit
    for note in found.notes:
        say(f"note: {note}")
    list_refusals(found.refusals)
    if as_json:
        show_json({"folder": str(folder), **cxr.report.gather_audit_facts(found)})
    else:
        _show(found)
        if resplit is not None:
            show_line(f"new split: {resplit}")
        show_line(f"report: {folder / 'audit.html'}")
        show_line(cxr.vocabulary.NOT_A_DEVICE)
    raise typer.Exit(_choose_code(found))


def _choose_code(found: "cxr.vocabulary.Audit") -> int:
    if not found.is_passed:
        return EXIT_GATE
    return EXIT_PARTIAL if found.refusals else 0


def _show(found: "cxr.vocabulary.Audit") -> None:
    show_line(
        f"{found.n_images} images of {found.n_patients} known patients; "
        f"{found.n_unknown_patients} of unknown ones"
    )
    show_line("")
    rows = [[gate.name, _WORDS[gate.is_passed], gate.told] for gate in found.gates]
    show_table(["gate", "", "found"], rows)
    for gate in found.gates:
        if gate.is_passed is False:
            show_line(f"remedy for {gate.name}: {gate.remedy}")
    show_line("")
    _show_controls(found)
    _show_model(found)
    if found.cost is not None:
        show_line(f"leaks between patients are worth at least {found.cost.difference} in AUROC")
        show_line("")
    _show_lists(found)
    for sentence in found.untested:
        show_line(f"not tested: {sentence}")


def _show_controls(found: "cxr.vocabulary.Audit") -> None:
    rows = []
    for one in (*found.shortcuts, *found.baselines):
        chance = "beside the family" if one.p_value is None else f"{one.p_value:.3f}"
        reach = "" if one.reach is None else f"{one.reach:.0%}"
        rows.append([one.name, str(one.auroc), chance, reach, "ALARM" if one.is_alarming else ""])
    if rows:
        header = ["seen alone", "macro AUROC (95 %)", "p, whole family", "of the model", ""]
        show_table(header, rows)
        show_line("")


def _show_model(found: "cxr.vocabulary.Audit") -> None:
    if found.model is not None:
        rows = [
            ["as they are", str(found.model.auroc)],
            ["lungs blacked out", str(found.model.blacked_out)],
        ]
        show_table([f"model on {found.model.n_images} images", "macro AUROC (95 %)"], rows)
        show_line("")


def _show_lists(found: "cxr.vocabulary.Audit") -> None:
    for group in found.repeats[:MAX_SHOWN]:
        names = ", ".join(f"{cxr.vocabulary.show_name(name)}" for name in group.images)
        show_line(f"repeat ({group.kind}, {group.correlation:.2f}): {names}")
    if len(found.repeats) > MAX_SHOWN:
        show_line(f"{len(found.repeats)} groups of repeats in all; the report has the rest")
    for one in found.suspects[:MAX_SHOWN]:
        name = cxr.vocabulary.show_name(one.image)
        show_line(f"doubtful label: {name}: {one.label}, likelier {one.likelier} ({one.doubt:.2f})")
    if len(found.suspects) > MAX_SHOWN:
        show_line(f"{len(found.suspects)} doubtful labels in all; the report has more")
    for odd in found.odd:
        show_line(f"odd ({odd.reason}): {odd.n_images} images")
    for kin in found.lineage:
        mark = " (from memory, not checked)" if kin.is_from_memory else ""
        show_line(f"lineage: {kin.subject} {kin.relation} {kin.object}{mark}")
