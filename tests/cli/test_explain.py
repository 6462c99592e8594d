"""`cxrlens explain`: one image and one map, many of both, and what cannot be explained."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cxrlens.inference import load_bundle, save_bundle


@pytest.fixture
def image(phantom_folder: Path) -> Path:
    return sorted((phantom_folder / "covid").iterdir())[0]


def test_one_map_of_one_image(cxrlens, bundle, image) -> None:
    outcome = cxrlens("explain", bundle, image, "--target", "normal", "--json")
    assert outcome.code == 0
    (told,) = json.loads(outcome.out)["maps"]
    assert (told["class_name"], told["method"]) == ("normal", "cam")
    assert np.array(told["grid"]).shape == (8, 8)
    assert told["picture"].endswith("overlay.png")
    with Image.open(told["picture"]) as picture, Image.open(image) as source:
        assert picture.size == source.size
    for region in told["regions"]:
        assert region["place"]
        rows = [row for contour in region["contours"] for row, _ in contour]
        assert min(rows) == region["top"]
        assert max(rows) == region["top"] + region["height"]


def test_methods_side_by_side_and_files_for_others(cxrlens, bundle, phantom_folder) -> None:
    folder = phantom_folder / "normal"
    n = len(list(folder.iterdir()))
    outcome = cxrlens(
        "explain", bundle, folder, "--method", "cam", "--method", "centre", "--share", 0.4,
        "--format", "coco", "--format", "rsna", "--out", "explained",
    )  # fmt: skip
    assert outcome.code == 0
    assert "not a medical device" in outcome.out
    assert len(list(Path("explained").glob("*-methods.png"))) == n
    assert len(list(Path("explained").glob("*-cam.png"))) == n
    for method in ("cam", "centre"):
        with Path(f"explained/rsna-{method}.csv").open() as file:
            assert len({row["patientId"] for row in csv.DictReader(file)}) == n
        coco = json.loads(Path(f"explained/regions-{method}.coco.json").read_text())
        assert len(coco["images"]) == n


def test_each_view_has_its_picture(cxrlens, bundle, image) -> None:
    views = ("--view", "signed", "--view", "contours", "--view", "heat")
    outcome = cxrlens("explain", bundle, image, "--out", "explained", *views, "--json")
    assert outcome.code == 0, outcome.err
    (told,) = json.loads(outcome.out)["maps"]
    assert {view: Path(path).name for view, path in told["pictures"].items()} == {
        "heat": "overlay.png", "contours": "overlay-contours.png", "signed": "overlay-signed.png",
    }  # fmt: skip
    assert told["picture"] == told["pictures"]["heat"]
    pictures = [Path(path).read_bytes() for path in told["pictures"].values()]
    assert len(set(pictures)) == 3


def test_a_card_says_where_maps_are_cut(cxrlens, bundle, image) -> None:
    methods = [{"method": "cam", "class_name": "covid", "share": 0.9}]
    Path("card.json").write_text(json.dumps({"methods": methods}))
    asked = ("--card", "card.json", "--share", 0.3, "--method", "cam", "--method", "eigencam")

    def ask(target: str) -> list[dict[str, object]]:
        outcome = cxrlens("explain", bundle, image, "--target", target, *asked, "--json")
        assert outcome.code == 0, outcome.err
        maps: list[dict[str, object]] = json.loads(outcome.out)["maps"]
        return maps

    assert [one["share"] for one in ask("covid")] == [0.9, 0.3]
    assert [one["share"] for one in ask("normal")] == [0.3, 0.3]
    outcome = cxrlens("explain", bundle, image, "--target", "covid", "--share", 0.9, "--json")
    assert json.loads(outcome.out)["maps"][0]["regions"] == ask("covid")[0]["regions"]


def test_lime_shows_its_pieces(cxrlens, bundle, image) -> None:
    asked = ("--set", "lime.n_samples=60", "--json", "--engine", "torch")
    outcome = cxrlens("explain", bundle, image, "--method", "lime", "--out", "one", *asked)
    assert outcome.code == 0, outcome.err
    assert {path.name for path in Path("one").glob("*.png")} == {"overlay.png", "pieces.png"}
    (alone,) = json.loads(outcome.out)["maps"]
    outcome = cxrlens(
        "explain", bundle, image, "--method", "cam", "--method", "lime", "--method", "centre",
        "--target", alone["class_name"], *asked,
    )  # fmt: skip
    maps = json.loads(outcome.out)["maps"]
    assert [one["method"] for one in maps] == ["cam", "lime", "centre"]
    assert maps[1]["grid"] == alone["grid"]  # the same seed: the same answer
    assert len(list(Path("runs/explain").glob("*-lime-pieces.png"))) == 1


def test_images_of_one_name_do_not_overwrite_each_other(cxrlens, bundle, image) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        shutil.copy(image, Path(folder) / "same.png")
    asked = ("--format", "rsna", "--out", "explained")
    # What is named by itself and by its folder is one image.
    assert cxrlens("explain", bundle, "a", "b", "b/../a/same.png", *asked).code == 0
    assert {path.name for path in Path("explained").glob("*.png")} == {
        "same-cam.png", "same-cam-2.png",
    }  # fmt: skip
    with Path("explained/rsna.csv").open() as file:
        assert [row["patientId"] for row in csv.DictReader(file)] == ["a_same", "b_same"]


def test_a_refused_file_does_not_stop_the_others(cxrlens, bundle, image) -> None:
    Path("broken.png").write_bytes(b"no image")
    outcome = cxrlens("explain", bundle, "broken.png", image)
    assert outcome.code == 3
    assert "refused" in outcome.err
    alone = cxrlens("explain", bundle, "broken.png")
    assert alone.code == 2
    assert "refused" in alone.err
    assert alone.out == ""


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_a_network_that_overflows_gives_no_probability(cxrlens, bundle, image, tmp_path) -> None:
    broken = load_bundle(bundle)
    with torch.no_grad():
        broken.network.head.output.weight.fill_(3e38)
    save_bundle(broken, tmp_path / "broken")
    outcome = cxrlens(
        "explain", tmp_path / "broken", image, "--method", "cam", "--method", "centre",
        "--target", "covid", "--format", "coco", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    maps = json.loads(outcome.out)["maps"]
    assert [one["probability"] for one in maps] == [None, None]
    assert [one["says_something"] for one in maps] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "nromal"), "unknown target 'nromal'; did you mean 'normal'"),
        (("--method", "gradcma"), "unknown method 'gradcma'; did you mean"),
        (("--set", "n_samples"), "--set must read KEY=VALUE"),
        (("--set", "steps=3"), "method 'cam' has no setting 'steps'"),
        (("--set", "lime.steps=3"), "is for 'lime', which is not asked for"),
        (("--format", "cocoa"), "unknown map format 'cocoa'; did you mean 'coco'"),
        (("--colours", "pink"), "colours 'pink' are not known"),
        (("--share", "0"), "0.01"),
        (("--view", "contour"), "unknown view 'contour' of a map; did you mean 'contours'"),
        (("--card", "missing.json"), "cannot read 'missing.json'"),
    ],
)
def test_what_is_not_known_is_named(cxrlens, bundle, image, arguments, words) -> None:
    outcome = cxrlens("explain", bundle, image, *arguments)
    assert outcome.code == 2
    assert words in outcome.err
