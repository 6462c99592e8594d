"""A small bundle with a network that is not trivial.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from cxrlens.imaging import Preprocessing
from cxrlens.inference import Bundle, BundleRecord, TrainingData, save_bundle
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.training import load_recipe
from cxrlens.vocabulary import digest, to_plain

CLASSES = ("NORMAL", "PNEUMONIA")
GREY = NetworkSpec("compact", {"width": 4}, mean=(0.5,), std=(0.25,))


def _make(spec: NetworkSpec = GREY, side: int = 64) -> Bundle:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_classifier(spec, len(CLASSES), (side, side))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 1.5)
                nn.init.normal_(module.running_mean, 0, 0.2)
    record = BundleRecord(
        classes=CLASSES,
        preprocessing=Preprocessing(side, side),
        network=spec,
        recipe=to_plain(load_recipe("phantom")),
        initial_weights="none",
        data=TrainingData("f" * 64, "5" * 64, {"train": {"NORMAL": 3, "PNEUMONIA": 2}}),
        metrics={"validation (chose the epoch)": {"val_loss": 0.5, "val_auroc": None}},
    )
    return Bundle(record, network.eval, frozenset(digest(bytes([n])) for n in range(3)))


@pytest.fixture(scope="session")
def make_bundle() -> Callable[..., Bundle]:
    """Makes a bundle that has not been saved."""
    return _make


@pytest.fixture
def bundle() -> Bundle:
    """A bundle that has not been saved."""
    return _make()


@pytest.fixture
def folder(bundle: Bundle, tmp_path: Path) -> Path:
    """A saved bundle."""
    save_bundle(bundle, tmp_path / "bundle")
    return tmp_path / "bundle"
