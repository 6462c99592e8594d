"""How often promises of a certificate are broken, in simulated calibrations, beside the usual rule.

SPDX-License-Identifier: Apache-2.0

A calibration: patients with the finding, as many as the promise declares, and as many without it.
The score is normal on the logit scale, and higher by the distance where the finding is there, so
that the true miss rate of every threshold is known; the score told is its probability. Nothing
drifts. The promise: a miss rate of at most r, broken with a probability of at most delta.

Certified: `certify`, at one look or, where several numbers stand, at all of them; with several
looks a promise is broken if one of its certificates is. The usual rule: `choose_threshold` with
`sensitivity>=1-r`, which asks only that the cases that chose the threshold keep it. Shares decided
alone are true ones, of patients one in ten of whom has the finding; the best is that of the
threshold whose true miss rate is r.

    python benchmarks/certificate_years.py --runs 2000 --seed 0
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import binomtest, norm

from cxrlens.evaluation import (
    CertifiedBundle,
    Promise,
    ReferenceCases,
    certify,
    read_rule,
)
from cxrlens.evaluation.threshold_choice import choose_threshold
from cxrlens.vocabulary import InputError, digest

DISTANCE = float(np.sqrt(2) * norm.ppf(0.95))
"""Between the means of the scores: an AUROC of 0.95."""

PREVALENCE = 0.1
"""Share of patients with the finding."""

BUNDLE = CertifiedBundle(digest(b"simulated"), digest(b"none"))

NEVER = "9999-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Setting:
    """A promise and the patients it is tested on."""

    looks: tuple[int, ...]
    """Patients with the finding at each look."""
    risk: float
    delta: float

    @property
    def promise(self) -> Promise:
        """As it is declared."""
        return Promise("finding", self.risk, self.delta, self.looks, NEVER)


SETTINGS = (
    Setting((59,), 0.05, 0.05),
    Setting((150,), 0.05, 0.05),
    Setting((300,), 0.05, 0.05),
    Setting((1000,), 0.05, 0.05),
    Setting((300,), 0.05, 0.2),
    Setting((300,), 0.02, 0.05),
    Setting((1000,), 0.02, 0.05),
    Setting((1000,), 0.01, 0.05),
    Setting((150, 300, 600), 0.05, 0.05),
)


@dataclass(frozen=True)
class Year:
    """What came of one simulated calibration."""

    is_broken: bool
    """Whether a certificate's true miss rate is above the promise."""
    is_certified: bool
    """Whether there is one, at the last look."""
    automation: float
    """True share decided alone by the last certificate; 0 without."""
    is_broken_usually: bool
    usual_automation: float


@dataclass(frozen=True)
class Years:
    """What came of many."""

    years: tuple[Year, ...]

    @property
    def n_broken(self) -> int:
        """Runs with a broken promise."""
        return sum(one.is_broken for one in self.years)

    @property
    def n_broken_usually(self) -> int:
        """Runs in which the usual rule breaks it."""
        return sum(one.is_broken_usually for one in self.years)

    def test(self, delta: float) -> float:
        """The one-sided binomial p-value of more broken promises than delta."""
        return float(binomtest(self.n_broken, len(self.years), delta, "greater").pvalue)


def find_miss_rate(threshold: float) -> float:
    """The true miss rate of a threshold."""
    return float(norm.cdf(_undo(threshold) - DISTANCE))


def find_automation(threshold: float) -> float:
    """The true share decided alone."""
    return PREVALENCE * find_miss_rate(threshold) + (1 - PREVALENCE) * float(
        norm.cdf(_undo(threshold))
    )


def find_best_automation(risk: float) -> float:
    """The true share decided alone where the miss rate is exactly the promised one."""
    return find_automation(float(_tell(DISTANCE + norm.ppf(risk))))


def _tell(latent: np.ndarray) -> np.ndarray:
    """The probability of the finding behind a latent score."""
    return np.asarray(expit(DISTANCE * latent - DISTANCE**2 / 2 + logit(PREVALENCE)))


def _undo(threshold: float) -> float:
    return float((logit(threshold) - logit(PREVALENCE) + DISTANCE**2 / 2) / DISTANCE)


def simulate(setting: Setting, runs: int, seed: int) -> Years:
    """Simulate calibrations."""
    return Years(tuple(_simulate(setting, runs, seed)))


def _simulate(setting: Setting, runs: int, seed: int) -> Iterator[Year]:
    promise, rule = setting.promise, read_rule(f"sensitivity>={1 - setting.risk:.6g}")
    n = setting.looks[-1]
    names = tuple(digest(str(i).encode()) for i in range(2 * n))
    for run in range(runs):
        rng = np.random.default_rng([seed, n, run])
        is_present = rng.permutation(np.arange(2 * n) < n)
        scores = _tell(rng.normal(DISTANCE * is_present))
        cases = ReferenceCases(scores, is_present, np.arange(2 * n), names, "simulated")
        rates = list(_certify_all(cases, promise))
        usual = choose_threshold(
            "finding", scores, is_present.astype(np.float64), cases.clusters, rule
        )
        if usual is None:  # there are patients of both kinds, and a threshold of 0 finds all
            raise RuntimeError(f"run {run}: the usual rule found no threshold")
        last = rates[-1]
        yield Year(
            is_broken=any(one is not None and find_miss_rate(one) > setting.risk for one in rates),
            is_certified=last is not None,
            automation=0.0 if last is None else find_automation(last),
            is_broken_usually=find_miss_rate(usual.value) > setting.risk,
            usual_automation=find_automation(usual.value),
        )


def _certify_all(cases: ReferenceCases, promise: Promise) -> Iterator[float | None]:
    """The certified threshold at each look; None where there is none."""
    for look in promise.looks:
        part = cases.take_first(look, "negative") if len(promise.looks) > 1 else cases
        try:
            yield certify(part, promise, BUNDLE).threshold
        except InputError:  # not even the safest threshold passes: an outcome, not a fault
            yield None


def describe(setting: Setting, years: Years) -> str:
    """One row of the table."""
    n = len(years.years)
    usual = 100 * years.n_broken_usually / n
    certified = 100 * float(np.mean([one.is_certified for one in years.years]))
    own = 100 * float(np.mean([one.automation for one in years.years]))
    other = 100 * float(np.mean([one.usual_automation for one in years.years]))
    return (
        f"| {', '.join(map(str, setting.looks))} | {100 * setting.risk:g} % "
        f"| {100 * setting.delta:g} % | {100 * years.n_broken / n:.1f} % "
        f"| {years.test(setting.delta):.2f} | {usual:.1f} % | {certified:.1f} % | {own:.1f} % "
        f"| {other:.1f} % | {100 * find_best_automation(setting.risk):.1f} % |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000, help="calibrations a setting")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        "| patients with the finding | r | δ | broken, certified | p (more than δ) "
        "| broken, usual rule | certified at the end | decided alone, certified "
        "| decided alone, usual rule | decided alone, best |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for setting in SETTINGS:
        print(describe(setting, simulate(setting, options.runs, options.seed)), flush=True)
    print(f"\n{options.runs} calibrations a setting, seed {options.seed}")


if __name__ == "__main__":
    main()
