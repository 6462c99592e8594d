"""How fast each engine answers, and how far from the reference.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/engine_speed.py [--networks NAME …] [--repeats N]
    python benchmarks/engine_speed.py --bundle BUNDLE DATA [--images FOLDER] [--where CONDITION]

Speed: networks with random weights on noise at 224 x 224 pixels, 8 images at once, logits and maps
of two classes, as many threads as OMP_NUM_THREADS says; all engines in turns, so that what else
the machine does strikes all of them. Nearness: the same images through PyTorch in float32 and
through every other engine, by a trained model.
"""

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax

import cxrlens as cxr
from cxrlens.data import TableOptions, read_table
from cxrlens.imaging import decode
from cxrlens.inference import OpenVinoEngine, TorchEngine, load_bundle, openvino
from cxrlens.inference.openvino_engine import has_bfloat16
from cxrlens.network import NetworkSpec, build_classifier

SIDE, AT_ONCE = 224, 8
NETWORKS = ("mobilenetv2_100", "resnet34", "densenet121", "resnet152")


def main() -> None:
    """Print the one or the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--where")
    options = parser.parse_args()
    print(
        f"{platform.machine()}, OpenVINO {openvino.__version__}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} thread(s), "
        f"{openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')}"
    )
    if options.bundle is not None:
        table = read_table(options.data, TableOptions(images=options.images, where=options.where))
        compare_answers(options.bundle, table)
        return
    for name in options.networks:
        measure_speed(name, options.repeats)


def measure_speed(name: str, repeats: int) -> None:
    """Print images a second of each engine: median and quartiles."""
    network = build_classifier(NetworkSpec(name), 2, (SIDE, SIDE)).eval()
    engines = {"torch, float32": TorchEngine(network, "cpu")}
    engines["openvino, float32"] = OpenVinoEngine(network, (SIDE, SIDE))
    if has_bfloat16():
        engines["openvino, bfloat16"] = OpenVinoEngine(network, (SIDE, SIDE), "bfloat16")
    images = np.random.default_rng(0).random((AT_ONCE, SIDE, SIDE), dtype=np.float32)
    for engine in engines.values():
        engine.run(images)
    seconds: dict[str, list[float]] = {told: [] for told in engines}
    for _ in range(repeats):
        for told, engine in engines.items():
            start = time.perf_counter()
            engine.run(images)
            seconds[told].append(time.perf_counter() - start)
    ratios = {
        told: np.array(seconds["torch, float32"]) / np.array(own) for told, own in seconds.items()
    }
    for told, own in seconds.items():
        low, middle, high = np.quantile(AT_ONCE / np.array(own), [0.25, 0.5, 0.75])
        times = np.median(ratios[told])
        print(
            f"{name:16} {told:20} {middle:7.1f} images/s ({low:.1f}–{high:.1f}), "
            f"{times:.1f} times the reference"
        )


def compare_answers(folder: Path, table: cxr.StudyTable) -> None:
    """Print how far every engine's answers lie from the reference's."""
    bundle = load_bundle(folder)
    step = bundle.record.preprocessing
    size = (step.height, step.width)
    pixels = decode(table.images, step).pixels.astype(np.float32) / 65535
    reference = cxr.Model(bundle)
    logits, maps = reference.engine.run(pixels)
    chances = softmax(logits.astype(np.float64), axis=1)
    engines = {"openvino, float32": OpenVinoEngine(bundle.network, size)}
    if has_bfloat16():
        engines["openvino, bfloat16"] = OpenVinoEngine(bundle.network, size, "bfloat16")
    for told, engine in engines.items():
        other, its = engine.run(pixels)
        far = np.abs(softmax(other.astype(np.float64), axis=1) - chances).max(axis=1)
        largest = np.abs(maps).max(axis=(1, 2, 3))
        away = np.abs(its - maps).max(axis=(1, 2, 3)) / largest
        same = (other.argmax(axis=1) == logits.argmax(axis=1)).sum()
        print(
            f"{told:20} {same} of {len(pixels)} decisions the same; |Δp| median "
            f"{np.median(far):.1e}, 99th percentile {np.quantile(far, 0.99):.1e}, largest "
            f"{far.max():.1e}; |Δmap| as a share of the largest value, median "
            f"{np.median(away):.1e}, largest {away.max():.1e}"
        )


if __name__ == "__main__":
    main()
