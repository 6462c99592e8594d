"""Features are gathered whole, in memory or on disk, and a full disk is said.

SPDX-License-Identifier: Apache-2.0
"""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxrlens.training.feature_store import MOST_BYTES, choose_scratch, gather_features
from cxrlens.vocabulary import OutputError


def make_parts(n: int) -> Iterator[np.ndarray]:
    whole = np.random.default_rng(0).random((n, 5), dtype=np.float32)
    return (whole[start : start + 3] for start in range(0, n, 3))


@pytest.mark.parametrize("n", [0, 1, 3, 7])
def test_memory_and_disk_hold_the_same(n: int, tmp_path: Path) -> None:
    in_memory = gather_features(make_parts(n), n, 5, None)
    on_disk = gather_features(make_parts(n), n, 5, tmp_path)
    expected = np.concatenate([np.zeros((0, 5), np.float32), *make_parts(n)])
    np.testing.assert_array_equal(in_memory, expected)
    np.testing.assert_array_equal(on_disk, expected)
    assert on_disk.flags.writeable == (n == 0)
    assert list(tmp_path.iterdir()) == []


def test_size_decides(tmp_path: Path) -> None:
    assert choose_scratch(MOST_BYTES, tmp_path) is None
    assert choose_scratch(MOST_BYTES + 1, tmp_path) == tmp_path
    assert choose_scratch(MOST_BYTES + 1, None) is None


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot keep features in .*: .*; free the place"):
            gather_features(make_parts(9000), 9000, 5, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        gather_features(make_parts(3), 3, 5, tmp_path / "nowhere")
