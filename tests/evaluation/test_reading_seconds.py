"""Reading times against the standard library.

SPDX-License-Identifier: Apache-2.0
"""

import statistics

import numpy as np
import pytest

from cxrlens.evaluation.reading_seconds import ReadingSeconds, measure_seconds


def test_quartiles_are_those_of_the_standard_library() -> None:
    rng = np.random.default_rng(0)
    seconds = rng.gamma(4, 8, 41)
    seconds[::7] = np.nan
    levels = ["shadow" if one else "assistance" for one in rng.random(41) < 0.5]
    told = measure_seconds(seconds, levels)
    assert [one.level for one in told] == ["assistance", "shadow"]
    for one in told:
        own = [s for s, level in zip(seconds.tolist(), levels, strict=True) if level == one.level]
        timed = [s for s in own if s == s]  # noqa: PLR0124 - not NaN
        assert (one.n_readings, one.n_timed) == (len(own), len(timed))
        expected = statistics.quantiles(timed, n=4, method="inclusive")
        assert (one.lower_quartile, one.median, one.upper_quartile) == pytest.approx(
            tuple(expected)
        )


def test_few_readings_have_a_median_alone_and_none_has_nothing() -> None:
    seconds = np.array([10, 30, np.nan, np.nan])
    told = measure_seconds(seconds, ["shadow", "shadow", "shadow", "human only"])
    assert told == (
        ReadingSeconds("human only", 1, 0, None, None, None),
        ReadingSeconds("shadow", 3, 2, 20.0, None, None),
    )
    assert measure_seconds(np.zeros(0), []) == ()
