"""How long each map method takes for an image.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/map_method_speed.py
"""

import argparse
import time

import numpy as np
import torch

from cxrlens.explanation import METHODS, Question
from cxrlens.inference import TorchEngine
from cxrlens.network import NetworkSpec, build_classifier
from cxrlens.training import load_recipe

NEEDED = {"mean-mask": {"mean_mask": np.eye(8)}}
"""Settings without which a method does nothing."""


def time_method(
    name: str, engine: TorchEngine, question: Question, repeats: int
) -> tuple[float, float]:
    """Take the fastest of several runs.

    Returns:
        Milliseconds an image, on the clock and of the processor.
    """
    method = METHODS[name]
    settings = method.read_settings(NEEDED.get(name, {}))
    taken = []
    for _ in range(repeats):
        clock, processor = time.perf_counter(), time.process_time()
        method.make(engine, question, settings)
        taken.append((time.perf_counter() - clock, time.process_time() - processor))
    return (
        1000 * min(clock for clock, _ in taken) / len(question),
        1000 * min(processor for _, processor in taken) / len(question),
    )


def main() -> None:
    """Print a table of all methods, at their default settings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--recipe", default="phantom", help="whose network, with random weights")
    parser.add_argument("--images", type=int, default=8, help="asked about at once")
    parser.add_argument("--repeats", type=int, default=3, help="of which the fastest counts")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    recipe = load_recipe(options.recipe)
    spec: NetworkSpec = recipe.network
    size = (recipe.preprocessing.height, recipe.preprocessing.width)
    torch.manual_seed(0)
    engine = TorchEngine(build_classifier(spec, 3, size), options.device)
    pixels = np.random.default_rng(0).random((options.images, *size), dtype=np.float32)
    question = Question(pixels, np.arange(options.images) % 3)
    engine.run(pixels)  # the first run sets everything up
    print(
        f"{spec.backbone} at {size[0]} x {size[1]}, {options.images} images at once, "
        f"{options.device}, {torch.get_num_threads()} thread(s), fastest of {options.repeats}"
    )
    _, reference = time_method("cam", engine, question, options.repeats)
    print(f"{'method':22} {'clock, ms':>10} {'processor, ms':>14} {'times cam':>10}   an image")
    for name in options.methods:
        clock, processor = time_method(name, engine, question, options.repeats)
        ratio = processor / reference
        print(f"{name:22} {clock:10.2f} {processor:14.2f} {ratio:10.2f}", flush=True)


if __name__ == "__main__":
    main()
