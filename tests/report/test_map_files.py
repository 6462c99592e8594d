"""Files of maps are read back by the programs that they are for.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO

from cxrlens.explanation import cut, find_regions, heat_on_source, mask_regions
from cxrlens.report import MAP_FORMATS, MappedImage, encode_mask, write_maps
from cxrlens.vocabulary import Geometry, Heatmap, InputError

SIZE = (50, 70)


# pycocotools speaks to NumPy in the manner of NumPy 1.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def _make(
    image: str, class_name: str, seed: int, share: float = 0.5, method: str = "cam"
) -> MappedImage:
    grid = np.random.default_rng(seed).normal(size=(5, 7)).astype(np.float32)
    whole = Geometry(SIZE, (224, 224), 0.0, 0.0, float(SIZE[0]), float(SIZE[1]))
    heatmap = Heatmap(grid, whole, class_name, method)
    runs = tuple(encode_mask(mask) for mask in mask_regions(heatmap, share))
    return MappedImage(image, heatmap, find_regions(heatmap, share), runs, share, 0.8)


@pytest.fixture
def maps() -> list[MappedImage]:
    return [
        _make("a/p1_view1_frontal.jpg", "pneumothorax", 0),
        _make("a/p1_view1_frontal.jpg", "covid", 1, 0.3),
        _make("b/p2.png", "pneumothorax", 2),
    ]


def _decode(entry: dict[str, object]) -> np.ndarray:
    return np.asarray(run_lengths.decode(entry)).astype(bool)


def _decode_slowly(entry: dict[str, object]) -> np.ndarray:
    """COCO's compressed run lengths a second time: 5 bits a character, differences from the third
    run on, columns first."""
    counts, position, text = [], 0, str(entry["counts"])
    while position < len(text):
        value, shift, more = 0, 0, True
        while more:
            code = ord(text[position]) - 48
            value |= (code & 0x1F) << (5 * shift)
            more = bool(code & 0x20)
            position, shift = position + 1, shift + 1
            if not more and code & 0x10:
                value |= -1 << (5 * shift)
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    height, width = entry["size"]
    return flat.reshape(width, height).T


def test_coco_is_read_by_pycocotools(tmp_path: Path, maps: list[MappedImage]) -> None:
    (path,) = write_maps(tmp_path, maps, ["coco"])
    coco = COCO(str(path))
    names = {image["id"]: image["file_name"] for image in coco.loadImgs(coco.getImgIds())}
    classes = {entry["id"]: entry["name"] for entry in coco.loadCats(coco.getCatIds())}
    for one in maps:
        found = [
            entry for entry in coco.loadAnns(coco.getAnnIds())
            if names[entry["image_id"]] == one.image
            and classes[entry["category_id"]] == one.heatmap.class_name
        ]  # fmt: skip
        assert len(found) == len(one.regions) > 0
        for entry, region, part in zip(
            found, one.regions, mask_regions(one.heatmap, one.share), strict=True
        ):
            np.testing.assert_array_equal(coco.annToMask(entry).astype(bool), part)
            box = run_lengths.toBbox(entry["segmentation"]).tolist()
            assert box == entry["bbox"] == [region.left, region.top, region.width, region.height]
            assert entry["area"] == part.sum()
            assert 0 < entry["score"] <= 0.8
        assert found[0]["score"] == pytest.approx(0.8)


def test_chexlocalize_has_every_task_of_every_image(
    tmp_path: Path, maps: list[MappedImage]
) -> None:
    """As `eval.py` reads it: `decode(document[cxr_id][task])` for each of ten tasks."""
    (path,) = write_maps(tmp_path, maps, ["chexlocalize"])
    document = json.loads(path.read_text())
    assert list(document) == ["p1_view1_frontal", "p2"]
    for tasks in document.values():
        assert len({"Pneumothorax", "Airspace Opacity", "Support Devices"} & set(tasks)) == 3
        for entry in tasks.values():
            assert set(entry) == {"size", "counts"}
            assert entry["size"] == list(SIZE)
            np.testing.assert_array_equal(_decode(entry), _decode_slowly(entry))
        assert not _decode(tasks["Edema"]).any()
    for one, name in ((maps[0], "Pneumothorax"), (maps[1], "covid")):
        expected = cut(heat_on_source(one.heatmap), one.share)
        np.testing.assert_array_equal(_decode(document["p1_view1_frontal"][name]), expected)


def test_rsna_has_one_row_an_image(tmp_path: Path, maps: list[MappedImage]) -> None:
    (path,) = write_maps(tmp_path, maps, ["rsna"])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["patientId"] for row in rows] == ["p1_view1_frontal", "p2"]
    numbers = [float(cell) for cell in rows[1]["PredictionString"].split()]
    boxes = np.array(numbers).reshape(-1, 5)
    assert [tuple(box[1:].astype(int)) for box in boxes] == [
        (r.left, r.top, r.width, r.height) for r in maps[2].regions
    ]


def test_png_gives_the_heat_back(tmp_path: Path, maps: list[MappedImage]) -> None:
    (place,) = write_maps(tmp_path, maps, ["png16"])
    for number, one in enumerate(maps, start=1):
        with Image.open(place / f"{number:06d}.png") as picture:
            low, high = float(picture.text["Black"]), float(picture.text["White"])
            stored = np.asarray(picture, dtype=np.float64)
        assert low == -high
        heat = low + stored / 65535 * (high - low)
        np.testing.assert_allclose(heat, one.heatmap.on_source(), atol=(high - low) / 65535)


def test_arrays_are_read_without_pickle(tmp_path: Path, maps: list[MappedImage]) -> None:
    (place,) = write_maps(tmp_path, maps, ["npz"])
    with np.load(place / "000002.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["grid"], maps[1].heatmap.grid)
        np.testing.assert_array_equal(arrays["heat"], maps[1].heatmap.on_source())
        assert arrays["box"].tolist() == [0, 0, *map(float, SIZE)]
        assert (str(arrays["class_name"]), str(arrays["image"])) == ("covid", maps[1].image)


def test_a_map_that_says_nothing_has_no_region_anywhere(tmp_path: Path) -> None:
    whole = Geometry(SIZE, (224, 224), 0.0, 0.0, float(SIZE[0]), float(SIZE[1]))
    heatmap = Heatmap(np.full((3, 3), np.nan, np.float32), whole, "covid", "cam")
    one = MappedImage("x.png", heatmap, find_regions(heatmap), (), 0.5, 0.1)
    write_maps(tmp_path, [one], list(MAP_FORMATS))
    assert json.loads((tmp_path / "regions.coco.json").read_text())["annotations"] == []
    assert (tmp_path / "rsna.csv").read_text().splitlines()[1] == "x,"
    with Image.open(tmp_path / "maps-png16" / "000001.png") as picture:
        assert np.asarray(picture).max() == 0


def test_each_of_several_methods_has_its_own_files(tmp_path: Path, maps: list[MappedImage]) -> None:
    others = [_make(one.image, one.heatmap.class_name, 9, method="gradcam++") for one in maps[1:]]
    formats = ["coco", "chexlocalize", "rsna"]
    paths = write_maps(tmp_path, [*maps, *others], formats)
    alone = tmp_path / "alone"
    alone.mkdir()
    assert [path.name for path in paths] == [
        "regions-cam.coco.json", "regions-gradcam++.coco.json",
        "chexlocalize-cam.json", "chexlocalize-gradcam++.json",
        "rsna-cam.csv", "rsna-gradcam++.csv",
    ]  # fmt: skip
    assert [path.read_text() for path in paths[::2]] == [
        path.read_text() for path in write_maps(alone, maps, formats)
    ]
    cam, other = (json.loads(path.read_text()) for path in paths[:2])
    assert "by gradcam++" in other["info"]["description"]
    # The numbers of images and classes are those of the run.
    assert other["categories"] == cam["categories"]
    assert other["images"] == cam["images"]
    assert len(other["annotations"]) == sum(len(one.regions) for one in others)


def test_a_method_that_made_no_map_has_its_file(tmp_path: Path, maps: list[MappedImage]) -> None:
    paths = write_maps(tmp_path, maps, ["rsna"], ["cam", "lime"])
    assert [path.name for path in paths] == ["rsna-cam.csv", "rsna-lime.csv"]
    assert paths[1].read_text() == "patientId,PredictionString\n"


def test_an_image_that_is_named_twice_counts_once(tmp_path: Path, maps: list[MappedImage]) -> None:
    formats = ["coco", "chexlocalize", "rsna"]
    once = [path.read_text() for path in write_maps(tmp_path, maps, formats)]
    assert [path.read_text() for path in write_maps(tmp_path, maps * 2, formats)] == once


def test_images_are_named_as_chexlocalize_looks_for_them(tmp_path: Path) -> None:
    names = [f"patient{n}/study1/view1_frontal.jpg" for n in (64541, 64542)]
    maps = [_make(name, "covid", 0) for name in names]
    chexlocalize, rsna = write_maps(tmp_path, maps, ["chexlocalize", "rsna"])
    expected = ["patient64541_study1_view1_frontal", "patient64542_study1_view1_frontal"]
    assert list(json.loads(chexlocalize.read_text())) == expected
    with rsna.open(newline="") as file:
        assert [row["patientId"] for row in csv.DictReader(file)] == expected


def test_without_a_probability_no_confidence_is_written(
    tmp_path: Path, maps: list[MappedImage]
) -> None:
    coco, rsna = write_maps(tmp_path, [replace(maps[0], probability=np.nan)], ["coco", "rsna"])
    annotations = json.loads(coco.read_text())["annotations"]
    assert len(annotations) == len(maps[0].regions)
    assert {entry["score"] for entry in annotations} == {None}
    assert rsna.read_text().splitlines()[1:] == ["p1_view1_frontal,"]


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'coc'; did you mean 'coco'"):
        write_maps(tmp_path, [], ["coc"])
