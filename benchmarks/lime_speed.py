"""How fast LIME is, beside the `lime` package and beside the engine alone.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/lime_speed.py [--networks NAME …] [--samples 1000] [--repeats 7]
    python benchmarks/lime_speed.py --bundle BUNDLE [--images FOLDER]

The package is used as the ancestor's notebook uses it: its own samples of the same pieces, ten at
once, through the eager network in float32. Ours asks OpenVINO as often (it does not stop early).
The engine alone is given as many images, with nothing hidden. All in turns in one run. The rank
correlation is that of the weights in this precision with those in float32 by PyTorch, of the same
samples, on the same images: phantoms, or files of a folder, evenly taken from all of it. int8 sets
its scales by others of them, unchecked.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from lime.lime_image import LimeImageExplainer
from scipy.special import softmax

from cxrlens.benchmark import describe_machine, list_precisions, open_random_model, race
from cxrlens.explanation import explain_lime
from cxrlens.explanation.stability import correlate_ranks
from cxrlens.explanation.superpixels import segment
from cxrlens.imaging.read_image import read_image
from cxrlens.inference import TorchEngine, open_engine, quantise_network
from cxrlens.model import Model, load
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import GreyImage, LimeSettings

N_IMAGES = 4
"""On which ranks are compared; the clock runs on the first."""

SCALES = 32
"""Images that set int8's scales: others than these."""


def main() -> None:
    """Print a line a network and precision."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--networks", nargs="+", default=["resnet34"])
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--precisions", nargs="+", default=list_precisions())
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print(describe_machine().words, flush=True)
    settings = LimeSettings(n_samples=options.samples, stop_at=1.0)
    if options.bundle is not None:
        model = load(options.bundle)
        images = take_images(model, options.images)
        compare("bundle", model, images, options.precisions, settings, options.repeats)
        return
    for name in options.networks:
        model = open_random_model(name)
        images = take_images(model, options.images)
        compare(name, model, images, options.precisions, settings, options.repeats)


def take_images(model: Model, folder: Path | None) -> np.ndarray:
    """Give images as the network sees them: those that are asked about, then those for int8."""
    n, step = N_IMAGES + SCALES, model.bundle.record.preprocessing
    if folder is None:
        return np.stack([draw(model, number) for number in range(n)])
    files = sorted(map(str, folder.rglob("*.*g")))
    taken = [files[at] for at in np.linspace(0, len(files) - 1, n).round().astype(int)]
    # Mixed, so that those that are asked about are of every class.
    mixed = [taken[at] for at in np.random.default_rng(0).permutation(n)]
    return np.stack([read_image(file, step).pixels for file in mixed])


def compare(
    name: str,
    model: Model,
    images: np.ndarray,
    precisions: list[str],
    settings: LimeSettings,
    repeats: int,
) -> None:
    """Print how fast, and how alike, one network is in each precision."""
    step = model.bundle.record.preprocessing
    exact = TorchEngine(model.bundle.network, "cpu")
    pieces = segment(images[0], settings.segments, settings.n_segments)
    n = settings.n_samples
    for precision in precisions:
        size = (step.height, step.width)
        quantised = None
        if precision == "int8":
            quantised = quantise_network(model.bundle.network, size, images[N_IMAGES:])
        engine = open_engine(model.bundle.network, size, "openvino", precision, quantised=quantised)
        many = np.repeat(images[:1], n, axis=0)

        def ours(engine: TorchEngine = engine) -> int:
            explain_lime(engine, images[0], model.classes, settings)
            return n

        def package() -> int:
            LimeImageExplainer(random_state=0).explain_instance(
                np.repeat(images[0][:, :, None], 3, axis=2),
                lambda batch: softmax(exact.run(batch[..., 0].astype(np.float32)).logits, axis=1),
                hide_color=0, top_labels=len(model.classes), num_samples=n,
                segmentation_fn=lambda _: pieces, random_seed=0,
            )  # fmt: skip
            return n

        def alone(engine: TorchEngine = engine, many: np.ndarray = many) -> int:
            engine.run(many)
            return n

        rates = race({"ours": ours, "lime": package, "engine": alone}, repeats)
        ranks = []
        for image in images[:N_IMAGES]:
            asked = replace(settings, top_labels=len(model.classes))
            one, other = (explain_lime(e, image, model.classes, asked) for e in (exact, engine))
            order = [other.classes.index(label) for label in one.classes]
            ranks.append(correlate_ranks(one.weights, other.weights[order]).min())
        faster, share = (rates["ours"].over(rates[side]) for side in ("lime", "engine"))
        print(
            f"{name}, {precision}: {n} samples in {n / rates['ours'].per_second[1]:.2f} s; "
            f"{faster[1]:.1f} ({faster[0]:.1f}–{faster[2]:.1f}) times as fast as the package, "
            f"{share[1]:.2f} ({share[0]:.2f}–{share[2]:.2f}) of the engine's rate; rank "
            f"correlation with float32 {np.min(ranks):.3f} at least, {np.mean(ranks):.3f} on "
            f"average ({N_IMAGES} images)",
            flush=True,
        )


def draw(model: Model, number: int) -> GreyImage:
    """Draw a phantom as the network sees it."""
    pixels = (draw_nth(number, seed=77).pixels / 255).astype(np.float32)
    return model.bundle.record.preprocessing.apply(pixels)


if __name__ == "__main__":
    main()
