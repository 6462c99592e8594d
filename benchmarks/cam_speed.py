"""What class activation maps cost, beside answers without them.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/cam_speed.py [--networks NAME …] [--precision P] [--repeats 7]

OpenVINO on decoded images, with random weights: the network as every engine runs it (logits, maps
and features), and one of which nothing but the logits is asked, so that OpenVINO leaves out what
only maps need. Beside it `explain_many` with `cam` for JPEG files, against `predict_many`, which
boxes regions and keeps every class's map. All in turns in one run.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cxrlens.benchmark import (
    NETWORKS,
    describe_machine,
    open_random_model,
    race,
    write_sample,
)
from cxrlens.inference import OpenVinoEngine, Precision, openvino
from cxrlens.inference.fixed_batches import FixedBatches, count_streams
from cxrlens.inference.openvino_engine import convert_module, set_up_compilation
from cxrlens.model import Model
from cxrlens.network import MapClassifier

N_FILES = 32


class Logits(nn.Module):
    """A network of which only the logits are asked."""

    def __init__(self, network: MapClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Give N x K for N x 1 x H x W."""
        logits: Tensor = self.network(images).logits
        return logits


def main() -> None:
    """Print a line a network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print(describe_machine().words, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        files = [str(one) for one in write_sample(Path(scratch), N_FILES, 2.0, [])]
        for name in options.networks:
            print(f"{name}, {options.precision}: {compare(name, files, options)}", flush=True)


def compare(name: str, files: list[str], options: argparse.Namespace) -> str:
    """Time one network."""
    model = open_random_model(name)
    step, network = model.bundle.record.preprocessing, model.bundle.network
    size = (step.height, step.width)
    engine = OpenVinoEngine(network, size, options.precision)
    fast = Model(model.bundle, engine)
    bare = FixedBatches(compile_logits(network, size, options.precision), count_streams())
    images = np.random.default_rng(0).random((N_FILES, *size), dtype=np.float32)
    strayed = np.abs(bare.run(images[:, None])[0] - engine.run(images).logits).max()
    rates = race(
        {
            "maps": lambda: len(engine.run(images).logits),
            "logits": lambda: len(bare.run(images[:, None])[0]),
            "cam of files": lambda: sum(1 for _ in fast.explain_many(files, "cam")),
            "answers for files": lambda: sum(1 for _ in fast.predict_many(files)),
        },
        options.repeats,
    )
    words = [f"logits differ by {strayed:.1e}"]
    for slow, quick in (("maps", "logits"), ("cam of files", "answers for files")):
        low, middle, high = rates[quick].over(rates[slow])
        words.append(f"{slow} take {middle:.3f} ({low:.3f}–{high:.3f}) times as long as {quick}")
    return "; ".join(words)


def compile_logits(
    network: MapClassifier, size: tuple[int, int], precision: Precision
) -> Callable[[int, int], openvino.CompiledModel]:
    """Compile as the engine does, without the other outputs."""

    def compile_for(n: int, streams: int) -> openvino.CompiledModel:
        translated = convert_module(Logits(network).eval(), size)
        translated.reshape([n, 1, *size])
        settings = {**set_up_compilation(precision), "NUM_STREAMS": streams}
        return openvino.Core().compile_model(translated, "CPU", settings)

    return compile_for


if __name__ == "__main__":
    main()
