"""How fast files are answered for, beside what it cannot be faster than.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cxrlens.benchmark.race import Rate, race
from cxrlens.imaging import Preprocessing
from cxrlens.inference import (
    Bundle,
    BundleRecord,
    Precision,
    QuantisedNetwork,
    TorchEngine,
    TrainingData,
    has_bfloat16,
    open_engine,
    quantise_network,
)
from cxrlens.model import Model
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.training import load_recipe
from cxrlens.vocabulary import to_plain

NETWORKS = ("mobilenetv2_100", "resnet34", "densenet121", "resnet152")
"""By timm's names; they stand for small, middling and large ones."""

REFERENCE = "reference: torch, float32, decoded whole"

_SIDE = 224

_SAMPLE = 16
"""Images that set the scales of int8, here for its speed and not for its answers."""

Side = Callable[[], int]
"""Does its work, and gives the number of images that it was."""


def open_random_model(backbone: str) -> Model:
    """Make a model of two classes with random weights: for its speed alone.

    Args:
        backbone: timm's name.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        spec = NetworkSpec(backbone)
        network = build_classifier(spec, 2, (_SIDE, _SIDE)).eval()
    record = BundleRecord(
        classes=("NORMAL", "PNEUMONIA"),
        preprocessing=Preprocessing(_SIDE, _SIDE),
        network=spec,
        recipe=to_plain(load_recipe("default")),
        initial_weights="none",
        data=TrainingData("none", "none", {}),
    )
    return Model(Bundle(record, lambda: network, frozenset()), TorchEngine(network, "cpu"))


def list_precisions() -> tuple[Precision, ...]:
    """Those that this processor has."""
    return ("float32", "bfloat16", "int8") if has_bfloat16() else ("float32", "int8")


@dataclass(frozen=True)
class AnsweringSpeed:
    """What one network and one precision came to, all measured in the same turns."""

    network: str
    """Its name."""

    precision: Precision
    """Of OpenVINO's answers."""

    rates: dict[str, Rate]
    """Images a second by side: `predict` from files to decisions, coarse maps and regions;
    `engine` on decoded images; `decode` the fastest decoding and shrinking on all cores; `limit`
    these two one after the other; `REFERENCE`; and what else was put beside them."""

    @property
    def share_of_limit(self) -> tuple[float, float, float]:
        """How near `predict` comes to `limit`: 25 %, median, 75 %."""
        return self.rates["predict"].over(self.rates["limit"])

    @property
    def share_by_processor(self) -> tuple[float, float, float]:
        """The processor time of `limit` as a share of that of `predict`: 25 %, median, 75 %."""
        return self.rates["predict"].on_processor_over(self.rates["limit"])


def measure_answering(
    name: str,
    model: Model,
    files: Sequence[Path],
    precision: Precision,
    *,
    repeats: int = 7,
    beside: dict[str, Side] | None = None,
) -> AnsweringSpeed:
    """Time a model on files in one precision, with its limits and the reference.

    Args:
        name: of the network, for the table.
        model: on the processor; its preprocessing is used as it is.
        files: image files.
        precision: of OpenVINO's answers.
        repeats: turns of each side.
        beside: other ways to answer for the same files, by name.

    Returns:
        The rates.

    Raises:
        InputError: if the processor does not have the precision.
    """
    names = [str(path) for path in files]
    step = model.bundle.record.preprocessing
    size = (step.height, step.width)
    pixels = np.stack([decode_fast(one, step) for one in names])
    model.bundle.network.to("cpu")
    quantised: QuantisedNetwork | None = None
    if precision == "int8":
        quantised = quantise_network(model.bundle.network, size, pixels[:_SAMPLE])
    engine = open_engine(model.bundle.network, size, "openvino", precision, quantised=quantised)
    fast = Model(model.bundle, engine)
    whole = replace(model.bundle.record, preprocessing=replace(step, decoding="full"))
    reference = Model(replace(model.bundle, record=whole), TorchEngine(model.bundle.network, "cpu"))

    def run_engine() -> int:
        engine.run(pixels)
        return len(pixels)

    def decode() -> int:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return sum(1 for _ in pool.map(lambda one: decode_fast(one, step), names))

    def run_both() -> int:
        return min(run_engine(), decode())

    sides: dict[str, Side] = {
        "predict": lambda: sum(1 for _ in fast.predict_many(names)),
        "limit": run_both,
        "engine": run_engine,
        "decode": decode,
        REFERENCE: lambda: sum(1 for _ in reference.predict_many(names)),
        **(beside or {}),
    }
    return AnsweringSpeed(name, precision, race(sides, repeats))


def decode_fast(file: str, step: Preprocessing) -> np.ndarray:
    """Decode and shrink in bytes, at a fraction of the size where that can be; check nothing.

    Args:
        file: an image.
        step: what is decoded for.

    Returns:
        `height` x `width` of `step`, float32 in [0, 1].
    """
    with Image.open(file) as image:
        image.draft("L", (2 * step.width, 2 * step.height))
        grey = image.convert("L")
    small = grey.resize((step.width, step.height), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32) / 255
