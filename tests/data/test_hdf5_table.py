"""HDF5 files as their makers write them.

SPDX-License-Identifier: Apache-2.0
"""

import resource
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest

from cxrlens.data import TableOptions, read_table
from cxrlens.imaging import read_radiograph
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import TableError

TEXT = h5py.string_dtype()


@cache
def draw(n: int) -> np.ndarray:
    return np.stack([draw_nth(i, seed=3).pixels for i in range(n)])


def write(path: Path, attributes: dict[str, object] | None = None, **datasets: object) -> Path:
    """Write datasets; `label__classes` gives an attribute of `label`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            if "__" not in name:
                file[name.replace("_in_", "/")] = value
        for name, value in datasets.items():
            owner, _, attribute = name.partition("__")
            if attribute:
                file[owner].attrs[attribute] = value
        for name, value in (attributes or {}).items():
            file.attrs[name] = value
    return path


def refuse(path: Path, options: TableOptions | None = None) -> str:
    with pytest.raises(TableError) as caught:
        read_table(path, options)
    return str(caught.value)


def test_the_ancestor_s_two_files(tmp_path: Path) -> None:
    """`image` n x 256 x 256 x 1, `label` one-hot n x 2; one file train, one test (design.md)."""
    pixels = draw(9)[..., None]
    write(tmp_path / "train.h5", image=pixels[:6], label=np.eye(2)[[0, 1, 0, 1, 1, 0]])
    write(tmp_path / "test.h5", image=pixels[6:], label=np.eye(2)[[1, 0, 1]])
    table = read_table(tmp_path, TableOptions(class_names={"0": "normal", "1": "pneumothorax"}))
    assert table.classes == ("normal", "pneumothorax")
    assert table.counts == {
        "train": {"normal": 3, "pneumothorax": 3}, "test": {"normal": 1, "pneumothorax": 2},
    }  # fmt: skip
    assert table.relative_images[6] == "test.h5#image/0"
    for image, wanted in zip(table.images, pixels, strict=True):
        np.testing.assert_allclose(
            read_radiograph(image).pixels, wanted[..., 0] / 255, rtol=0, atol=1e-6
        )
    assert len(read_table(tmp_path / "train.h5")) == 6
    assert list(read_table(tmp_path / "train.h5").counts) == ["train"]


@pytest.mark.parametrize("axes", ["NHW", "NHWC", "NCHW"])
def test_axes_of_images(axes: str, tmp_path: Path) -> None:
    pixels = draw(2)
    stored = {"NHW": pixels, "NHWC": pixels[..., None], "NCHW": pixels[:, None]}[axes]
    table = read_table(write(tmp_path / "data.h5", images=stored, labels=[0, 1]))
    for image, wanted in zip(table.images, pixels, strict=True):
        assert np.abs(read_radiograph(image).pixels - wanted / 255).max() < 1e-6


def test_parts_told_by_datasets(tmp_path: Path) -> None:
    pixels = draw(2)
    for names in (("x_train", "y_train", "x_test", "y_test"),
                  ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
                  ("train_in_X", "train_in_y", "test_in_X", "test_in_y")):  # fmt: skip
        path = write(
            tmp_path / f"{names[0]}.hdf5",
            **dict(zip(names, (pixels, [0, 1], pixels[:1], [1]), strict=True)),
        )
        assert read_table(path).counts == {"train": {"0": 1, "1": 1}, "test": {"0": 0, "1": 1}}
    path = write(tmp_path / "one.h5", x=pixels, y=[0, 1], split=np.array(["Valid", ""], TEXT))
    assert list(read_table(path).frame["split"]) == ["val", None]
    write(path, x=pixels, y=[0, 1], split=np.array(["train", "later"], TEXT))
    assert "'later'" in refuse(path)


def test_further_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path / "data.h5", image=draw(3), label=[0, 1, 1], patient_id=[7, 7, 8],
        view=np.array(["PA", "ap supine", ""], TEXT), source=np.array(["NIH", "", "x"], TEXT),
        sex=np.array(["F", "M", "O"], TEXT), age=[58.0, np.nan, 3.0], heat=[1, 2, 3],
        label__classes=["no", "yes"],
    )  # fmt: skip
    table = read_table(path)
    frame = table.frame
    assert list(frame["patient_id"]) == ["7", "7", "8"]
    assert list(frame["view"]) == ["PA", "AP", "unknown"]
    assert list(frame["source"]) == ["NIH", None, "x"]
    assert list(frame["sex"]) == ["F", "M", None]
    assert [age for age in frame["age"] if age is not None] == [58.0, 3.0]
    assert table.classes == ("no", "yes")
    assert table.notes == ("Datasets that were not read: heat.",)


@pytest.mark.parametrize(
    "names",
    [
        {"attributes": {"class_names": ["no", "yes"]}},
        {"image__classes": np.array(["no", "yes"], TEXT)},
        {"list_classes": np.array([b"no", b"yes"])},
        {"label__class_names": "no,yes"},
    ],
)
def test_class_names_wherever_they_stand(names: dict[str, object], tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.h5", image=draw(2), label=[1, 0], **names))
    assert (table.classes, list(table.frame["label"])) == (("no", "yes"), ["yes", "no"])


def test_whether_labels_are_one_hot_shows_in_all_parts_only(tmp_path: Path) -> None:
    write(tmp_path / "train.h5", image=draw(2), label=[[1, 0], [0, 1]], label__classes=["a", "b"])
    write(tmp_path / "test.h5", image=draw(2), label=[[1, -1], [0, 0]], label__classes=["a", "b"])
    table = read_table(tmp_path)
    assert table.is_multilabel
    assert table.label_matrix.tolist() == [[1, 0], [0, 1], [1, -1], [0, 0]]
    single = read_table(tmp_path / "train.h5")
    assert (single.is_multilabel, list(single.frame["label"])) == (False, ["a", "b"])


def test_datasets_named_by_option(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", scans=draw(2), nodule=[1, 0], mass=[1.0, np.nan], who=[1, 2])
    assert "scans [2, 256, 256]" in refuse(path)
    columns = {"image": ["scans"], "label": ["nodule", "mass"], "patient": ["who"]}
    table = read_table(path, TableOptions(columns=columns))
    assert (table.classes, table.patients) == (("mass", "nodule"), ("1", "2"))
    np.testing.assert_array_equal(table.label_matrix, [[1, 1], [np.nan, 0]])


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    path, pixels = tmp_path / "a.h5", draw(2)
    assert "no labels by a usual name" in refuse(write(path, image=pixels))
    assert "2 images and 3 of 'label'" in refuse(write(path, image=pixels, label=[0, 1, 0]))
    assert "images are n x height" in refuse(write(path, image=pixels[0, 0], label=pixels[0, 0]))
    assert "several datasets" in refuse(write(path, image=pixels, images=pixels, label=[0, 1]))
    assert "no dataset" in refuse(write(path))
    write(tmp_path / "parts" / "train.h5", image=pixels, label=[0, 1])
    write(tmp_path / "parts" / "test.h5", image=pixels, label=np.eye(2))
    assert "not of one form" in refuse(tmp_path / "parts")
    write(tmp_path / "parts" / "train.h5", image=pixels, label=np.eye(2), label__classes=["a", "b"])
    write(tmp_path / "parts" / "test.h5", image=pixels, label=np.eye(2), label__classes=["b", "a"])
    assert "name their classes differently" in refuse(tmp_path / "parts")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", image=draw(2), label=[0, 1])
    whole = path.read_bytes()
    for length in (100, 2000, len(whole) // 2):
        path.write_bytes(whole[:length])
        assert "'" + str(path) + "'" in refuse(path)


def test_no_image_is_loaded_for_a_table(tmp_path: Path) -> None:
    """Four gigabytes of images that were never written: reading them would show."""
    with h5py.File(tmp_path / "big.h5", "w") as file:
        file.create_dataset("image", (4000, 1024, 1024, 1), np.uint8, chunks=(1, 1024, 1024, 1))
        file["label"] = np.arange(4000) % 2
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = read_table(tmp_path / "big.h5")
    assert len(table) == 4000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_number_of_images_that_none_has_is_refused(tmp_path: Path) -> None:
    nothing = write(tmp_path / "none.h5", image=draw(2)[:0], label=np.zeros(0))
    assert "states 0 images" in refuse(nothing)
    with h5py.File(tmp_path / "many.h5", "w") as file:  # some kilobytes
        file.create_dataset("image", (10**7, 80, 80), "u1", chunks=(1, 80, 80))
        file.create_dataset("label", (10**7,), "u1", chunks=(1000,))
    assert "states 10000000 images" in refuse(tmp_path / "many.h5")


def test_a_folder_beside_the_files_plays_no_part(tmp_path: Path) -> None:
    write(tmp_path / "train.h5", image=draw(4), label=[0, 1, 0, 1])
    (tmp_path / "logs").mkdir()
    assert len(read_table(tmp_path)) == 4
    assert "take away --images" in refuse(tmp_path, TableOptions(images=tmp_path))


def test_a_class_needs_a_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", image=draw(2), label=[0, 1], label__class_names=["", "x"])
    assert "empty name" in refuse(path)
