"""Masks in files and in text.

SPDX-License-Identifier: Apache-2.0
"""

import gzip
import importlib.util
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxrlens.imaging import read_mask
from cxrlens.vocabulary import ImageRefused


def refusal(reference: str | Path) -> tuple[str, str]:
    with pytest.raises(ImageRefused) as caught:
        read_mask(reference)
    return caught.value.reason, str(caught.value)


def decode_slowly(text: str, width: int, height: int) -> np.ndarray:
    """As `mask_functions.py` of the SIIM-ACR data does it."""
    mask = np.zeros(width * height, bool)
    numbers = [int(word) for word in text.split()]
    position = 0
    for start, length in zip(numbers[0::2], numbers[1::2], strict=True):
        position += start
        mask[position : position + length] = True
        position += length
    return mask.reshape(width, height).T


def encode(mask: np.ndarray) -> str:
    """Run lengths of a mask, each start counted from the end of the run before."""
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return " ".join(str(step) for step in np.diff(edges, prepend=0))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_run_lengths_are_undone(seed: int, height: int, width: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.4
    text = encode(mask)
    assert np.array_equal(read_mask(f"rle:{height}x{width}:{text}"), mask)
    assert np.array_equal(decode_slowly(text, width, height), mask)


def test_masks_of_one_image_are_joined() -> None:
    first, second = np.zeros((2, 30, 20), bool)
    first[3:9, 4:12], second[7:20, 8:15] = True, True
    text = f"rle:30x20:{encode(first)};{encode(second)}"
    assert np.array_equal(read_mask(text), first | second)
    assert np.array_equal(read_mask(Path(text)), first | second)


def test_no_finding_is_an_empty_mask() -> None:
    for text in ("rle:4x5:-1", "rle:4x5:", "rle:4x5: -1 "):
        assert (read_mask(text).shape, read_mask(text).any()) == ((4, 5), False)


def test_malformed_run_lengths_are_refused() -> None:
    worked = {
        "rle:": "HEIGHTxWIDTH", "rle:4x5": "HEIGHTxWIDTH", "rle:0x5:1 1": "HEIGHTxWIDTH",
        "rle:4x5:1 a": "HEIGHTxWIDTH", "rle:4x5:1": "pairs", "rle:4x5:1 1 -2 1": "pairs",
        "rle:4x5:1 -1": "pairs", "rle:4x5:19 2": "pixel 21 of 20", "rle:4x5:1 1;20 1": "pixel 21",
        "rle:4x5:99999999999 1": "pairs", "rle:99999x99999:1 1": "up to",
        "rle:4x5:1 1\n": "HEIGHTxWIDTH",
    }  # fmt: skip
    for text, word in worked.items():
        reason, message = refusal(text)
        assert (reason, word in message) == ("bad-mask", True), message
    assert len(refusal("rle:4x5:" + "1 " * 10_000 + "x")[1]) < 200


def test_a_file_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((8, 9), 255, np.uint8)).save("rle:4x5:1 1", "PNG")
    assert read_mask("rle:4x5:1 1").shape == (8, 9)


def test_files_of_zero_and_one_and_of_grey(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((20, 30)) < 0.5
    for name, image in {
        "bytes": Image.fromarray(mask.astype(np.uint8) * 255),
        "ones": Image.fromarray(mask.astype(np.uint8)),
        "bits": Image.fromarray(mask),
    }.items():
        image.save(tmp_path / name, "PNG")
        assert np.array_equal(read_mask(tmp_path / name), mask)
    (tmp_path / "text").write_bytes(b"no mask")
    for name in ("text", "missing", "."):
        assert refusal(tmp_path / name)[0] == "bad-mask"


@pytest.mark.parametrize("top", [2, 5, 127])
def test_a_file_of_classes_is_no_empty_mask(top: int, tmp_path: Path) -> None:
    classes = np.random.default_rng(0).integers(0, top + 1, (20, 30)).astype(np.uint8)
    classes[0, 0] = top
    Image.fromarray(classes).save(tmp_path / "mask.png")
    reason, message = refusal(tmp_path / "mask.png")
    assert (reason, f"up to {top}" in message) == ("bad-mask", True)


def test_what_is_no_plain_image_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    reason, message = refusal(tmp_path / "pipe.png")
    assert (reason, "pipe" in message) == ("bad-mask", True)
    Image.new("RGB", (20, 30)).save(tmp_path / "mask.png", "EPS")  # Pillow starts Ghostscript
    reason, message = refusal(tmp_path / "mask.png")
    assert (reason, "no image" in message) == ("bad-mask", True)


def test_real_run_lengths_equal_the_real_masks(shared: Path) -> None:
    """SIIM-ACR's text, scaled down as its masks were, to the pixel."""
    package = importlib.util.find_spec("torchxrayvision")
    assert package is not None
    assert package.submodule_search_locations is not None
    file = Path(package.submodule_search_locations[0], "data/siim-pneumothorax-train-rle.csv.gz")
    with gzip.open(file) as lines:
        table = pd.read_csv(lines, skipinitialspace=True)
    joined = table.groupby("ImageId")["EncodedPixels"].agg(";".join)
    masks = sorted((shared / "data/masks/pneumothorax").glob("siim_*.png"))
    assert len(masks) == 60
    for path in masks[::3]:
        large = read_mask(f"rle:1024x1024:{joined[path.stem.removeprefix('siim_')]}")
        grey = Image.fromarray(large.astype(np.uint8) * 255)
        small = np.asarray(grey.resize((320, 320), Image.Resampling.BILINEAR)) > 127
        assert np.array_equal(small, read_mask(path))
