"""How fast each engine answers, and how far from the reference.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/engine_speed.py [--networks NAME …] [--repeats N]
    python benchmarks/engine_speed.py --bundle BUNDLE DATA [--images FOLDER] [--where CONDITION]
        [--megapixels M]

Speed: networks with random weights on noise at 224 x 224 pixels, 8 images at once, logits and maps
of two classes, as many threads as OMP_NUM_THREADS says; all engines in turns, so that what else
the machine does strikes all of them. Nearness: the same images decoded whole through PyTorch in
float32, and through every other path by a trained model; with --megapixels enlarged first, so that
they are decoded at a fraction of their size. int8 as `cxrlens quantise` has made it, and else with
scales set by some of these images, whatever it answers: what `quantise` refuses.
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

import cxrlens as cxr
from cxrlens.benchmark import write_sample
from cxrlens.data import TableOptions, read_table
from cxrlens.imaging import decode
from cxrlens.inference import (
    EngineOutput,
    OnnxEngine,
    OpenVinoEngine,
    TorchEngine,
    has_bfloat16,
    load_bundle,
    openvino,
    place_quantised,
    quantise_network,
)
from cxrlens.network import NetworkSpec, build_classifier

SIDE, AT_ONCE = 224, 8
SCALES = 300
"""Images that set the scales of int8."""

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
    parser.add_argument("--megapixels", type=float)
    options = parser.parse_args()
    print(
        f"{platform.machine()}, OpenVINO {openvino.__version__}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} thread(s), "
        f"{openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')}"
    )
    if options.bundle is not None:
        table = read_table(options.data, TableOptions(images=options.images, where=options.where))
        compare_answers(options.bundle, table, options.megapixels)
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


def compare_answers(folder: Path, table: cxr.StudyTable, megapixels: float | None) -> None:
    """Print how far every fast path's answers lie from the reference's."""
    bundle = load_bundle(folder)
    step = bundle.record.preprocessing
    size = (step.height, step.width)
    with tempfile.TemporaryDirectory() as scratch:
        images = list(table.images)
        if megapixels is not None:
            table = table.take(decode(images, step).kept)
            images = list(table.images)
            images = list(map(str, enlarge(images, Path(scratch), megapixels)))
        whole = decode(images, replace(step, decoding="full"))
        reduced = decode(images, replace(step, decoding="reduced"))
    both = np.intersect1d(whole.kept, reduced.kept)
    full, fast = (
        one.pixels[np.isin(one.kept, both)].astype(np.float32) / 65535 for one in (whole, reduced)
    )
    print(f"{len(images)} images; refused {len(whole.refusals)} decoded whole, "
          f"{len(reduced.refusals)} reduced; largest difference of an input pixel "
          f"{np.abs(full - fast).max():.3f}")  # fmt: skip
    torch_engine = TorchEngine(bundle.network, "cpu")
    reference = run_in_parts(torch_engine, full)
    truth = table.frame["label"].to_numpy()[both]
    engines = {"torch, float32": torch_engine}
    engines["openvino, float32"] = OpenVinoEngine(bundle.network, size)
    engines["onnxruntime, float32"] = OnnxEngine(bundle.network, size)
    if has_bfloat16():
        engines["openvino, bfloat16"] = OpenVinoEngine(bundle.network, size, "bfloat16")
    if place_quantised(folder).is_dir():
        engines["openvino, int8"] = cxr.load(folder, engine="openvino", precision="int8").engine
    else:
        drawn = np.random.default_rng(0).permutation(len(fast))[:SCALES]
        quantised = quantise_network(bundle.network, size, fast[drawn])
        engines["openvino, int8, unchecked"] = OpenVinoEngine(
            bundle.network, size, "int8", quantised=quantised
        )
    for told, engine in engines.items():
        output = run_in_parts(engine, fast)
        print(f"{told:25} {tell_gap(output, reference)}; {tell_auroc(output, reference, truth)}")


def run_in_parts(engine: TorchEngine, pixels: np.ndarray) -> EngineOutput:
    """Answer for many images, as few at once as memory holds."""
    parts = [engine.run(pixels[start : start + 32]) for start in range(0, len(pixels), 32)]
    return EngineOutput(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def tell_gap(output: EngineOutput, reference: EngineOutput) -> str:
    """Say how far probabilities and maps lie apart."""
    ours, theirs = (softmax(one.logits.astype(np.float64), axis=1) for one in (output, reference))
    far = np.abs(ours - theirs).max(axis=1)
    away = np.abs(output.maps - reference.maps).max(axis=(1, 2, 3))
    away = away / np.abs(reference.maps).max(axis=(1, 2, 3))
    same = (output.logits.argmax(axis=1) == reference.logits.argmax(axis=1)).sum()
    return (
        f"{same} of {len(far)} decisions the same; |Δp| median {np.median(far):.1e}, 99th "
        f"percentile {np.quantile(far, 0.99):.1e}, largest {far.max():.1e}; |Δmap| as a share of "
        f"the largest value, median {np.median(away):.1e}, largest {away.max():.1e}"
    )


def tell_auroc(output: EngineOutput, reference: EngineOutput, truth: np.ndarray) -> str:
    """Say by how much the AUROC of the last class changes."""
    last = np.unique(truth)[-1]
    ours, theirs = (
        roc_auc_score(truth == last, softmax(one.logits.astype(np.float64), axis=1)[:, -1])
        for one in (output, reference)
    )
    return f"AUROC of {last} {ours:.5f}, reference {theirs:.5f}"


def enlarge(images: list[str], folder: Path, megapixels: float) -> Iterator[Path]:
    """Write each image as a JPEG file of so many million pixels."""
    for number, image in enumerate(images):
        place = folder / str(number)
        place.mkdir()
        yield write_sample(place, 1, megapixels, [image])[0]


if __name__ == "__main__":
    main()
