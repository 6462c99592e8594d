"""An image is known by its content.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import h5py
import numpy as np
import pytest

from cxrlens.imaging import read_radiograph
from cxrlens.imaging.image_identity import identify
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import digest


def write_hdf5(path: Path, *whites: int) -> None:
    """Arrays `0`, `1` … with the same phantom in it, and another picture that reaches a white."""
    pixels = draw_nth(0, seed=0).pixels.astype(np.uint16) * 4
    with h5py.File(path, "w") as file:
        for number, white in enumerate(whites):
            other = pixels.copy()
            other[0, 0] = white
            file[str(number)] = np.stack([pixels, other])


def test_a_file_is_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "any"
    path.write_bytes(b"no image")
    identity = identify(path)
    assert identity is not None
    assert identity.digest == identity.address.hex() == digest(b"no image")


def test_an_image_in_an_array_is_its_numbers_and_what_is_white_there(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_hdf5(path, 1023, 1020, 4095)
    names = [f"{path}#{array}/0" for array in (0, 1, 2)]
    found = [identify(name) for name in names]
    radiographs = [read_radiograph(name) for name in names]
    assert [one and one.digest for one in found] == [one.digest for one in radiographs]
    assert len({one and one.digest for one in found}) == 1
    first, second, third = (one.pixels for one in radiographs)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[2] is not None
    assert found[0].address != found[2].address


@pytest.mark.parametrize("name", ["missing.png", "empty.png", "a.h5#0/7", "a.h5#x/0", "a.txt#0/0"])
def test_what_cannot_be_read_is_known_by_nothing(name: str, tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", 1023)
    (tmp_path / "empty.png").touch()
    (tmp_path / "a.txt").write_text("text")
    assert identify(tmp_path / name) is None
