"""Prints what calibration is worth in finished runs: ECE and Brier before and after, as Markdown.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/calibration_figures.py RUN… [--resamples N]. A run's `predictions.jsonl` is
all that the figures come from. Each case is calibrated by other patients of its own fold alone
(`evaluation.cross_fit`), so that no figure rests on a case that fitted it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cxrlens.evaluation import ClassCalibration, judge_calibration
from cxrlens.report import read_predictions
from cxrlens.vocabulary import NOT_A_DEVICE


def main() -> None:
    """Print one table a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--resamples", type=int, default=1000)
    options = parser.parse_args()
    for folder in options.runs:
        table = read_predictions(folder).table
        report = judge_calibration(table, resamples=options.resamples)
        print(f"## {folder.name}: {' / '.join(table.classes)}\n")
        print(f"{report.n_images:,} images of {report.n_patients:,} patients. {report.method}. "
              "95 % intervals by patient.\n")  # fmt: skip
        print("| class | probabilities | Brier score | ECE as seen | ECE debiased | "
              "Brier score, change |")  # fmt: skip
        print("|---|---|---|---|---|---|")
        for one in report.per_class:
            for cells in list_rows(one):
                print("| " + " | ".join(cells) + " |")
        print()
    print(NOT_A_DEVICE)


def list_rows(one: ClassCalibration) -> list[Sequence[str]]:
    """The raw figures of a class, and the calibrated ones where there are any."""
    rows: list[Sequence[str]] = []
    for side, figures in (("raw", one.raw), ("calibrated", one.calibrated)):
        if figures is None:
            continue
        change = "" if side == "raw" or one.brier_change is None else str(one.brier_change)
        rows.append([one.class_name, side, str(figures.brier), str(figures.calibration_error),
                     str(figures.debiased_error), change])  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
