"""Prints what finished runs of `cxrlens train --folds` came to, side by side, as Markdown.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/recipe_figures.py RUN… [--table DATA …]. A run's `predictions.jsonl` is all
that the figures come from. Runs written before patients, folds and sources stood in it get the
first two from their folds' `split.csv`; sources, views and sizes come from the tables of
`--table` (a manifest, or whatever `read_table` reads), matched by the ends of the images' paths.
The recipe that the others are set against is `--reference`, `default` if not given.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

import cxrlens as cxr
from cxrlens.evaluation import (
    Control,
    Evaluation,
    compare,
    judge,
    judge_category_control,
    judge_control,
    stratify,
)
from cxrlens.report import read_predictions
from cxrlens.vocabulary import NOT_A_DEVICE, Estimate, PredictionTable

Facts = dict[str, object]
"""One line of a file of predictions, or what is known of an image beside it."""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run."""

    name: str
    recipe: Mapping[str, Any]
    metrics: Mapping[str, Any]
    seconds: float
    table: PredictionTable
    sources: tuple[str | None, ...]
    known: tuple[Facts, ...]
    """What `--table` says of each image: source, view and the path of the file."""

    evaluation: Evaluation

    @property
    def within(self) -> PredictionTable:
        """Scores compared inside one source only."""
        return stratify(self.table, self.sources)

    @property
    def data(self) -> tuple[str, ...]:
        """What two runs must share to be set against each other."""
        return (" / ".join(self.table.classes), *sorted(self.table.images))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--table", action="append", default=[], type=Path)
    parser.add_argument("--reference", default="default")
    options = parser.parse_args()
    beside = gather_facts(options.table)
    finished = [folder for folder in options.runs if (folder / "report.html").exists()]
    runs = [read_run(folder, beside) for folder in finished]
    for folder in sorted(set(options.runs) - set(finished)):
        print(f"(not finished: {folder.name})\n")
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(run.data, []).append(run)
    for group in groups.values():
        report_data(group[0])
        report_runs(group)
        report_controls(group[0])
        report_differences(group, options.reference)
    print(NOT_A_DEVICE)


def gather_facts(paths: Iterable[Path]) -> dict[str, Facts]:
    """What tables say of each image, by its name there."""
    known: dict[str, Facts] = {}
    for path in paths:
        table = cxr.read_table(path)
        names = zip(table.relative_images, table.images, strict=True)
        for row, (name, image) in zip(table.frame.to_dict("records"), names, strict=True):
            known[name] = {"source": row["source"], "view": row["view"], "image": image}
    return known


def look_up(image: str, known: Mapping[str, Facts]) -> Facts:
    """Find an image by the longest end of its path that a table knows."""
    parts = image.split("/")
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((known[end] for end in ends if end in known), {})


def read_run(folder: Path, beside: Mapping[str, Facts]) -> Run:
    """Read a run folder."""
    lines = complete(folder, beside)
    with TemporaryDirectory() as scratch:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (Path(scratch) / "predictions.jsonl").write_text(text)
        saved = read_predictions(Path(scratch))
    epochs = [pd.read_csv(path) for path in sorted(folder.glob("fold*/epochs.csv"))]
    return Run(
        name=folder.name,
        recipe=yaml.safe_load((folder / "recipe.yaml").read_text()),
        metrics=json.loads((folder / "metrics.json").read_text()),
        seconds=float(sum(epoch["seconds"].sum() for epoch in epochs)),
        table=saved.table,
        sources=saved.sources,
        known=tuple(look_up(image, beside) for image in saved.table.images),
        evaluation=judge(saved.table),
    )


def complete(folder: Path, beside: Mapping[str, Facts]) -> list[Facts]:
    """The lines of a run's predictions, with what older versions did not write."""
    text = (folder / "predictions.jsonl").read_text()
    lines: list[Facts] = [json.loads(line) for line in text.splitlines()]
    splits = read_splits(folder) if any("patient" not in line for line in lines) else {}
    for line in lines:
        image = str(line["image"])
        line.setdefault("labels", None)
        for key, value in look_up(image, splits).items():
            line.setdefault(key, value)
        if line.get("source") is None:
            line["source"] = look_up(image, beside).get("source")
    return lines


def read_splits(folder: Path) -> dict[str, Facts]:
    """Patient and fold of each image, from the splits of the folds."""
    known: dict[str, Facts] = {}
    for path in folder.glob("fold*/split.csv"):
        split = pd.read_csv(path, dtype=str, keep_default_na=False)
        for row in split[split["split"] == "test"].itertuples():
            fold = int(path.parent.name.removeprefix("fold"))
            known[str(row.image)] = {"patient": row.patient_id or None, "fold": fold}
    return known


def report_data(run: Run) -> None:
    """What the runs were measured on."""
    figures, sources = run.evaluation, run.sources
    counts = pd.Series([one or "unknown" for one in sources]).value_counts()
    told = ", ".join(f"{name} {n:,}" for name, n in counts.items())
    images = f"{figures.n_images:,} images of {figures.n_patients:,} patients"
    print(f"## {' / '.join(figures.classes)}\n")
    print(f"{images} ({figures.n_unknown_patients} images of unknown patients), "
          f"{figures.n_folds} folds. Sources: {told}. 95 % intervals by patient.\n")  # fmt: skip


def report_runs(runs: Sequence[Run]) -> None:
    """One row a run."""
    rows = []
    for run in runs:
        of = run.evaluation
        within = judge(run.within).macro_auroc if has_sources(run) else None
        rows.append([
            run.name, str(run.recipe["name"]), tell_network(run), f"{run.seconds:.0f}",
            str(of.macro_auroc), "–" if within is None else tell(within), str(of.accuracy),
            str(of.macro_precision), str(of.macro_recall), str(of.macro_f1),
        ])  # fmt: skip
    auroc = "AUROC" if len(runs[0].table.classes) == 2 else "macro AUROC"
    show(["run", "recipe", "network", "training, s", f"{auroc}, pairs within folds",
          "… and within one source", "accuracy", "macro precision", "macro recall",
          "macro F1"], rows)  # fmt: skip


def report_controls(run: Run) -> None:
    """What tells the classes apart without the pictures."""
    controls = {str(one["name"]): one["auroc"] for one in run.metrics["controls"]}
    rows = [[name, tell(Estimate(**auroc))] for name, auroc in controls.items()]
    rows += [[c.name, tell(c.auroc)] for c in judge_more(run) if c.name not in controls]
    show(["control, alone", "its AUROC"], rows)


def judge_more(run: Run) -> list[Control]:
    """Controls that the run did not write, from `--table`."""
    about = (run.table.truth, run.table.classes, run.table.clusters)
    controls = []
    sizes = [find_size(str(one.get("image", ""))) for one in run.known]
    if None not in sizes and len(set(sizes)) > 1:
        controls.append(judge_control("image size", np.array(sizes, dtype=np.float64), *about))
    views = [None if one.get("view") is None else str(one["view"]) for one in run.known]
    for name, values in (("source", run.sources), ("view", views)):
        if len(set(values)) > 1:
            controls.append(judge_category_control(name, values, *about))
    return controls


def find_size(path: str) -> int | None:
    """Pixels of a stored image; None where it is no file of its own."""
    if not Path(path).is_file():
        return None
    with Image.open(path) as image:
        return image.width * image.height


def report_differences(runs: Sequence[Run], reference: str) -> None:
    """The reference recipe less each other, over all pairs and within one source."""
    first = next((run for run in runs if run.recipe["name"] == reference), None)
    if first is None:
        print(f"(no finished run of `{reference}` on these data: no differences)\n")
        return
    rows = []
    for run in runs:
        if run is first:
            continue
        over_all = compare(first.table, run.table)
        within = compare(first.within, run.within).macro_auroc if has_sources(first) else "–"
        rows.append([f"{first.name} − {run.name}", str(over_all.macro_auroc), str(within),
                     str(over_all.accuracy)])  # fmt: skip
    if rows:
        show(["paired difference", "AUROC", "AUROC within one source", "accuracy"], rows)


def has_sources(run: Run) -> bool:
    """Whether there is more than one source to keep apart."""
    return len({one for one in run.sources if one is not None}) > 1


def tell_network(run: Run) -> str:
    """The network as the recipe names it."""
    network = run.recipe["network"]
    weights = run.recipe.get("weights")
    start = "from scratch" if weights in (None, "none") else Path(str(weights)).stem
    return f"{network.get('backbone') or network.get('name')}, {start}"


def tell(estimate: Estimate) -> str:
    """A figure with the number of images where it rests on part of them."""
    return str(estimate) if estimate.value is None else f"{estimate} (n = {estimate.n:,})"


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


if __name__ == "__main__":
    main()
