"""Files of one size, from phantoms or from what there is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.benchmark import write_sample
from cxrlens.imaging import read_radiograph


def test_phantoms(tmp_path: Path) -> None:
    paths = write_sample(tmp_path, 3, 0.5)
    assert [path.name for path in paths] == ["0000.jpg", "0001.jpg", "0002.jpg"]
    for path in paths:
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("JPEG", "L")
            assert image.width * image.height == pytest.approx(0.5e6, rel=0.01)
    assert len({path.read_bytes() for path in paths}) == 3


def test_of_files_in_turns(tmp_path: Path, phantom_folder: Path) -> None:
    source = sorted((phantom_folder / "covid").glob("*.png"))[0]
    first, second = write_sample(tmp_path, 2, 0.8, [str(source)])
    assert first.read_bytes() == second.read_bytes()
    with Image.open(first) as large, Image.open(source) as small:
        again = np.asarray(large.resize(small.size, Image.Resampling.BOX), dtype=np.float32)
        # the same picture, however large
        assert np.corrcoef(again.ravel(), np.asarray(small).ravel())[0, 1] > 0.99
    assert read_radiograph(first).pixels.shape[0] > 800
