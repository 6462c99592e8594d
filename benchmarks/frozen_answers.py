"""Whether a head trained on cached features answers as one that was trained without.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/frozen_answers.py DATA OUT [KEY=VALUE …] [--views epochs 1]

Trains the recipe `pneumonia-resnet152` with `views=none` and with each of `--views`, on the same
split with the same seed, and prints what the paired AUROC on the test part (with `--folds` on all
images) differs by, with its 90 % and 95 % intervals by patient. Runs that are in OUT already are
taken as they are. What stands after `--options` goes to `cxrlens train` as it is.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from cxrlens.cli.options import EXIT_PARTIAL
from cxrlens.evaluation import compare
from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.auroc_gap import measure_auroc_gap
from cxrlens.report import read_predictions
from cxrlens.vocabulary import PredictionTable

BOUND = 0.01
"""Within which the interval should lie."""


def main() -> None:
    """Print a line for each kind of cache."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--recipe", default="pneumonia-resnet152")
    parser.add_argument("--views", nargs="+", default=["epochs", "1"])
    parser.add_argument("--options", default="", help="for `cxrlens train`, such as '--limit 400'")
    options = parser.parse_args()
    tables = {}
    for views in ("none", *options.views):
        folder = options.out / f"views-{views}"
        if not (folder / "report.html").exists():
            train(folder, views, options)
        tables[views] = read_predictions(folder).table
        print(f"views={views}: {describe(folder)}")
    for views in options.views:
        print(f"views={views} less views=none: {say_difference(tables[views], tables['none'])}")


def train(folder: Path, views: str, options: argparse.Namespace) -> None:
    """Train once."""
    command = [sys.executable, "-m", "cxrlens.cli", "train", options.data]
    command += ["--recipe", options.recipe, *options.overrides, f"views={views}"]
    command += [*options.options.split(), "--out", str(folder)]
    code = subprocess.run(command, check=False).returncode  # noqa: S603
    if code not in (0, EXIT_PARTIAL):
        raise SystemExit(f"the training with views={views} ended with exit code {code}")


def describe(folder: Path) -> str:
    """What computed the features."""
    paths = sorted([*folder.glob("epochs.csv"), *folder.glob("fold*/epochs.csv")])
    epochs = pd.concat([pd.read_csv(path, keep_default_na=False) for path in paths])
    told = (one.partition(" by ")[2] for one in epochs["features"])
    engines = sorted({one or "the whole network in every step" for one in told})
    return f"{', '.join(engines)}; {epochs['seconds'].sum():.0f} s on the clock in all epochs"


def say_difference(cached: PredictionTable, plain: PredictionTable) -> str:
    """The paired difference of the AUROC of the second class."""
    if cached.images != plain.images:
        raise SystemExit("the runs answer for different images, or in another order")
    (auroc, *_) = compare(cached, plain).overall
    gap = measure_auroc_gap(rank(cached), rank(plain))
    if gap is None:
        return "no AUROC"
    reach = float(stdtrit(gap.spread.degrees_of_freedom, 0.95)) * gap.spread.variance**0.5
    low, high = gap.value - reach, gap.value + reach
    inside = "inside" if max(abs(low), abs(high)) < BOUND else "not inside"
    moved = np.abs(cached.probabilities[:, 1] - plain.probabilities[:, 1])
    return (
        f"{gap.value:+.5f}, 90 % interval {low:+.5f} to {high:+.5f}, {inside} ±{BOUND}; "
        f"as `cxrlens compare` has it, 95 %: {auroc.difference.estimate}; "
        f"{gap.n} images of {np.unique(plain.clusters).size} patients, of {gap.n_patients} in the "
        f"smaller class; AUROC {gap.second.value:.4f} without, "
        f"{gap.first.value:.4f} with; |Δp| median {np.median(moved):.1e}, largest {moved.max():.1e}"
    )


def rank(table: PredictionTable) -> Ranking:
    """The second class against the first."""
    return Ranking(
        table.probabilities[:, 1], table.truth == 1, np.asarray(table.clusters), table.folds
    )


if __name__ == "__main__":
    main()
