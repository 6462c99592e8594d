"""A table keeps the rows whose image can be read, and lists the others.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrlens.data import read_table
from cxrlens.imaging import PixelStore, Preprocessing
from cxrlens.inference import prepare
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import Silence, TableError


class _Count:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def advance(self, task: str, done: int, total: int) -> None:
        self.calls.append((task, done, total))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six phantoms in two classes."""
    for name in ("NORMAL", "PNEUMONIA"):
        (tmp_path / name).mkdir()
        for number in range(3):
            pixels = draw_nth(2 * number + (name == "NORMAL"), seed=0).pixels
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_rows_and_images_stay_together(folder: Path) -> None:
    (folder / "NORMAL" / "1.png").write_bytes(b"\x89PNG broken")
    table, count = read_table(folder), _Count()
    prepared = prepare(table, Preprocessing(32, 32), count)
    assert len(prepared.table.images) == len(prepared.images.pixels) == 5
    assert [Path(refusal.image).name for refusal in prepared.table.refusals] == ["1.png"]
    for path, pixels in zip(prepared.table.images, prepared.images.pixels, strict=True):
        truth = np.asarray(Image.open(path), dtype=np.float32) / 255
        network = Preprocessing(32, 32).apply(truth)
        np.testing.assert_allclose(pixels / np.iinfo(pixels.dtype).max, network, atol=1e-3)
    assert count.calls[-1] == ("read images", 6, 6)


def test_no_image_at_all_is_refused_with_the_first_reason(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        path.write_bytes(b"\x89PNG broken")
    with pytest.raises(TableError, match="none of the 6 images can be read; the first: "):
        prepare(read_table(folder), Preprocessing(32, 32), Silence())


def test_what_a_table_s_store_holds_is_taken_from_it(folder: Path) -> None:
    table = read_table(folder)
    without = prepare(table, Preprocessing(32, 32), Silence())
    kept = table.with_store(PixelStore(folder / "kept")).take([0, 1, 2, 3, 4, 5])
    for _ in range(2):
        prepared = prepare(kept, Preprocessing(32, 32), Silence())
        assert np.array_equal(prepared.images.pixels, without.images.pixels)
        assert prepared.table.notes == table.notes
    (file,) = (folder / "kept").iterdir()
    assert file.stat().st_size == 6 * (4096 + 2 * 32 * 32)
    assert not prepared.images.pixels.flags.writeable


def test_what_goes_wrong_with_the_store_is_a_note(folder: Path) -> None:
    table = read_table(folder).with_store(PixelStore(folder / "kept", 15_000 / 1e9))
    prepared = prepare(table, Preprocessing(32, 32), Silence())
    assert len(prepared.images.pixels) == 6
    assert prepared.table.notes[-1].endswith("4 of them will be decoded again next time.")


def test_masks_written_as_runs_are_used_and_named_by_their_image(folder: Path) -> None:
    table = read_table(folder)
    long = "rle:64x64:" + " ".join("1 2" for _ in range(400))
    masks = ["rle:256x256:300 20", long, None, None, None, None]
    table = replace(table, frame=table.frame.assign(mask=pd.Series(masks, dtype=object)))
    prepared = prepare(table, Preprocessing(32, 32), Silence())
    assert prepared.table.frame["mask"].tolist() == [masks[0], *[None] * 5]
    (refusal,) = prepared.table.refusals
    assert (refusal.image, refusal.reason) == (table.images[1], "bad-mask")
    assert "(64, 64)" in refusal.message
    assert "1 2 1 2" not in refusal.message
