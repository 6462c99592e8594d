from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.data import read_table, write_phantoms
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import InputError


def test_what_is_written_is_what_is_drawn(tmp_path: Path) -> None:
    drawn = write_phantoms(tmp_path / "data", {"train": 12, "test": 12}, seed=3, processes=2)
    table = read_table(tmp_path / "data")
    assert table.counts.keys() == {"train", "test"}
    assert [len(drawn[part]) for part in ("train", "test")] == [12, 12]
    for number, phantom in enumerate([*drawn["train"], *drawn["test"]]):
        again = draw_nth(number, 3)
        assert phantom.label == again.label
        assert (phantom.pixels == again.pixels).all()
    pixels = {Image.open(path).tobytes() for path in table.images}
    assert pixels == {phantom.pixels.tobytes() for part in drawn.values() for phantom in part}


def test_lesions_stand_beside_as_masks(tmp_path: Path) -> None:
    drawn = write_phantoms(tmp_path / "data", 6, findings=("normal", "covid"))
    frame = read_table(tmp_path / "data").frame
    assert set(frame["label"]) == {"normal", "covid"}
    masks = dict(zip(frame["label"], frame["mask"], strict=True))
    assert masks["normal"] is None
    lesions = {phantom.lesion.tobytes() for phantom in drawn[""]}
    assert (np.asarray(Image.open(masks["covid"])) > 0).tobytes() in lesions


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already"):
        write_phantoms(tmp_path, 3)
    assert not list(tmp_path.iterdir())
