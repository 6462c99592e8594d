"""The store of decoded pixels.

SPDX-License-Identifier: Apache-2.0
"""

import gc
import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.imaging import Preprocessing, decode, read_radiograph
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import OutputError, digest

STEP = Preprocessing(32, 40)


def make_files(folder: Path, n: int, bad: dict[int, bytes]) -> list[str]:
    rng = np.random.default_rng(0)
    paths = []
    for i in range(n):
        path = folder / f"{i:03d}.png"
        if i in bad:
            path.write_bytes(bad[i])
        else:
            size = (int(rng.integers(64, 120)), int(rng.integers(64, 120)))
            Image.fromarray(draw_nth(i, seed=0).pixels).resize(size).save(path)
        paths.append(str(path))
    return paths


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("is_on_disk", [False, True])
def test_a_batch_equals_one_by_one_and_goes_on_past_refusals(
    workers: int, is_on_disk: bool, tmp_path: Path
) -> None:
    paths = make_files(tmp_path, 25, {0: b"", 7: b"<html>", 24: b"\xff\xd8\xff\xe0"})
    seen: list[int] = []
    scratch = tmp_path if is_on_disk else None
    store = decode(paths, STEP, workers=workers, scratch=scratch, progress=seen.append)
    kept = [i for i in range(25) if i not in (0, 7, 24)]
    assert store.kept.tolist() == kept
    assert [(r.image, r.reason) for r in store.refusals] == [
        (paths[0], "empty"), (paths[7], "unknown-format"), (paths[24], "truncated"),
    ]  # fmt: skip
    assert seen == list(range(1, 26))
    assert (store.pixels.shape, store.pixels.dtype) == ((22, 32, 40), np.uint16)
    for row, i in enumerate(kept):
        one = read_radiograph(paths[i])
        assert np.abs(store.pixels[row] / 65535 - STEP.apply(one.pixels)).max() <= 0.51 / 65535
        assert store.source_sizes[row] == one.pixels.shape
        assert store.digests[row] == digest(Path(paths[i]).read_bytes())
        assert store.n_bytes[row] == Path(paths[i]).stat().st_size


def test_nothing_is_left_in_the_scratch_folder(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    store = decode(make_files(tmp_path, 3, {}), STEP, scratch=scratch)
    assert list(scratch.iterdir()) == []
    assert store.pixels.max() > 0
    assert not store.pixels.flags.writeable
    del store
    gc.collect()


@pytest.mark.parametrize("is_on_disk", [False, True])
def test_all_refused_and_none_given_are_empty_stores(is_on_disk: bool, tmp_path: Path) -> None:
    scratch = tmp_path if is_on_disk else None
    for paths in ([], make_files(tmp_path, 2, {0: b"", 1: b""})):
        store = decode(paths, STEP, scratch=scratch)
        assert (store.pixels.shape, store.kept.tolist()) == ((0, 32, 40), [])
        assert len(store.refusals) == len(paths)


def test_a_missing_scratch_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        decode(make_files(tmp_path, 1, {}), STEP, scratch=tmp_path / "nowhere")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    paths = make_files(tmp_path, 40, {})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="cannot keep decoded images in"):
            decode(paths, STEP, scratch=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_workers_are_checked() -> None:
    with pytest.raises(ValueError, match="workers must be 1 or more; got 0"):
        decode([], STEP, workers=0)
