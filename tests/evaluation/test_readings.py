"""Readings that contradict themselves are refused; parts are never merged.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cxrlens.evaluation.readings import Readings, find_bundle, split_readings
from cxrlens.vocabulary import InputError

nan = float("nan")


def _make(n: int = 4, **changes: object) -> Readings:
    ones = np.ones((n, 1), dtype=np.float32)
    columns: dict[str, Any] = {
        "classes": ("effusion",),
        "clusters": np.arange(n),
        "first": ones * np.float32(nan),
        "final": ones,
        "machine": ones,
        "reference": ones * np.float32(nan),
        "seconds": np.full(n, 30.0),
        "shown": np.zeros(n, dtype=bool),
        "bundles": ("aa",) * n,
        "levels": ("shadow",) * n,
    }
    return Readings(**{**columns, **changes})


def _column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bundles": ("aa",) * 3}, "equally long columns and 1 classes"),
        ({"classes": ("a", "b")}, "equally long columns and 2 classes"),
        ({"levels": ("shadow",)}, "equally long columns"),
        ({"final": _column(1, 0, 0.5, 1)}, r"reading 2 .* says 0.5 of 'effusion' \(final\)"),
        ({"first": _column(1, -1, 0, 1)}, r"reading 1 \(from 0\) says -1 of 'effusion' \(first\)"),
        ({"machine": _column(1, np.inf, 0, 1)}, r"reading 1 \(from 0\) says inf"),
        ({"reference": _column(1, 2, 0, 1)}, r"says 2 of 'effusion' \(reference\)"),
        ({"bundles": ("aa", "aa", "aa", None)}, r"reading 3 \(from 0\) holds a decision"),
        (
            {"machine": _column(1, nan, 0, 1), "shown": np.array([False, True, False, False])},
            r"reading 1 \(from 0\) says that the machine's answer was shown, and holds none",
        ),
        ({"seconds": np.array([1, nan, -2, 1.0])}, r"reading 2 \(from 0\) took -2 seconds"),
        ({"seconds": np.array([1, nan, 2, np.inf])}, r"reading 3 \(from 0\) took inf seconds"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        _make(**changes)


def test_uncertain_references_and_no_readings_are_allowed() -> None:
    assert np.isnan(_make(reference=_column(-1, nan, 0, 1)).reference[1, 0])
    assert _make(0).unaided.shape == (0, 1)
    assert split_readings(_make(0)) == ()
    assert find_bundle(_make(0)) is None


def test_unaided_is_the_first_answer_or_a_final_one_that_was_blind() -> None:
    readings = _make(
        first=_column(0, nan, nan, 1),
        final=_column(1, 1, 1, nan),
        shown=np.array([True, False, True, False]),
    )
    assert np.array_equal(readings.unaided[:, 0], [0, 1, nan, 1], equal_nan=True)


def test_splitting_keeps_every_reading_once_and_nothing_apart_together() -> None:
    rng = np.random.default_rng(0)
    n = 60
    bundles = tuple(str(one) for one in rng.choice(["aa", "bb", "cc"], n))
    levels = tuple(str(one) for one in rng.choice(["shadow", "assistance", "human only"], n))
    none = tuple(
        None if level == "human only" else one for one, level in zip(bundles, levels, strict=True)
    )
    machine = np.where(np.array([[one is None] for one in none]), np.float32(nan), np.float32(1))
    readings = _make(n, bundles=none, levels=levels, machine=machine)
    parts = split_readings(readings)
    keys = [(part.bundles[0], part.levels[0]) for part in parts]
    assert keys[0] == (None, "human only")
    assert set(keys) == set(zip(none, levels, strict=True))
    assert [(one or "", level) for one, level in keys] == sorted(
        (one or "", level) for one, level in keys
    )
    for part, key in zip(parts, keys, strict=True):
        assert set(zip(part.bundles, part.levels, strict=True)) == {key}
    together = np.concatenate([part.clusters for part in parts])
    assert sorted(together.tolist()) == list(range(n))
    by_bundle = split_readings(readings, by_level=False)
    assert [part.bundles[0] for part in by_bundle] == [None, "aa", "bb", "cc"]
    assert sum(len(part.clusters) for part in by_bundle) == n


def test_bundles_are_never_merged() -> None:
    readings = _make(bundles=("aa", "bb", "aa", "aa"))
    with pytest.raises(InputError, match=r"got 2: aa \(3 readings\), bb \(1 readings\)"):
        find_bundle(readings)
    assert [find_bundle(part) for part in split_readings(readings)] == ["aa", "bb"]


def test_readings_without_a_model_may_stand_beside_one_bundle() -> None:
    machine = _column(1, nan, 1, 1)
    readings = _make(machine=machine, bundles=("aa", None, "aa", "aa"))
    assert find_bundle(readings) == "aa"
    assert find_bundle(readings.take(np.array([False, True, False, False]))) is None


def test_taking_some_keeps_columns_together() -> None:
    readings = replace(_make(), seconds=np.arange(4.0), levels=("a", "b", "c", "d"))
    some = readings.take(np.array([False, True, False, True]))
    assert (some.clusters.tolist(), some.seconds.tolist(), some.levels) == (
        [1, 3], [1, 3], ("b", "d"),
    )  # fmt: skip
