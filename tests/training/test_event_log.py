"""Events are there for TensorBoard to show.

SPDX-License-Identifier: Apache-2.0
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from cxrlens.training.event_log import LOGS_FOLDER, N_IMAGES, EventLog
from cxrlens.vocabulary import Epoch, OutputError

if TYPE_CHECKING:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read_events(folder: Path) -> "EventAccumulator":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder / LOGS_FOLDER), {"images": 0, "scalars": 0})
        return events.Reload()


def make_epoch(number: int) -> Epoch:
    return Epoch(
        number, 0.5 / number, 0.4 / number, None if number == 1 else 0.9, 1e-3,
        stage="all", train_accuracy=0.5, val_accuracy=0.6, val_precision=0.7, val_recall=0.8,
        val_f1=0.75, learning_rates={"rest": 1e-4, "head": 1e-3},
    )  # fmt: skip


def test_scalars_rates_images_histograms_and_graph(recipe, build, tmp_path) -> None:
    network = build(recipe).eval()
    log = EventLog(tmp_path, 1)
    log.add_start(network, torch.rand(20, 1, 32, 32))
    for number in (1, 2):
        log.add_epoch(make_epoch(number), network)
    log.close()
    events = read_events(tmp_path)
    tags = events.Tags()
    assert [one.value for one in events.Scalars("loss/train")] == [0.5, 0.25]
    assert [one.step for one in events.Scalars("macro AUROC/validation")] == [2]
    for name in ("loss/validation", "accuracy/train", "accuracy/validation", "learning rate/head"):
        assert len(events.Scalars(name)) == 2
    for name in ("macro precision", "macro recall", "macro F1"):
        assert f"{name}/validation" in tags["scalars"]
    assert set(tags["histograms"]) == {name for name, _ in network.named_parameters()}
    (grid,) = events.Images("batch/first")
    assert grid.width * grid.height >= N_IMAGES * 32 * 32
    assert tags["graph"]


def test_what_an_interrupted_run_wrote_of_an_epoch_is_taken_back(recipe, build, tmp_path) -> None:
    network = build(recipe)
    for first, numbers in ((1, (1, 2)), (2, (2, 3))):
        log = EventLog(tmp_path, first)
        for number in numbers:
            log.add_epoch(make_epoch(number), network)
        log.close()
    assert [one.step for one in read_events(tmp_path).Scalars("loss/train")] == [1, 2, 3]


def test_a_place_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / LOGS_FOLDER).write_text("a file is in the way")
    with pytest.raises(OutputError, match="cannot write events"):
        EventLog(tmp_path, 1)
