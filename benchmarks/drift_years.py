"""How seldom the drift charts alarm falsely, and how soon they find planted changes.

SPDX-License-Identifier: Apache-2.0

A year: 2,000 cases, one a patient, in 20 looks of 100, or 5 of 400, against a reference of 1,000,
and a chance of 5 % of any false alarm in all looks. Scores are heaped near 0 as those of a model
are where few have the finding; brightness is a whole grey level. From the 401st case on something
may change. Then reader and machine: they differ in one case of ten, and from the 501st case on more
often.

    python benchmarks/drift_years.py --runs 1000 --seed 0
"""

import argparse
from collections.abc import Callable

import numpy as np
from scipy.stats import binomtest

from cxrlens.evaluation import DriftPlan, design_cusum, watch_agreement, watch_drift

SHORT = DriftPlan(window=100, looks=20, false_alarm=0.05)

LONG = DriftPlan(window=400, looks=5, false_alarm=0.05)

N_REFERENCE, N_CASES, N_BEFORE = 1000, 2000, 400

USUAL, N_READ_BEFORE, N_READ_AFTER = 0.1, 500, 5000

Charts = dict[str, np.ndarray]
Change = Callable[[Charts, np.random.Generator], Charts]


def draw(rng: np.random.Generator, n: int) -> Charts:
    """Cases of a quiet room."""
    has_finding = rng.random(n) < 0.1
    scores = np.where(has_finding, rng.beta(4, 2, n), rng.beta(0.5, 6, n))
    return {"scores": scores, "brightness": np.round(rng.normal(120, 10, n))}


def brighten(factor: float) -> Change:
    """Every image so many times as bright."""
    return lambda charts, _: {**charts, "brightness": np.round(factor * charts["brightness"])}


def enrich(share: float) -> Change:
    """Another share of patients with the finding."""

    def change(charts: Charts, rng: np.random.Generator) -> Charts:
        n = charts["scores"].size
        has_finding = rng.random(n) < share
        return {
            **charts,
            "scores": np.where(has_finding, rng.beta(4, 2, n), rng.beta(0.5, 6, n)),
        }

    return change


CHANGES: tuple[tuple[str, Change | None], ...] = (
    ("none", None),
    ("brightness × 1.3", brighten(1.3)),
    ("brightness × 1.05", brighten(1.05)),
    ("brightness × 1.02", brighten(1.02)),
    ("finding in 15 % in place of 10 %", enrich(0.15)),
    ("finding in 20 % in place of 10 %", enrich(0.2)),
    ("finding in 40 % in place of 10 %", enrich(0.4)),
    ("all cases with the finding", enrich(1.0)),
)


def watch_years(change: Change | None, plan: DriftPlan, runs: int, seed: int) -> list[int | None]:
    """The case of the first alarm of each simulated year; None where there was none."""
    found = []
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        reference, early = draw(rng, N_REFERENCE), draw(rng, N_BEFORE)
        late = draw(rng, N_CASES - N_BEFORE)
        if change is not None:
            late = change(late, rng)
        watched = {name: np.concatenate([early[name], late[name]]) for name in early}
        alarms = watch_drift(reference, watched, plan).alarms
        found.append(alarms[0].case if alarms else None)
    return found


def describe(name: str, plan: DriftPlan, cases: list[int | None], is_changed: bool) -> str:
    """One row of the table of charts."""
    n_before = N_BEFORE if is_changed else N_CASES
    false = sum(one is not None and one <= n_before for one in cases)
    row = f"| {name} | {plan.window} | {len(cases)} | {100 * false / len(cases):.1f} %"
    if not is_changed:
        p = binomtest(false, len(cases), plan.false_alarm, "greater").pvalue
        return f"{row} (p = {p:.2f}) | – | – |"
    late = [one for one in cases if one is None or one > n_before]
    delays = [np.inf if one is None else one - n_before for one in late]
    found = 100 * float(np.mean(np.isfinite(delays)))
    middle = float(np.median(delays))
    told = f"{middle:.0f}" if np.isfinite(middle) else "more than the year"
    return f"{row} | {found:.1f} % | {told} |"


def describe_agreement(worse: float, after: float, runs: int, seed: int) -> str:
    """One row of the table of agreement."""
    design = design_cusum(USUAL, worse, 5000.0)
    early, delays = 0, []
    for run in range(runs):
        rng = np.random.default_rng([seed, 1, run])
        before = rng.random(N_READ_BEFORE) < USUAL
        alarm = watch_agreement(
            np.concatenate([before, rng.random(N_READ_AFTER) < after]), design
        ).alarm
        if alarm is not None and alarm.case <= N_READ_BEFORE:
            early += 1
        else:
            delays.append(np.inf if alarm is None else alarm.case - N_READ_BEFORE)
    found = 100 * float(np.mean(np.isfinite(delays)))
    return (
        f"| {100 * worse:g} % | {100 * after:g} % | {design.run_length:.0f} | {design.delay:.0f} "
        f"| {100 * early / runs:.1f} % | {found:.1f} % | {np.median(delays):.0f} |"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runs", type=int, default=1000, help="quiet years; a fifth of it of each change"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    few = max(options.runs // 5, 1)
    print("| change | window | years | false alarm | found in the year | median delay, cases |")
    print("|---|---|---|---|---|---|")
    for name, change in CHANGES:
        runs = options.runs if change is None else few
        for plan in (SHORT, LONG):
            cases = watch_years(change, plan, runs, options.seed)
            print(describe(name, plan, cases, change is not None), flush=True)
    print(
        "\n| designed for | differ after the change | cases to a false alarm, designed "
        f"| delay from 0, designed | false alarm in {N_READ_BEFORE} cases | found in "
        f"{N_READ_AFTER:,} | median delay, cases |"
    )
    print("|---|---|---|---|---|---|---|")
    for worse, after in ((0.2, 0.2), (0.2, 0.15), (0.2, 0.3), (0.15, 0.15), (0.3, 0.3)):
        print(describe_agreement(worse, after, options.runs, options.seed))
    print(f"\nseed {options.seed}")


if __name__ == "__main__":
    main()
