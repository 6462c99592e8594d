"""What gives way when the store grows.

SPDX-License-Identifier: Apache-2.0
"""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.imaging.store_budget import StoreBudget


def lay_out(folder: Path, sizes: dict[str, int]) -> dict[str, Path]:
    """Shards, the first of them used longest ago."""
    paths = {}
    for age, (name, size) in enumerate(sizes.items()):
        paths[name] = folder / f"{name * 32}.pixels"
        paths[name].write_bytes(bytes(size))
        os.utime(paths[name], (age, age))
    return paths


def test_the_least_recently_used_goes_first_and_the_own_never(tmp_path: Path) -> None:
    paths = lay_out(tmp_path, {"a": 30, "b": 40, "c": 20, "d": 10})
    (tmp_path / "notes.pixels").write_bytes(bytes(1000))
    (tmp_path / "aa.csv").write_bytes(bytes(1000))
    budget = StoreBudget(tmp_path, 100)
    assert budget.make_room(paths["a"], 0) is None
    assert all(path.exists() for path in paths.values())
    assert budget.make_room(paths["a"], 1) is None
    assert [name for name in paths if paths[name].exists()] == ["a", "c", "d"]
    told = budget.make_room(paths["a"], 71)
    assert told == "its limit of 1e-07 GB is reached"
    assert [name for name in paths if paths[name].exists()] == ["a"]
    assert len(list(tmp_path.iterdir())) == 3


@given(st.lists(st.integers(0, 50), max_size=6), st.integers(1, 120), st.integers(0, 60))
def test_there_is_room_or_nothing_else_is_left(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int, n_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("store")
    paths = lay_out(folder, dict(zip("abcdef", sizes, strict=False)))
    own = folder / f"{'0' * 32}.pixels"
    own.write_bytes(bytes(20))
    told = StoreBudget(folder, limit).make_room(own, n_bytes)
    left = [path for path in paths.values() if path.exists()]
    total = 20 + n_bytes + sum(path.stat().st_size for path in left)
    assert (told is None) == (total <= limit)
    assert told is None or not left
    assert left == list(paths.values())[len(paths) - len(left) :]
