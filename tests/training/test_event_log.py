"""Events are there for TensorBoard to show, once each.

SPDX-License-Identifier: Apache-2.0
"""

import io
import json
import re
import subprocess
import sys
import time
import urllib.request
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from cxrlens.data import read_table
from cxrlens.model import run_training
from cxrlens.training import load_recipe
from cxrlens.training.epoch_file import read_epochs
from cxrlens.training.event_log import FIRST_BATCH, LOGS_FOLDER, N_IMAGES, EventLog
from cxrlens.training.loop import Keeping, fit
from cxrlens.training.map_picture import HEIGHT, MapPanel
from cxrlens.vocabulary import Epoch, OutputError, Silence

if TYPE_CHECKING:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

SCALARS = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "val_accuracy",
    "macro on validation/AUROC": "val_auroc",
    "macro on validation/F1": "val_f1",
    "macro on validation/precision": "val_precision",
    "macro on validation/recall": "val_recall",
}


def read_events(folder: Path) -> "EventAccumulator":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        keep_all = {"images": 0, "scalars": 0, "histograms": 0}
        return EventAccumulator(str(folder / LOGS_FOLDER), keep_all).Reload()


def make_epoch(number: int) -> Epoch:
    return Epoch(
        number, 0.5 / number, 0.4 / number, None if number == 1 else 0.9, 1e-3,
        stage="all", train_accuracy=0.5, val_accuracy=0.6, val_precision=0.7, val_recall=0.8,
        val_f1=0.75, learning_rates={"rest": 1e-4, "head": 1e-3},
    )  # fmt: skip


def make_panel() -> MapPanel:
    pixels, grid = np.zeros((32, 32), np.float32), np.eye(4, dtype=np.float32)
    return MapPanel("1 covid", pixels, grid, ("a.png", "has covid"))


def test_scalars_rates_images_histograms_and_graph(recipe, build, tmp_path) -> None:
    network = build(recipe).eval()
    log = EventLog(tmp_path, 0)
    log.add_start(network, torch.rand(20, 1, 32, 32))
    for number in (1, 2):
        log.add_epoch(make_epoch(number), network, [make_panel()])
    log.close()
    events = read_events(tmp_path)
    tags = events.Tags()
    assert [one.value for one in events.Scalars("loss/train")] == [0.5, 0.25]
    assert [one.step for one in events.Scalars("macro on validation/AUROC")] == [2]
    rates = {f"learning rate/{name}" for name in ("rest", "head")}
    assert set(tags["scalars"]) == set(SCALARS) | rates
    assert {len(events.Scalars(name)) for name in tags["scalars"]} == {1, 2}
    assert "head/output.weight" in tags["histograms"]
    assert len(tags["histograms"]) == len(list(network.parameters()))
    (grid,) = events.Images(FIRST_BATCH)
    assert grid.width * grid.height >= N_IMAGES * 32 * 32
    assert [one.step for one in events.Images("maps/1 covid")] == [1, 2]
    assert tags["graph"]


def test_weights_that_stand_still_have_no_histogram(recipe, build, tmp_path) -> None:
    network = build(recipe)
    network.backbone.requires_grad_(False)
    log = EventLog(tmp_path, 0)
    log.add_epoch(make_epoch(1), network)
    log.close()
    assert read_events(tmp_path).Tags()["histograms"] == ["head/output.weight", "head/output.bias"]


def test_what_an_interrupted_run_wrote_of_an_epoch_is_taken_back(recipe, build, tmp_path) -> None:
    network = build(recipe)
    for first, numbers in ((0, (1, 2)), (2, (2, 3))):
        log = EventLog(tmp_path, first)
        for number in numbers:
            log.add_epoch(make_epoch(number), network, [make_panel()])
        log.close()
    events = read_events(tmp_path)
    for found in (events.Scalars("loss/train"), events.Images("maps/1 covid")):
        assert [one.step for one in found] == [1, 2, 3]


def test_a_place_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / LOGS_FOLDER).write_text("a file is in the way")
    with pytest.raises(OutputError, match="cannot write events"):
        EventLog(tmp_path, 0)


class Stop(Exception):
    """A training is interrupted."""


class StopAt:
    """Interrupts after so many steps."""

    def __init__(self, step: int) -> None:
        self.left = step

    def advance(self, *_: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stop


def list_points(folder: Path) -> dict[str, list[int]]:
    events = read_events(folder)
    tags = events.Tags()
    kinds = (("scalars", events.Scalars), ("images", events.Images))
    found = {tag: [one.step for one in read(tag)] for kind, read in kinds for tag in tags[kind]}
    steps = {tag: [one.step for one in events.Histograms(tag)] for tag in tags["histograms"]}
    return {**found, **steps}


SLOW_STOPS = [pytest.param(stops, marks=pytest.mark.slow) for stops in ((4, 2), (6, 7, 1, 1))]


@pytest.mark.parametrize("stops", [(1,), *SLOW_STOPS])
def test_a_resumed_training_leaves_every_point_once(recipe, cases, build, tmp_path, stops) -> None:
    """5 steps an epoch, saved every 3rd: killed before the first checkpoint, within epochs."""
    often = replace(recipe, optimisation=replace(recipe.optimisation, checkpoint_steps=3))
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    fit(build(often), cases, often, Silence(), Keeping(whole, {}))
    for stop in stops:
        with pytest.raises(Stop):
            fit(build(often), cases, often, StopAt(stop), Keeping(halves, {}))
    fit(build(often), cases, often, Silence(), Keeping(halves, {}))
    points = list_points(halves)
    assert points == list_points(whole)
    assert points["loss/train"] == [1, 2, 3, 4]
    assert points[FIRST_BATCH] == [0]
    assert (halves / "classes.csv").read_bytes() == (whole / "classes.csv").read_bytes()
    read = (read_events(folder).Images("maps/1 0") for folder in (halves, whole))
    for one, other in zip(*read, strict=True):
        assert one.encoded_image_string == other.encoded_image_string


def test_heat_lies_where_the_bright_corner_is(small, cases, build, tmp_path) -> None:
    """From the training's rows to the picture in the event file: a corner for each class."""
    pixels = np.random.default_rng(0).integers(0, 20000, (60, 32, 32)).astype(np.uint16)
    pixels[cases.targets == 0, -10:, :10] += 40000
    pixels[cases.targets == 1, :10, -10:] += 40000
    wider = [*small[:2], "network.options.width=8", *small[3:]]
    recipe = load_recipe("phantom", [*wider, "epochs=8", "learning_rate=0.01"])
    fit(build(recipe), replace(cases, pixels=pixels), recipe, Silence(), Keeping(tmp_path, {}))
    events = read_events(tmp_path)
    tags = [tag for tag in events.Tags()["images"] if tag.startswith("maps/")]
    assert len(tags) == 8
    for tag in tags:
        encoded = events.Images(tag)[-1].encoded_image_string
        picture = np.asarray(Image.open(io.BytesIO(encoded))).astype(float)
        heat = np.ptp(picture[:HEIGHT, HEIGHT:], axis=2)
        rows, cols = np.indices(heat.shape) / HEIGHT
        centre = (rows * heat).sum() / heat.sum(), (cols * heat).sum() / heat.sum()
        expected = (0.75, 0.25) if tag.endswith(" 0") else (0.25, 0.75)
        assert centre == pytest.approx(expected, abs=0.2), tag


# In TensorBoard itself


def ask(url: str) -> Any:  # noqa: ANN401 (JSON)
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 (our own server)
        return json.loads(answer.read())


def wait_for_tags(address: str, n: int) -> dict[str, Any]:
    """The scalars, once as many as are there have been read."""
    found: dict[str, Any] = {}
    for _ in range(120):
        found = ask(f"{address}data/plugin/scalars/tags").get(".", {})
        if len(found) >= n:
            break
        time.sleep(0.5)
    return found


@pytest.mark.slow
def test_tensorboard_itself_shows_a_real_run(phantom_folder, quick, tmp_path) -> None:
    recipe = load_recipe("phantom", [*quick, "validation=0.3"])
    run_training(read_table(phantom_folder), recipe, tmp_path)
    history = read_epochs(tmp_path)
    events = read_events(tmp_path)
    for name, field in SCALARS.items():
        values = [one.value for one in events.Scalars(name)]
        assert values == pytest.approx([getattr(epoch, field) for epoch in history], rel=1e-6)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(tmp_path / LOGS_FOLDER)]
    server = subprocess.Popen(
        [*command, "--port", "0", "--host", "127.0.0.1"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        lines = iter(server.stderr.readline, "")
        address = next(m[0] for m in (re.search(r"http://\S+/", line) for line in lines) if m)
        check_server(address, history)
    finally:
        server.terminate()
        server.communicate()


def check_server(address: str, history: tuple[Epoch, ...]) -> None:
    scalars = wait_for_tags(address, len(SCALARS) + 1)
    assert set(scalars) == {*SCALARS, "learning rate/rest"}
    points = ask(f"{address}data/plugin/scalars/scalars?run=.&tag=loss/validation")
    assert [(step, value) for _, step, value in points] == [
        (epoch.epoch, pytest.approx(epoch.val_loss, rel=1e-6)) for epoch in history
    ]
    images = ask(f"{address}data/plugin/images/tags")["."]
    maps = sorted(tag for tag in images if tag.startswith("maps/"))
    assert [tag.split()[0] for tag in maps] == [f"maps/{n}" for n in range(1, 9)]
    assert {tag.split()[1] for tag in maps} == {"covid", "normal", "pneumonia"}
    assert set(images) == {*maps, FIRST_BATCH}
    histograms = ask(f"{address}data/plugin/histograms/tags")["."]
    assert "head/output.weight" in histograms
    assert ask(f"{address}data/plugin/graphs/info")["."]["run_graph"]
    assert ask(f"{address}data/plugin/text/tags")["."]
