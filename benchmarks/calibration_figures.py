"""Prints what calibration is worth in finished runs: ECE and Brier before and after, as Markdown.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/calibration_figures.py RUN… [--resamples N]. A run's `predictions.jsonl` is
all that the figures come from. Each case is calibrated by other patients of its own fold alone
(`evaluation.cross_fit`), so that no figure rests on a case that fitted it.
"""

import argparse
from pathlib import Path

from cxrlens.evaluation import (
    CalibrationReport,
    ClassReliability,
    Resampling,
    compare_calibration,
    cross_fit,
)
from cxrlens.report import read_predictions
from cxrlens.vocabulary import NOT_A_DEVICE, CalibrationMethod, PredictionTable

METHODS: tuple[CalibrationMethod, ...] = ("temperature", "vector")
"""Both are shown, whichever `cross_fit` would choose for so many cases."""


def main() -> None:
    """Print one table a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--resamples", type=int, default=1000)
    options = parser.parse_args()
    for folder in options.runs:
        table = read_predictions(folder).table
        resampling = Resampling(0, options.resamples)
        reports = {method: calibrate(table, method, resampling) for method in METHODS}
        of = reports["temperature"]
        own = " and ".join(cross_fit(table).methods)
        print(f"## {folder.name}: {' / '.join(table.classes)}\n")
        print(f"{of.n_images:,} images of {of.n_patients:,} patients; cross-fitted within folds, "
              f"each case by other patients' alone. By itself {own} scaling would be taken. "
              "95 % intervals by patient.\n")  # fmt: skip
        print("| class | probabilities | Brier score | ECE as seen | ECE debiased | "
              "Brier score, change |")  # fmt: skip
        print("|---|---|---|---|---|---|")
        for index, one in enumerate(of.per_class):
            show([one.class_name, "raw"], one.raw, "")
            for method, report in reports.items():
                changed = report.per_class[index]
                if changed.calibrated is not None:
                    change = str(changed.brier_change)
                    show([one.class_name, f"{method} scaling"], changed.calibrated, change)
        print()
    print(NOT_A_DEVICE)


def calibrate(
    table: PredictionTable, method: CalibrationMethod, resampling: Resampling
) -> CalibrationReport:
    """Judge what a method gives, on cases that did not fit it."""
    return compare_calibration(table, cross_fit(table, method).probabilities, method, resampling)


def show(names: list[str], of: ClassReliability, change: str) -> None:
    """Print a row."""
    figures = [str(of.brier), str(of.calibration_error), str(of.debiased_error), change]
    print("| " + " | ".join([*names, *figures]) + " |")


if __name__ == "__main__":
    main()
