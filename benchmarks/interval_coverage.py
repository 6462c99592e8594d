"""How often the 95 % intervals hold the true figure, in simulated studies.

SPDX-License-Identifier: Apache-2.0

A study: patients with 1 to 4 images each. An image has the class where a latent number lies below
a point; its score is normal, and higher by the true distance where it has the class. Of the
variance of both 0.6 is the patient's, so that a patient's images agree in part, and many patients
have images of both kinds. The probability is the score's true one, told twice as sure as it is on
the logit scale. True values: AUROC, sensitivity, specificity, accuracy, balanced accuracy, PPV,
NPV, F1 and the macro means of counts are analytic (binormal); Brier, average precision and
calibration error are those of 4 million images drawn on their own, which have the same
distribution one by one. In brackets: the same intervals with each image as a patient of its own.

    python benchmarks/interval_coverage.py --studies 2000 --seed 0
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from cxrlens.evaluation import judge
from cxrlens.evaluation.auroc import Ranking, measure_auroc
from cxrlens.evaluation.average_precision import measure_average_precision
from cxrlens.evaluation.balanced_accuracy import measure_balanced_accuracy
from cxrlens.evaluation.brier import measure_brier
from cxrlens.evaluation.calibration_error import assign_bins, choose_bin_count
from cxrlens.evaluation.class_figures import turn_into_f1
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.vocabulary import Estimate, PredictionTable

REQUIRED = ("AUROC", "accuracy", "sensitivity", "specificity", "Brier")
"""Their intervals must cover 93–97 % in the settings that are required."""

OTHERS = (
    "PPV", "NPV", "F1", "balanced accuracy", "average precision", "ECE", "macro precision",
    "macro F1",
)  # fmt: skip
"""Their coverage is told as it is."""

SHARPNESS = 2.0
"""Probabilities are told twice as sure as they are, on the logit scale."""

N_DRAWN = 4_000_000
"""Images behind the true values that are not analytic."""

SHARED = 0.6
"""Share of the variance of scores, and of the latent truth, that a patient's images share."""


@dataclass(frozen=True, eq=False)
class Study:
    """Images with their probabilities; all columns have the same length."""

    told: np.ndarray
    """The probability of the class."""
    is_true: np.ndarray
    patients: np.ndarray
    """A number for each image's patient."""


@dataclass
class Shares:
    """How often intervals held the true figure, by patient and with each image on its own."""

    held: list[bool] = field(default_factory=list)
    naive: list[bool] = field(default_factory=list)

    def add(self, estimate: Estimate, truth: float, is_naive: bool) -> None:
        """Count one interval, if there is one."""
        if estimate.low is not None and estimate.high is not None:
            side = self.naive if is_naive else self.held
            side.append(estimate.low <= truth <= estimate.high)

    @property
    def by_patient(self) -> float:
        """The share that held it, of the intervals by patient."""
        return float(np.mean(self.held))

    def __str__(self) -> str:
        """In percent, the naive one in brackets."""
        if not self.held:
            return "–"
        return f"{100 * self.by_patient:.1f} ({100 * float(np.mean(self.naive)):.1f})"


@dataclass(frozen=True)
class Setting:
    """A kind of study."""

    name: str
    n_images: int
    n_positive: int
    """On average."""
    auroc: float
    is_required: bool = True

    @property
    def distance(self) -> float:
        """Between the means of the scores, in standard deviations."""
        return float(np.sqrt(2) * norm.ppf(self.auroc))

    @property
    def share(self) -> float:
        """Of images that have the class."""
        return self.n_positive / self.n_images


SETTINGS = (
    Setting("300 images, 100 with the class, AUROC 0.70", 300, 100, 0.70),
    Setting("300 images, 100 with the class, AUROC 0.85", 300, 100, 0.85),
    Setting("300 images, 100 with the class, AUROC 0.95", 300, 100, 0.95),
    Setting("400 images, 60 with the class, AUROC 0.85", 400, 60, 0.85),
    Setting("1,000 images, 500 with the class, AUROC 0.90", 1000, 500, 0.90),
    Setting("outside: 100 images, 20 with the class, AUROC 0.85", 100, 20, 0.85, False),
    Setting("outside: 100 images, 20 with the class, AUROC 0.98", 100, 20, 0.98, False),
    Setting("outside: 300 images, 100 with the class, AUROC 0.98", 300, 100, 0.98, False),
)


def draw(setting: Setting, rng: np.random.Generator) -> Study:
    """Draw one study."""
    sizes = rng.integers(1, 5, setting.n_images)
    patients = np.repeat(np.arange(sizes.size), sizes)[: setting.n_images]
    n = patients.size

    def mix() -> np.ndarray:
        own, common = rng.normal(size=n), rng.normal(size=sizes.size)[patients]
        return np.asarray(np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own)

    is_true = mix() < norm.ppf(setting.share)
    return Study(tell(setting, mix() + setting.distance * is_true), is_true, patients)


def tell(setting: Setting, scores: np.ndarray) -> np.ndarray:
    """The probability that a score is told as."""
    middle = setting.distance * scores - setting.distance**2 / 2
    return np.asarray(expit(SHARPNESS * (middle + logit(setting.share))))


def find_truths(setting: Setting, seed: int) -> dict[str, float]:
    """The true figures."""
    share, distance = setting.share, setting.distance
    # decided for where the probability is at least a half: where the score is at least this
    point = distance / 2 - logit(share) / distance
    found, left = float(norm.sf(point - distance)), float(norm.cdf(point))
    cells = np.array([[(1 - share) * left, (1 - share) * (1 - left)],
                      [share * (1 - found), share * found]])  # fmt: skip
    precisions = np.diagonal(cells) / cells.sum(axis=0)
    f1s = 2 * np.diagonal(cells) / (cells.sum(axis=0) + cells.sum(axis=1))
    return {
        "AUROC": setting.auroc,
        "accuracy": float(np.trace(cells)),
        "sensitivity": found,
        "specificity": left,
        "PPV": float(precisions[1]),
        "NPV": float(precisions[0]),
        "F1": float(f1s[1]),
        "balanced accuracy": (found + left) / 2,
        "macro precision": float(precisions.mean()),
        "macro F1": float(f1s.mean()),
        **_draw_truths(setting, np.random.default_rng([seed, 1])),
    }


def _draw_truths(setting: Setting, rng: np.random.Generator) -> dict[str, float]:
    """Brier, average precision and calibration error of very many images."""
    n = N_DRAWN
    is_true = rng.random(n) < setting.share
    told = tell(setting, rng.normal(size=n) + setting.distance * is_true)
    down = is_true[np.argsort(-told)]
    precision = np.cumsum(down) / np.arange(1, n + 1)
    n_bins = choose_bin_count(np.arange(round(setting.n_images / 2.5)))
    gaps = np.bincount(assign_bins(told, n_bins), weights=is_true - told)
    return {
        "Brier": float(((told - is_true) ** 2).mean()),
        "average precision": float(precision[down].mean()),
        "ECE": float(np.abs(gaps).sum() / n),
    }


def measure(study: Study) -> Iterator[tuple[str, Figure | None]]:
    """The figures of the class, as `judge` makes them."""
    told, is_true, clusters = study.told, study.is_true, study.patients
    is_decided = told >= 0.5
    is_hit, either = is_true & is_decided, is_true | is_decided

    def take(name: str, hits: np.ndarray, rows: np.ndarray) -> tuple[str, Figure]:
        return name, measure_proportion(hits[rows], clusters[rows])

    ranking = Ranking(told, is_true, clusters, np.zeros(told.size, dtype=np.int64))
    yield "AUROC", measure_auroc(ranking)
    yield take("accuracy", is_true == is_decided, np.ones(told.size, dtype=np.bool_))
    yield take("sensitivity", is_hit, is_true)
    yield take("specificity", ~is_decided, ~is_true)
    yield "Brier", measure_brier(told, is_true, clusters)
    yield take("PPV", is_hit, is_decided)
    yield take("NPV", ~is_true, ~is_decided)
    yield "F1", turn_into_f1(take("", is_hit, either)[1])
    yield "balanced accuracy", measure_balanced_accuracy(is_true, is_decided, clusters)
    yield "average precision", measure_average_precision(ranking)


def measure_resampled(study: Study, resamples: int) -> Iterator[tuple[str, Estimate]]:
    """The figures whose intervals are made by drawing patients again, by `judge`."""
    probabilities = np.stack([1 - study.told, study.told], axis=1)
    table = PredictionTable(
        classes=("without", "with"),
        images=tuple(map(str, range(study.told.size))),
        patients=tuple(map(str, study.patients)),
        truth=study.is_true.astype(np.int64),
        logits=np.log(np.clip(probabilities, 1e-300, 1)),
        probabilities=probabilities,
        folds=np.zeros(study.told.size, dtype=np.int64),
    )
    evaluation = judge(table, resamples=resamples)
    yield "ECE", evaluation.per_class[1].calibration_error
    yield "macro precision", evaluation.macro_precision
    yield "macro F1", evaluation.macro_f1


def simulate(setting: Setting, options: argparse.Namespace) -> dict[str, Shares]:
    """Find how often the intervals hold the true figures.

    Studies in which a figure has no interval (too few patients) count for neither.
    """
    truths = find_truths(setting, options.seed)
    rng = np.random.default_rng([options.seed, setting.n_images, setting.n_positive])
    held: dict[str, Shares] = {name: Shares() for name in truths}
    for number in range(options.studies):
        study = draw(setting, rng)
        alone = replace(study, patients=np.arange(study.told.size))
        figures: list[tuple[str, Figure | None]] = [*measure(study), *measure(alone)]
        is_naive = [False] * (len(figures) // 2) + [True] * (len(figures) // 2)
        told = [
            (name, figure.to_estimate(), naive)
            for (name, figure), naive in zip(figures, is_naive, strict=True)
            if figure
        ]
        if number < options.resampled:
            for naive, one in ((False, study), (True, alone)):
                told += [(*pair, naive) for pair in measure_resampled(one, options.resamples)]
        for name, estimate, naive in told:
            held[name].add(estimate, truths[name], naive)
    return held


def main() -> None:
    """Print the coverage of every figure in every setting."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--studies", type=int, default=2000, help="of each setting")
    parser.add_argument("--resampled", type=int, default=200, help="of them also by resampling")
    parser.add_argument("--resamples", type=int, default=400, help="of the patients of a study")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = (*REQUIRED, *OTHERS)
    print("| setting | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|", flush=True)
    failed = []
    for setting in SETTINGS:
        figures = simulate(setting, options)
        row = " | ".join(str(figures[name]) for name in names)
        print(f"| {setting.name} | {row} |", flush=True)
        failed += [
            f"{name} of {setting.name}"
            for name in REQUIRED
            if setting.is_required and not 0.93 <= figures[name].by_patient <= 0.97
        ]
    print(f"\nRequired and outside 93–97 %: {'; '.join(failed) or 'none'}.")


if __name__ == "__main__":
    main()
