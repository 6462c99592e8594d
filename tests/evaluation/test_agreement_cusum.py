"""The sum of disagreements against a slow second writing, and simulated rooms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.evaluation import design_cusum, watch_agreement

DESIGN = design_cusum(0.1, 0.25, 5000.0)


@given(st.lists(st.booleans(), max_size=200))
def test_the_second_writing(differs: list[bool]) -> None:
    """Page's own form: how far a free sum has risen above its lowest value so far."""
    told = watch_agreement(np.array(differs, dtype=np.bool_), DESIGN)
    free, lowest, sums = 0, 0, []
    for one in differs:
        free += DESIGN.up if one else -DESIGN.down
        lowest = min(lowest, free)
        sums.append(free - lowest)
        if sums[-1] >= DESIGN.limit:
            break
    assert told.sums.tolist() == sums
    assert (told.alarm is not None) == bool(sums and sums[-1] >= DESIGN.limit)
    if told.alarm is not None:
        assert told.alarm.case == len(sums)


def test_the_alarm_in_words() -> None:
    differs = np.zeros(100, dtype=np.bool_)
    differs[10] = True
    differs[60:] = True
    told = watch_agreement(differs, DESIGN)
    assert told.alarm is not None
    n = told.alarm.case - 60
    assert told.sums.size == told.alarm.case
    assert told.alarm.why.startswith(
        f"reader and machine differed in {n} of the {n} cases from case 61 to {60 + n}, where 10 %"
    )
    assert told.alarm.chart == "agreement"


def test_who_always_agrees_raises_none() -> None:
    told = watch_agreement(np.zeros(10_000, dtype=np.bool_), DESIGN)
    assert told.alarm is None
    assert not told.sums.any()


@pytest.mark.slow
def test_false_alarms_and_delay() -> None:
    """A change after 500 cases: the sum stands somewhere then, and alarms sooner than from 0."""
    rng = np.random.default_rng(4)
    early, delays = 0, []
    for _ in range(1000):
        differs = np.concatenate([rng.random(500) < 0.1, rng.random(3000) < 0.25])
        alarm = watch_agreement(differs, DESIGN).alarm
        assert alarm is not None
        if alarm.case <= 500:
            early += 1
        else:
            delays.append(alarm.case - 500)
    # the time to a false alarm is nearly geometric with the designed mean
    assert early / 1000 == pytest.approx(1 - np.exp(-500 / DESIGN.run_length), abs=0.03)
    error = np.std(delays) / np.sqrt(len(delays))
    assert 0.5 * DESIGN.delay < np.mean(delays) < DESIGN.delay + 3 * error
