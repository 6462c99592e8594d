"""What a file says of itself."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.imaging import read_file_facts
from cxrlens.vocabulary import ImageRefused


def test_headers_are_told_apart(tmp_path: Path) -> None:
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 90), dtype=np.uint8))
    grey.save(tmp_path / "a.png")
    grey.convert("RGB").save(tmp_path / "b.jpg", quality=50)
    grey.save(tmp_path / "c.jpg", quality=90)
    grey.save(tmp_path / "d.jpg", quality=90, progressive=True)
    Image.fromarray(np.zeros((80, 90), dtype=np.uint16)).save(tmp_path / "e.png")
    grey.save(tmp_path / "f.tif")
    facts = {path.name: read_file_facts(path) for path in sorted(tmp_path.iterdir())}
    kinds = [(one.kind, one.colours, one.bits) for one in facts.values()]
    assert kinds == [
        ("PNG", "L", 8), ("JPEG", "RGB", 8), ("JPEG", "L", 8), ("JPEG", "L", 8),
        ("PNG", "I;16", 16), ("TIFF", "L", 0),
    ]  # fmt: skip
    assert facts["c.jpg"].tables == facts["d.jpg"].tables != facts["b.jpg"].tables
    assert {facts[name].tables for name in ("a.png", "e.png", "f.tif")} == {"none"}


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match="does not exist"):
        read_file_facts(tmp_path / "none.png")


def test_an_image_inside_hdf5_has_no_header_of_its_own(tmp_path: Path) -> None:
    assert read_file_facts(f"{tmp_path}/train.h5#image/3").kind == "HDF5"
