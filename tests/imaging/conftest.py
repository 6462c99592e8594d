"""What tests of DICOM share: dcmtk, and a real chest radiograph to make files from.

SPDX-License-Identifier: Apache-2.0
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.filewriter import correct_ambiguous_vr
from tests.conftest import miss

Tool = Callable[..., Path]
"""Runs a program of dcmtk on a file and gives the file that it wrote."""


@pytest.fixture(scope="session")
def dcmtk(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    """Runs `PROGRAM OPTIONS… IN OUT`."""
    if shutil.which("dcmj2pnm") is None or shutil.which("dcml2pnm") is None:
        miss("no dcmtk: apt-get install dcmtk")
    folder = tmp_path_factory.mktemp("dcmtk")

    def run(program: str, *options: object) -> Path:
        *flags, source = map(str, options)
        out = folder / f"{len(list(folder.iterdir()))}"
        subprocess.run([program, *flags, source, str(out)], check=True, capture_output=True)
        return out

    return run


@pytest.fixture(scope="session")
def rg1() -> Path:
    """A chest CR of 1955 x 1841 pixels, 15 bits, MONOCHROME1, window 15000/30000."""
    return Path(str(get_testdata_file("RG1_UNCR.dcm", download=False)))


Make = Callable[..., Path]
"""Writes a file like the small radiograph with some elements changed."""


@pytest.fixture(scope="session")
def small(rg1: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every 16th pixel of it: 123 x 116."""
    dataset = pydicom.dcmread(rg1)
    pixels = dataset.pixel_array[::16, ::16]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    del dataset[0xFFFCFFFC]  # nothing behind the pixels
    path = tmp_path_factory.mktemp("small") / "small.dcm"
    dataset.save_as(path)
    return path


@pytest.fixture
def make(small: Path, tmp_path: Path) -> Make:
    """Writes the small radiograph with elements changed, or left out where they are None."""

    def write(pixels: np.ndarray | None = None, **elements: object) -> Path:
        dataset = pydicom.dcmread(small)
        if pixels is not None:
            dataset.Rows, dataset.Columns = pixels.shape[:2]
            dataset.PixelData = pixels.tobytes()
        for keyword, value in elements.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.dcm"
        correct_ambiguous_vr(dataset, is_little_endian=True)
        dataset.save_as(path)
        return path

    return write
