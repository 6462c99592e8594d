"""Images inside HDF5 files, and what the files say of themselves.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxrlens.imaging import (
    Preprocessing,
    decode,
    read_hdf5_array,
    read_hdf5_header,
    read_radiograph,
    split_reference,
    stream,
)
from cxrlens.imaging.reading import load_scan
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import ImageRefused, Refusal, TableError

ROWS, COLS = 80, 100
RAMP = (np.add.outer(np.arange(ROWS) * 2, np.arange(COLS)) % 256).astype(np.uint8)
WIDE = RAMP.astype(np.uint16) * 257


def write(path: Path, **arrays: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def refusal(reference: str | Path) -> tuple[str, str]:
    with pytest.raises(ImageRefused) as caught:
        load_scan(reference)
    return caught.value.reason, str(caught.value)


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "h w": lambda one: one,
    "h w 1": lambda one: one[:, :, None],
    "1 h w": lambda one: one[None],
    "h w 3": lambda one: np.dstack([one] * 3),
    "3 h w": lambda one: np.stack([one] * 3),
}
NUMBERS = {
    "uint8": RAMP,
    "uint16": WIDE,
    "12 bits in uint16": WIDE >> 4,
    "10 bits in uint16": WIDE >> 6,
    "int16": (WIDE >> 4).astype(np.int16),
    "int64": RAMP.astype(np.int64),
    "float32": RAMP / np.float32(255),
    "float64": RAMP / 255,
    "float16": (RAMP / 255).astype(np.float16),
    "float32 to 255": RAMP.astype(np.float32),
    "big-endian uint16": WIDE.astype(">u2"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_every_layout_and_number_equals_the_grey_twin(
    layout: str, numbers: str, tmp_path: Path
) -> None:
    one = LAYOUTS[layout](NUMBERS[numbers])
    dark = np.zeros_like(one)
    path = write(tmp_path / "x.h5", image=np.stack([dark, one, dark]).astype(one.dtype))
    scan, key, n_bytes = load_scan(f"{path}#image/1")
    assert scan.pixels.dtype == np.float32
    assert np.abs(scan.pixels - RAMP / 255).max() <= 1 / 255
    assert (scan.colourfulness, scan.warnings, n_bytes) == (0, (), one.nbytes)
    head = f"{one.dtype.str} {one.shape} ".encode()
    assert key == hashlib.sha256(head + one.tobytes()).hexdigest()


def test_colours_are_weighed_and_measured(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (2, ROWS, COLS, 3), dtype=np.uint8)
    path = write(tmp_path / "x.h5", last=rgb, first=np.moveaxis(rgb, 3, 1))
    grey = rgb[1] @ np.array([0.299, 0.587, 0.114]) / 255
    expected = np.percentile(np.ptp(rgb[1].astype(int), axis=2) / 255, 99)
    for name in ("last", "first"):
        scan, _, _ = load_scan(f"{path}#{name}/1")
        assert np.abs(scan.pixels - grey).max() <= 0.51 / 255
        assert scan.colourfulness == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4"])
def test_all_images_of_an_array_are_on_one_scale(dtype: str, tmp_path: Path) -> None:
    array = np.zeros((100, ROWS, COLS), dtype)
    array[:, 3, 5] = 200  # a dark image each …
    array[0, 3, 5] = 4000  # … of a detector of 12 bits
    array[50, 3, 5] = 60000  # an outlier that no sample sees
    path = write(tmp_path / "x.h5", image=array)
    found = [load_scan(f"{path}#image/{i}")[0].pixels[3, 5] for i in (0, 7, 50)]
    assert found == pytest.approx([4000 / 4095, 200 / 4095, 60000 / 65535])
    with h5py.File(path, "a") as file:
        file["image"].attrs["IMAGE_MINMAXRANGE"] = [0, 5000]
    found = [load_scan(f"{path}#image/{i}")[0].pixels[3, 5] for i in (0, 7, 50)]
    assert found == pytest.approx([4000 / 5000, 200 / 5000, 60000 / 65535])


def test_a_file_that_was_replaced_or_changed_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "x.h5", image=RAMP[None].astype(np.uint16))
    first = load_scan(f"{path}#image/0")
    write(tmp_path / "y.h5", image=WIDE[None] >> 4).rename(path)
    second = load_scan(f"{path}#image/0")
    with h5py.File(path, "a") as file:
        file["image"][...] = 0
    third = load_scan(f"{path}#image/0")
    assert np.abs(first[0].pixels - second[0].pixels).max() <= 1 / 255
    assert (third[0].pixels.max(), len({first[1], second[1], third[1]})) == (0, 3)


def test_threads_read_and_leave_nothing_open(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (20, 64, 64), dtype=np.uint8)
    path = write(tmp_path / "x.h5", image=array)
    handle = os.open(path, os.O_RDONLY)  # the lowest number that is free
    os.close(handle)
    faults: list[object] = []

    def read(start: int) -> None:
        for i in range(start, 40, 4):
            got = load_scan(f"{path}#image/{i % 20}")[0].pixels
            if not np.array_equal(got, array[i % 20] / np.float32(255)):
                faults.append(i)

    threads = [threading.Thread(target=read, args=[start]) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = os.open(path, os.O_RDONLY)
    os.close(again)
    assert (faults, again) == ([], handle)


def test_all_readers_take_references(tmp_path: Path) -> None:
    drawn = np.stack([draw_nth(number, seed=1).pixels for number in (3, 4)])
    path = write(tmp_path / "train.h5", image=drawn[:, :, :, None])
    names = [f"{path}#image/{i}" for i in (0, 1, 2)]
    one = read_radiograph(names[1])
    as_file = tmp_path / "x.png"
    Image.fromarray(drawn[1]).save(as_file)
    assert np.array_equal(one.pixels, read_radiograph(as_file).pixels)
    images = list(stream(names, Preprocessing(64, 64)))
    assert [isinstance(image, Refusal) for image in images] == [False, False, True]
    kept = decode(names, Preprocessing(64, 64))
    assert kept.kept.tolist() == [0, 1]
    assert kept.digests[1] == one.digest
    assert [(bad.image, bad.reason) for bad in kept.refusals] == [(names[2], "no-image")]


def test_references_are_taken_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    worked = {
        "a.h5#image/0": ("a.h5", "image", 0),
        "a#b.h5#train/x/12": ("a#b.h5", "train/x", 12),
        "a.h5": None, "a.h5#": None, "a.h5#image": None, "a.h5#image/": None, "#image/1": None,
        "a.h5#/1": None, "a.h5#image/-1": None, "a.h5#image/1x": None, "a.h5#image/٣": None,
        "a.h5#image/9999999999999999999": None,
    }  # fmt: skip
    assert {given: split_reference(given) for given in worked} == worked
    Path("x#y").mkdir()
    Image.fromarray(RAMP).save("x#y/3", "PNG")
    assert split_reference("x#y/3") is None  # a file of that very name wins
    assert load_scan("x#y/3")[0].pixels.shape == (ROWS, COLS)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_any_text_is_a_reference_or_none(text: str) -> None:
    found = split_reference(text)
    assert found is None or f"{found[0]}#{found[1]}/" == text[: text.rindex("/") + 1]


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    nan = np.full((1, ROWS, COLS), np.nan, np.float32)
    path = write(
        tmp_path / "x.h5", image=RAMP[None], label=np.arange(3), nan=nan, flat=RAMP,
        four=np.zeros((2, 64, 64, 4), np.uint8), small=np.zeros((2, 32, 32), np.uint8),
        word=np.array([["a"]], dtype=h5py.string_dtype()), negative=RAMP[None] - 300.0,
    )  # fmt: skip
    worked = {
        "image/1": ("no-image", "1 images"), "other/0": ("no-image", "'other'"),
        "image/x/0": ("no-image", "'image/x'"), "label/0": ("unsupported-format", "(3,)"),
        "nan/0": ("undecodable", "no number"), "four/0": ("unsupported-format", "4"),
        "small/0": ("too-small", "32 x 32"), "word/0": ("unsupported-format", "object"),
        "flat/0": ("unsupported-format", "(80, 100)"),
    }  # fmt: skip
    for inside, (reason, word) in worked.items():
        got, message = refusal(f"{path}#{inside}")
        assert (got, word in message, "x.h5" in message) == (reason, True, True), message
    scan, _, _ = load_scan(f"{path}#negative/0")
    assert [warning.reason for warning in scan.warnings] == ["range-guessed"]


def test_broken_files_are_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "x.h5", image=RAMP[None]).read_bytes()
    for name, data, reason in (
        ("empty", b"", "empty"), ("text", b"hello, this is a report" * 50, "unknown-format"),
        ("cut", whole[: len(whole) // 2], "truncated"),
        ("garbage", whole[:100] + bytes(len(whole) - 100), "undecodable"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(data)
        assert refusal(f"{tmp_path / name}#image/0")[0] == reason
        with pytest.raises(ImageRefused):
            read_hdf5_header(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe", "."):
        assert refusal(f"{tmp_path / name}#image/0")[0] == "not-a-file"


def test_a_file_cannot_make_us_read_another(tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", image=RAMP[None])
    secret = tmp_path / "secret"
    secret.write_bytes(RAMP.tobytes())
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink(str(other), "image")
        file["soft"] = h5py.SoftLink("/link")
        file.create_dataset(
            "outside", (1, ROWS, COLS), np.uint8, external=[(str(secret), 0, RAMP.size)]
        )
        layout = h5py.VirtualLayout((1, ROWS, COLS), np.uint8)
        layout[...] = h5py.VirtualSource(str(other), "image", (1, ROWS, COLS))
        file.create_virtual_dataset("virtual", layout)
    for name in ("link", "soft", "outside", "virtual"):
        assert refusal(f"{path}#{name}/0")[0] == "no-image"
        with pytest.raises(TableError, match="not there"):
            read_hdf5_array(path, name)
    assert read_hdf5_header(path) == {}


def test_large_pieces_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "image", (300, 1024, 1024), np.uint8, chunks=(300, 1024, 1024), compression="gzip"
        )
        file.create_dataset("wide", (2, 20000, 20000), np.uint8, chunks=(1, 100, 100))
        file.create_dataset("label", (300_000_000,), np.float32, chunks=(1000,))
    for name in ("image", "wide"):
        assert refusal(f"{path}#{name}/0")[0] == "too-large"
    with pytest.raises(TableError, match="1,200,000,000 bytes"):
        read_hdf5_array(path, "label")


def test_the_header_lists_arrays_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    words = np.array(["normal", "pneumonia"], dtype=h5py.string_dtype())
    with h5py.File(path, "w") as file:
        file["train/image"] = RAMP[None]
        file["label"] = np.array([0, 1], np.uint8)
        file["name"] = words
        file["scalar"] = 3
        file.attrs["classes"] = words
        file.attrs["version"] = 2
        file["label"].attrs["classes"] = np.array([b"a", b"b"])
        file["label"].attrs["empty"] = h5py.Empty("f")
    header = read_hdf5_header(path)
    assert list(header) == ["label", "name", "train/image"]
    image, label = header["train/image"], header["label"]
    assert (image.shape, image.dtype) == ((1, ROWS, COLS), "uint8")
    assert image.attributes == {"classes": ["normal", "pneumonia"], "version": 2}
    assert label.attributes == {"classes": ["a", "b"], "version": 2}
    assert read_hdf5_array(path, "label").tolist() == [0, 1]
    assert read_hdf5_array(path, "name").tolist() == ["normal", "pneumonia"]
    with pytest.raises(TableError, match="label, name, train/image"):
        read_hdf5_array(path, "labels")
