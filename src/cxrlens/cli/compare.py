"""`cxrlens compare`.

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
from cxrlens.cli.options import (
    DEFAULT_STORE_LIMIT,
    EXIT_PARTIAL,
    ColumnOption,
    ImagesOption,
    JsonOption,
    StoreLimitOption,
    StoreOption,
    WhereOption,
    cut_names,
    list_refusals,
    open_store,
    read_data,
)


def compare(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="A",
            help="A model (the `bundle` folder of a training), a file of predictions (CSV, "
            "Parquet, JSON lines), or a run folder with predictions.",
        ),
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="Likewise, for the same images.")],
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="Labelled images. Needed for models; for files of predictions only where they do "
            "not name truths or patients themselves.",
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(help="The smallest difference that would matter to you. Default: 0.02."),
    ] = None,
    common: Annotated[
        bool,
        typer.Option(
            "--common", help="Of files of predictions, leave out images that only one answers for."
        ),
    ] = False,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OLD=NEW", help="Rename a class of the data, or of a prediction file."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
    store: StoreOption = None,
    store_limit: StoreLimitOption = DEFAULT_STORE_LIMIT,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for comparison.json and comparison.html. Default: none is written.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two models on the same images: differences with intervals, tests, cases needed."""
    smallest = cxr.evaluation.SMALLEST if difference is None else difference
    for path in (first, second):
        if not path.exists():
            raise cxr.vocabulary.InputError(
                f"there is no {str(path)!r}; give a model, a file of predictions, or a run folder"
            )
    are_models = [_is_bundle(path) for path in (first, second)]
    if are_models[0] != are_models[1]:
        kinds = ["a model" if is_model else "a file of predictions" for is_model in are_models]
        raise cxr.vocabulary.InputError(
            f"A is {kinds[0]}, B {kinds[1]}: give two of a kind (`cxrlens evaluate BUNDLE DATA` "
            "writes the predictions of a model)"
        )
    if all(are_models):
        if data is None:
            raise cxr.vocabulary.InputError("two models are compared on DATA: give it after B")
        models = cxr.load(first), cxr.load(second)
        table = read_data(data, images, column, where, mapping, open_store(store, store_limit))
        with open_progress() as progress:
            made = cxr.model.compare_models(
                *models, table, smallest=smallest, seed=seed, progress=progress
            )
        comparison, notes, refusals = made.comparison, made.notes, made.refusals
    else:
        known = None if data is None else read_data(data, images, column, where, None)
        pair = _read_pair((first, second), known, cut_names(mapping), common)
        comparison = cxr.evaluation.compare(pair.first, pair.second, seed=seed, smallest=smallest)
        notes, refusals = pair.notes, ()
    report = cxr.report.ComparisonReport(
        comparison,
        str(first),
        str(second),
        None if data is None else str(data),
        shlex.join(["cxrlens", *sys.argv[1:]]),
        notes,
    )
    _give(report, refusals, out, as_json)
    raise typer.Exit(EXIT_PARTIAL if refusals else 0)


def _is_bundle(path: Path) -> bool:
    return (path / "bundle.json").exists()


def _read_pair(
    paths: tuple[Path, Path],
    table: "cxr.StudyTable | None",
    names: dict[str, str],
    common: bool,
) -> "cxr.report.AnswerPair":
    answers = [cxr.report.read_answers(path, names) for path in paths]
    known = {name for one in answers for name in one.table.classes}
    for old, new in names.items():
        if new not in known:
            raise cxr.vocabulary.InputError(
                f"--map {old}={new}: neither file answers for {old!r}; "
                f"{cxr.vocabulary.suggest(old, known)}"
            )
    if table is not None:
        for note in table.notes:
            say(f"note: {note}")
        answers = [cxr.report.join_study(one, table, names) for one in answers]
    return cxr.report.pair_answers(answers[0], answers[1], common=common)


def _give(
    report: "cxr.report.ComparisonReport",
    refusals: "Sequence[cxr.vocabulary.Refusal]",
    out: Path | None,
    as_json: bool,
) -> None:
    for note in report.notes:
        say(f"note: {note}")
    list_refusals(refusals)
    page = None
    if out is not None:
        with cxr.training.claim_run_folder(out, "compare") as folder:
            _, page = cxr.report.write_comparison(folder, report)
    if as_json:
        show_json(cxr.report.gather_comparison(report))
        return
    _show(report)
    if page is not None:
        show_line(f"page: {page}")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _show(report: "cxr.report.ComparisonReport") -> None:
    made = report.comparison
    show_line(f"A: {report.first}")
    show_line(f"B: {report.second}")
    show_line(f"{made.n_images} images, {made.n_patients} patients; 95 % intervals by patient")
    if made.n_unlabelled:
        show_line(f"{made.n_unlabelled} images without a known truth are left out")
    if made.n_unknown_patients:
        show_line(
            f"of {made.n_unknown_patients} images the patient is not known: each counts as one"
        )
    show_line("")
    for verdict in report.verdicts:
        show_line(verdict)
    show_line("")
    is_adjusted = any(one.adjusted_p_value is not None for one in made.told)
    header = ["figure", "A", "B", "A - B", "by bootstrap", "p"]
    show_table(
        [*header, "p (Holm)"] if is_adjusted else header,
        [_list_cells(one, is_adjusted) for one in made.told],
    )
    show_line(f"({report.adjustment})")
    _show_decisions(made)
    _show_cases(made)


def _list_cells(one: "cxr.evaluation.PairedFigure", is_adjusted: bool) -> list[str]:
    ends = "-" if one.bootstrap is None else f"{one.bootstrap[0]:+.3f} to {one.bootstrap[1]:+.3f}"
    cells = [one.label, str(one.first), str(one.second), _tell_difference(one), ends]
    cells.append(_tell_p(one.p_value))
    return [*cells, _tell_p(one.adjusted_p_value)] if is_adjusted else cells


def _tell_difference(one: "cxr.evaluation.PairedFigure") -> str:
    estimate = one.difference.estimate
    if estimate.value is None:
        return "not defined"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.3f} (too few)"
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def _tell_p(p_value: float | None) -> str:
    return cxr.report.tell_p(p_value).removeprefix("p = ").removeprefix("p ").replace("–", "-")


def _show_decisions(made: "cxr.evaluation.Comparison") -> None:
    rows = [
        [one.label, *map(str, (its.only_first, its.only_second, its.both, its.neither)),
         str(its.n_moved), _tell_p(its.p_value)]
        for one in made.told
        if (its := one.discordance) is not None
    ]  # fmt: skip
    if not rows:
        return
    methods = {one.discordance.method for one in made.told if one.discordance is not None}
    show_line("")
    show_line(f"images by which model is right ({', or '.join(sorted(methods))}):")
    header = ["figure", "only A", "only B", "both", "neither", "patients that tell", "p"]
    show_table(header, rows)


def _show_cases(made: "cxr.evaluation.Comparison") -> None:
    show_line("")
    show_line(
        "patients of this mix of classes that it takes to find a true difference with 80 % power "
        "(two-sided 5 %):"
    )
    show_table(
        ["figure", f"of {made.smallest:g}", "as large as seen (a poor guess of the true one)"],
        [
            [one.label, *(_tell_cases(its, made) for its in (one.needed, one.needed_as_seen))]
            for one in made.told
        ],
    )


def _tell_cases(
    needed: "cxr.evaluation.CasesNeeded | None", made: "cxr.evaluation.Comparison"
) -> str:
    if needed is None:
        return "-"
    if needed.patients < made.n_patients:
        return "fewer than here"
    return f"{needed.patients:,} ({needed.images:,} images)"
