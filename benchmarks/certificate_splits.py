"""Certificates on real answers: how often they are given, what they automate, whether they hold.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/certificate_splits.py RUN [--repeats 200] [--finding PNEUMONIA]. A run is a
folder that `cxrlens train … --folds 2 --out RUN` finished: each fold's test part was answered by a
bundle that has seen none of it, and RUN's `predictions.jsonl` is all that is read. The patients of
a test part are split in two at random, again and again, those with the finding and the others each
in halves. On one half a threshold is certified to decide negative (delta = 5 %, one look at as many
patients with the finding as the half has); on the other it is measured which share of the patients
with the finding it misses, each by the worst image, and what it decides alone. Beside it the usual
rule, by patient as well: the highest threshold that misses a share of at most r of the same half.

Few patients are left to measure on, so that a share above r on them does not yet break a promise.
What chance alone gives is known, however good the model: if patients come in any order, the number
of the other half's patients that lie below the (k+1)-th smallest of n scores is beta-binomial, with
parameters k + 1 and n - k.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import betabinom, binom

from cxrlens.evaluation import CertifiedBundle, Promise, ReferenceCases, certify
from cxrlens.report import read_predictions
from cxrlens.vocabulary import NOT_A_DEVICE, InputError, PredictionTable, digest

RISKS = (0.02, 0.05, 0.1)

DELTA = 0.05

NEVER = "9999-01-01T00:00:00+00:00"

BUNDLE = CertifiedBundle(digest(b"that of the fold"), digest(b"that of the run"))
"""Names in place of digests: these certificates are counted and thrown away."""


@dataclass(frozen=True)
class Rule:
    """What a threshold came to on patients that did not choose it."""

    missed: float
    """Share of the patients with the finding that are decided negative."""
    decided: float
    """Share of images decided alone."""
    cleared: float
    """Share of the images without the finding decided alone."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--finding", default="PNEUMONIA")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = read_predictions(options.run).table
    print(
        "| fold | r | patients with the finding, each half | certified | decided alone "
        "| decided alone, of images without | missed, mean | missed more than r (by chance) "
        "| usual rule: decided alone | missed, mean | missed more than r (by chance) |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    refusals: list[str] = []
    for fold in np.unique(table.folds).tolist():
        cases = gather(table, fold, options.finding)
        for risk in RISKS:
            row = describe(cases, fold, options, risk, refusals)
            print(row, flush=True)
    print()
    for refusal in dict.fromkeys(refusals):
        print(f"- refused: {refusal}")
    for fold in np.unique(table.folds).tolist():
        for risk in RISKS:
            print(f"- fold {fold + 1}, nobody kept back: {tell_whole(table, fold, options, risk)}")
    print(f"\n{options.repeats} splits a fold, seed {options.seed}. {NOT_A_DEVICE}")


def tell_whole(table: PredictionTable, fold: int, options: argparse.Namespace, risk: float) -> str:
    """What a certificate on all of a test part says, or why there is none."""
    cases = gather(table, fold, options.finding)
    n = cases.find_worst("negative").size
    try:
        return str(certify(cases, Promise(options.finding, risk, DELTA, (n,), NEVER), BUNDLE))
    except InputError as error:
        return f"refused: {error}"


def gather(table: PredictionTable, fold: int, finding: str) -> ReferenceCases:
    """The unseen images of one fold's bundle, whose label is known."""
    if finding not in table.classes:
        raise SystemExit(f"no class {finding}; there are {', '.join(table.classes)}")
    index = table.classes.index(finding)
    labels = table.known_labels[:, index]
    rows = np.flatnonzero((table.folds == fold) & np.isfinite(labels))
    return ReferenceCases(
        table.probabilities[rows, index],
        labels[rows] == 1,
        table.clusters[rows],
        tuple(digest(table.images[row].encode()) for row in rows.tolist()),
        "the collection's labels",
    )


def split(cases: ReferenceCases, rng: np.random.Generator) -> tuple[ReferenceCases, ReferenceCases]:
    """Two halves without a patient in common, each with half of the patients at stake."""
    ours = np.unique(cases.clusters[cases.is_present])
    others = np.setdiff1d(cases.clusters, ours)
    first = [rng.permutation(group)[: group.size // 2] for group in (ours, others)]
    is_first = np.isin(cases.clusters, np.concatenate(first))
    return take(cases, is_first), take(cases, ~is_first)


def take(cases: ReferenceCases, rows: np.ndarray) -> ReferenceCases:
    """Some of the cases."""
    images = tuple(cases.images[row] for row in np.flatnonzero(rows).tolist())
    return ReferenceCases(
        cases.scores[rows], cases.is_present[rows], cases.clusters[rows], images, cases.reference
    )


def apply(threshold: float, cases: ReferenceCases) -> Rule:
    """Measure a threshold on cases that did not choose it."""
    decided = cases.scores < threshold
    return Rule(
        missed=float((cases.find_worst("negative") < threshold).mean()),
        decided=float(decided.mean()),
        cleared=float(decided[~cases.is_present].mean()),
    )


def repeat(
    cases: ReferenceCases, fold: int, options: argparse.Namespace, risk: float, refusals: list[str]
) -> Iterator[tuple[Rule | None, Rule]]:
    """Certify and measure once a split; None where the promise was refused."""
    for number in range(options.repeats):
        one, other = split(cases, np.random.default_rng([options.seed, fold, number]))
        worst = np.sort(one.find_worst("negative"))
        usual = apply(float(worst[int(risk * worst.size + 1e-9)]), other)
        try:
            promise = Promise(options.finding, risk, DELTA, (worst.size,), NEVER)
            threshold = certify(one, promise, BUNDLE).threshold
        except InputError as error:
            refusals.append(str(error))
            yield None, usual
        else:
            yield apply(threshold, other), usual


def describe(
    cases: ReferenceCases, fold: int, options: argparse.Namespace, risk: float, refusals: list[str]
) -> str:
    """One row."""
    pairs = list(repeat(cases, fold, options, risk, refusals))
    certified = [own for own, _ in pairs if own is not None]
    n_patients = cases.find_worst("negative").size
    n, n_other = n_patients // 2, n_patients - n_patients // 2
    passing = np.flatnonzero(binom.cdf(np.arange(n), n, risk) <= DELTA)
    cells = [
        str(fold + 1),
        f"{100 * risk:g} %",
        f"{n} and {n_other}",
        f"{100 * len(certified) / len(pairs):.0f} %",
        *_tell(certified, risk, int(passing[-1]) if passing.size else 0, (n, n_other)),
        *_tell([usual for _, usual in pairs], risk, int(risk * n + 1e-9), (n, n_other)),
    ]
    del cells[9]  # of the usual rule one share is enough
    return f"| {' | '.join(cells)} |"


def _tell(rules: list[Rule], risk: float, allowed: int, sizes: tuple[int, int]) -> list[str]:
    """Shares decided, the mean share missed, and how often it is above the promise."""
    if not rules:
        return ["–"] * 4
    n, n_other = sizes
    above = 100 * float(np.mean([one.missed > risk for one in rules]))
    chance = 100 * float(
        betabinom.sf(int(risk * n_other + 1e-9), n_other, allowed + 1, n - allowed)
    )
    return [
        _tell_quartiles([one.decided for one in rules]),
        _tell_quartiles([one.cleared for one in rules]),
        f"{100 * float(np.mean([one.missed for one in rules])):.1f} %",
        f"{above:.1f} % ({chance:.1f} %)",
    ]


def _tell_quartiles(shares: list[float]) -> str:
    low, middle, high = 100 * np.quantile(shares, (0.25, 0.5, 0.75))
    return f"{middle:.1f} % ({low:.1f}–{high:.1f})"


if __name__ == "__main__":
    main()
