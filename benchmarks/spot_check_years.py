"""How seldom spot checks call a kept promise broken, and how soon they find one that is.

SPDX-License-Identifier: Apache-2.0

A year: 20,000 cases, one a patient, in all of which the machine may decide. A share of them is
drawn by lot before it decides, and read; drawn patients with the finding were decided wrongly with
probability m, each on its own. The promise is m <= r, and `judge_spot_checks` looks after every
reading with delta = 5 %. At m = r nothing is broken, and whatever is called broken is a false
alarm; then m is 2, 5 and 10 times r from the first case on. In the second table the machine keeps
half a year long a promise twice as good (m = r / 2), and is worse from then on. The reader errs
never; delays are counted in cases of all kinds, since the change.

    python benchmarks/spot_check_years.py --years 2000 --seed 0
"""

import argparse

import numpy as np
from scipy.stats import binomtest

from cxrlens.evaluation import judge_spot_checks

N_CASES = 20_000

DELTA = 0.05

TIMES = (2, 5, 10)

SETTINGS = tuple(
    (share, prevalence, risk)
    for risk in (0.05, 0.02)
    for prevalence in (0.1, 0.02)
    for share in (0.05, 0.1)
)
"""Share drawn, share of patients with the finding, promise."""


def find_alarms(
    at_stake: float, rates: np.ndarray, risk: float, years: int, seed: tuple[int, ...]
) -> np.ndarray:
    """The case, from 1, at which each year's promise is called broken; infinite where never.

    Args:
        at_stake: chance that a case is drawn and its patient has the finding.
        rates: m at each case of a year.
        risk: the promise.
        years: how many.
        seed: of all.
    """
    alarms = np.full(years, np.inf)
    for year in range(years):
        rng = np.random.default_rng([*seed, year])
        cases = np.flatnonzero(rng.random(rates.size) < at_stake)
        is_wrong = rng.random(cases.size) < rates[cases]
        broken_at = judge_spot_checks(is_wrong, risk, DELTA).broken_at
        if broken_at is not None:
            alarms[year] = cases[broken_at - 1] + 1
    return alarms


def describe_false(alarms: np.ndarray) -> str:
    """How often a kept promise is called broken, and the one-sided test of more than delta."""
    n_false = int(np.isfinite(alarms).sum())
    p_value = binomtest(n_false, alarms.size, DELTA, "greater").pvalue
    return f"{100 * n_false / alarms.size:.1f} % (p = {p_value:.2f})"


def describe_delay(delays: np.ndarray) -> str:
    """Share found and quartiles of the delay, where what is not found waits for ever."""
    found = f"{100 * float(np.isfinite(delays).mean()):.1f} %"
    ends = np.quantile(delays, (0.25, 0.5, 0.75), method="inverted_cdf")
    if not np.isfinite(ends[0]):
        return found
    low, middle, high = (f"{one:,.0f}" if np.isfinite(one) else "> year" for one in ends)
    return f"{found}: {middle} ({low} to {high})"


def describe(share: float, prevalence: float, risk: float, years: int, seed: int) -> str:
    """One row of the first table."""
    key = (seed, round(1000 * share), round(1000 * prevalence), round(1000 * risk))
    alarms = {
        times: find_alarms(
            share * prevalence, np.full(N_CASES, times * risk), risk, years, (*key, times)
        )
        for times in (1, *TIMES)
    }
    told = [describe_false(alarms[1]), *(describe_delay(alarms[times]) for times in TIMES)]
    read = f"{share * prevalence * N_CASES:,.0f}"
    return f"| {100 * risk:g} % | {100 * prevalence:g} % | {100 * share:g} % | {read} | " + (
        " | ".join(told) + " |"
    )


def describe_late(share: float, prevalence: float, risk: float, years: int, seed: int) -> str:
    """One row of the second table."""
    key = (seed, 1, round(1000 * share), round(1000 * prevalence), round(1000 * risk))
    half, told = N_CASES // 2, []
    for times in TIMES:
        rates = np.where(np.arange(N_CASES) < half, risk / 2, times * risk)
        alarms = find_alarms(share * prevalence, rates, risk, years, (*key, times))
        told.append(describe_delay(alarms[alarms > half] - half))
    return f"| {100 * risk:g} % | {100 * prevalence:g} % | {100 * share:g} % | " + (
        " | ".join(told) + " |"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--years", type=int, default=2000, help="a setting")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    columns = " | ".join(f"m = {times} r" for times in TIMES)
    print(
        "| r | patients with the finding | drawn | drawn with the finding, a year "
        f"| m = r: called broken (p, more than δ) | {columns} |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for setting in SETTINGS:
        print(describe(*setting, options.years, options.seed), flush=True)
    print(f"\n| r | patients with the finding | drawn | {columns} |")
    print("|---|---|---|---|---|---|")
    for setting in SETTINGS:
        if setting[1] == max(prevalence for _, prevalence, _ in SETTINGS):
            print(describe_late(*setting, options.years, options.seed), flush=True)
    print(f"\n{options.years} years of {N_CASES:,} cases a cell, seed {options.seed}")


if __name__ == "__main__":
    main()
