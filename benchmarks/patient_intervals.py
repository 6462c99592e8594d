"""Prints the intervals of finished runs by patient beside those by image, as Markdown.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/patient_intervals.py RUN… A run is a folder that `cxrlens train` or
`cxrlens evaluate` wrote; its `predictions.jsonl` is all that the figures come from. By image means
that every image is taken for a patient of its own, as most published intervals do.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cxrlens.evaluation import Evaluation, judge
from cxrlens.report import read_predictions
from cxrlens.vocabulary import NOT_A_DEVICE, Estimate


def main() -> None:
    """Print one table a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    for folder in parser.parse_args().runs:
        table = read_predictions(folder).table
        by_patient = judge(table)
        by_image = judge(replace(table, patients=(None,) * len(table.images)))
        print(f"## {folder.name}\n")
        print(f"{by_patient.n_images:,} images of {by_patient.n_patients:,} patients "
              f"({by_patient.n_unknown_patients} of unknown patients)\n")  # fmt: skip
        print("| figure | by patient | by image | width, by patient / by image |")
        print("|---|---|---|---|")
        pairs = zip(list_figures(by_patient), list_figures(by_image), strict=True)
        for (name, own), (_, naive) in pairs:
            print(f"| {name} | {own} | {naive} | {compare_widths(own, naive)} |")
        print()
    print(NOT_A_DEVICE)


def list_figures(of: Evaluation) -> Iterator[tuple[str, Estimate]]:
    """The figures that a paper would give."""
    yield "macro AUROC" if len(of.classes) > 2 else "AUROC", of.macro_auroc
    yield "accuracy", of.accuracy
    yield "macro recall (balanced accuracy)", of.macro_recall
    yield "macro F1", of.macro_f1
    yield "Brier score", of.brier
    for one in of.per_class:
        yield f"sensitivity, {one.class_name}", one.recall
        yield f"specificity, {one.class_name}", one.specificity


def compare_widths(own: Estimate, naive: Estimate) -> str:
    """How many times wider the first interval is."""
    if own.low is None or own.high is None or naive.low is None or naive.high is None:
        return "–"
    return f"{(own.high - own.low) / (naive.high - naive.low):.2f}"


if __name__ == "__main__":
    main()
