"""Small bundles with networks that are not trivial.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from cxrlens.export import export_bundle
from cxrlens.imaging import Preprocessing
from cxrlens.inference import UNKNOWN_DATA, WEIGHTS_FILE, Bundle, BundleRecord
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.vocabulary import Calibration, Scaling, digest

STEP = Preprocessing(64, 48)
GREY = NetworkSpec("compact", {"width": 4}, mean=(0.5,), std=(0.25,))


def _make(
    spec: NetworkSpec = GREY,
    step: Preprocessing = STEP,
    calibration: Calibration | None = None,
) -> Bundle:
    classes = ("a", "b", "c")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_classifier(spec, len(classes), (step.height, step.width)).eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 1.5)
                nn.init.normal_(module.running_mean, 0, 0.2)
    record = BundleRecord(
        classes=classes,
        preprocessing=step,
        network=spec,
        recipe={},
        initial_weights="none",
        data=UNKNOWN_DATA,
        digests={WEIGHTS_FILE: digest(b"weights")},
        digest=digest(b"record"),
        calibration=calibration,
    )
    return Bundle(record, lambda: network, frozenset())


@pytest.fixture(scope="session")
def make_bundle() -> Callable[..., Bundle]:
    """Makes a bundle that has not been saved."""
    return _make


@dataclass(frozen=True)
class Exported:
    """A bundle and what became of it."""

    bundle: Bundle
    path: Path
    scaling: Scaling


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A calibrated bundle as an ONNX file: tracing takes seconds, so there is one for all."""
    scaling = Scaling("temperature", (0.5,) * 3, (0.0,) * 3, is_multilabel=False)
    fitted = Calibration(scaling, "a test", 10, 8, (), "0" * 64)
    bundle = _make(step=Preprocessing(64, 48, "crop"), calibration=fitted)
    return Exported(
        bundle, export_bundle(bundle, tmp_path_factory.mktemp("export"), "onnx"), scaling
    )
