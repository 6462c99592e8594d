"""Changed answers, counted a second time one by one, and by hand.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.evaluation.proportions import measure_proportion
from cxrlens.evaluation.switches import Switch, SwitchAnswers, Switches, measure_switches

Row = tuple[float, float, float, float]

answers = st.sampled_from([0.0, 1.0, float("nan")])
rows = st.lists(
    st.tuples(answers, answers, answers, st.sampled_from([0.0, 1.0, -1.0, float("nan")])),
    max_size=60,
)


def _measure(table: list[Row], images: int = 1) -> Switches:
    columns = np.array(table, dtype=np.float64).reshape(-1, 4).T
    return measure_switches(SwitchAnswers(*columns, clusters=np.arange(len(table)) // images))


def _count_slowly(table: list[Row]) -> dict[str, tuple[int, int]]:
    names = ["changed", "toward", "away", "to_right", "to_wrong", "led_right", "led_wrong"]
    counts = {name: [0, 0] for name in names}
    for first, final, machine, reference in table:
        if any(one not in (0, 1) for one in (first, final, machine)):
            continue
        kinds = ["changed", "away" if first == machine else "toward"]
        if reference in (0, 1):
            kinds.append("to_wrong" if first == reference else "to_right")
            if first == reference and machine != reference:
                kinds.append("led_wrong")
            if first != reference and machine == reference:
                kinds.append("led_right")
        for kind in kinds:
            counts[kind][0] += first != final
            counts[kind][1] += 1
    return {name: (changed, among) for name, (changed, among) in counts.items()}


@given(rows, st.integers(1, 3))
def test_counted_one_by_one(table: list[Row], images: int) -> None:
    told = _measure(table, images)
    for name, (changed, among) in _count_slowly(table).items():
        switch: Switch = getattr(told, name)
        assert (switch.n_changed, switch.n_open) == (changed, among), name
        if among:
            assert switch.share.value == pytest.approx(changed / among)
            assert switch.share.n == among
        else:
            assert switch.share.value is None
            assert "could have been changed" in switch.share.method


@given(rows)
def test_every_change_goes_one_way(table: list[Row]) -> None:
    told = _measure(table)
    assert told.toward.n_changed + told.away.n_changed == told.changed.n_changed
    assert told.toward.n_open + told.away.n_open == told.changed.n_open == told.n_readings
    assert told.to_right.n_open + told.to_wrong.n_open == told.n_judged <= told.n_readings
    assert told.led_right.n_changed <= min(told.toward.n_changed, told.to_right.n_changed)
    assert told.led_wrong.n_changed <= min(told.toward.n_changed, told.to_wrong.n_changed)


def test_a_reader_who_does_as_the_machine_says() -> None:
    first, machine = [1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]
    told = _measure([(a, m, m, 1.0) for a, m in zip(first, machine, strict=True)] * 5)
    assert (told.toward.n_changed, told.toward.n_open) == (10, 10)
    assert (told.away.n_changed, told.away.n_open) == (0, 10)
    assert (told.led_right.n_changed, told.led_right.n_open) == (5, 5)
    assert (told.led_wrong.n_changed, told.led_wrong.n_open) == (5, 5)


def test_shares_have_intervals_by_patient() -> None:
    table: list[Row] = [(1.0, float(i % 3 > 0), 0.0, 1.0) for i in range(60)]
    told = _measure(table, images=2).led_wrong.share
    hits = np.array([i % 3 == 0 for i in range(60)])
    assert told == measure_proportion(hits, np.arange(60) // 2).to_estimate()
    assert told.low is not None
    few = _measure(table[:4]).led_wrong.share
    assert few.low is None
    assert few.method == "no interval: it rests on 4 patients, fewer than 5"
