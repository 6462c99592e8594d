"""Our LIME against the `lime` package: the same order of pieces, and how long each takes.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/lime_against_lime.py --bundle BUNDLE [--images N] [--samples N]

BUNDLE is a model of phantoms, such as `cxrlens demo` writes. Both explain the same drawn images
with the same model and the same pieces. "Same samples": the package's own samples and answers, our
regression. "Own samples": each draws its own, so that they can agree no better than two seeds do;
the stability figure says how well that should be.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from lime.lime_image import LimeImageExplainer
from scipy.special import expit, softmax

from cxrlens.explanation import explain_lime
from cxrlens.explanation.sampling import BATCH
from cxrlens.explanation.stability import correlate_ranks
from cxrlens.explanation.surrogate import fit_surrogate, weigh_samples
from cxrlens.model import Model, load
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import GreyImage, LimeExplanation, LimeSettings

T = TypeVar("T")

Classify = Callable[[np.ndarray], np.ndarray]


class Recorder(LimeImageExplainer):
    """The package's explainer, which keeps its samples."""

    def data_labels(self, *args: object, **options: object) -> tuple[np.ndarray, np.ndarray]:
        """Give its samples and the answers."""
        self.kept, self.scores = super().data_labels(*args, **options)
        return self.kept, self.scores


@dataclass(frozen=True)
class Row:
    """What one image came to; arrays have one entry a class."""

    finding: str
    pieces: int
    our_seconds: float
    their_seconds: float
    network_seconds: float
    same_samples: np.ndarray
    own_samples: np.ndarray
    other_seed: np.ndarray
    foretold: np.ndarray
    r2: np.ndarray
    n_stopped: int
    r2_mean: np.ndarray
    r2_blur: np.ndarray
    order_mean: np.ndarray
    order_blur: np.ndarray


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--images", type=int, default=3)
    parser.add_argument("--samples", type=int, default=1000)
    options = parser.parse_args()
    model = load(options.bundle)
    settings = LimeSettings(n_samples=options.samples, stop_at=1.0)
    rows = []
    for number in range(options.images):
        phantom = draw_nth(number, seed=77)
        pixels = model.bundle.record.preprocessing.apply((phantom.pixels / 255).astype(np.float32))
        rows.append(compare(model, pixels, phantom.finding, settings))
        print(f"image {number}: {rows[-1]}", flush=True)
    tell(rows, options.samples)


def compare(model: Model, pixels: GreyImage, finding: str, settings: LimeSettings) -> Row:
    """Explain one image by both."""
    is_multilabel = model.bundle.record.is_multilabel

    def classify(images: np.ndarray) -> np.ndarray:
        logits = model.engine.run(images[..., 0]).logits.astype(np.float64)
        return expit(logits) if is_multilabel else softmax(logits, axis=1)

    def explain(chosen: LimeSettings) -> LimeExplanation:
        return explain_lime(
            model.engine, pixels, model.classes, chosen, is_multilabel=is_multilabel
        )

    ours, our_seconds = take_time(lambda: explain(settings))
    (theirs, shared), their_seconds = take_time(
        lambda: explain_by_package(pixels, classify, ours, settings)
    )
    places = [model.classes.index(name) for name in ours.classes]
    other = explain(replace(settings, seed=1))
    _, network_seconds = take_time(lambda: answer(model, pixels, settings.n_samples))
    mean, blur = (explain(replace(settings, hide_color=word)) for word in ("mean", "blur"))
    stopped = explain(replace(settings, stop_at=LimeSettings().stop_at))
    return Row(
        finding=finding,
        pieces=int(ours.segments.max()) + 1,
        our_seconds=our_seconds,
        their_seconds=their_seconds,
        network_seconds=network_seconds,
        same_samples=correlate_ranks(theirs[places], shared[places]),
        own_samples=correlate_ranks(theirs[places], ours.weights),
        other_seed=correlate_ranks(other.weights, ours.weights),
        foretold=ours.stability,
        r2=ours.r2,
        n_stopped=stopped.n_samples,
        r2_mean=mean.r2,
        r2_blur=blur.r2,
        order_mean=correlate_ranks(mean.weights, ours.weights),
        order_blur=correlate_ranks(blur.weights, ours.weights),
    )


def answer(model: Model, pixels: GreyImage, n: int) -> None:
    """Ask the network alone, as often as LIME does."""
    batch = np.repeat(pixels[None], BATCH, axis=0)
    for _ in range(n // BATCH):
        model.engine.run(batch)


def explain_by_package(
    pixels: GreyImage, classify: Classify, ours: LimeExplanation, settings: LimeSettings
) -> tuple[np.ndarray, np.ndarray]:
    """The package's weights on our pieces, and our regression on its samples: classes x pieces."""
    explainer = Recorder(random_state=0)
    found = explainer.explain_instance(
        np.repeat(pixels[:, :, None], 3, axis=2),
        classify,
        hide_color=0,
        top_labels=len(ours.classes),
        num_samples=settings.n_samples,
        segmentation_fn=lambda _: ours.segments,
        random_seed=0,
    )
    kept = explainer.kept.astype(bool)
    say = weigh_samples(kept, settings.kernel_width)
    shared = fit_surrogate(kept, explainer.scores, say, settings.alpha).weights
    theirs = np.full_like(shared, np.nan)
    for label, pairs in found.local_exp.items():
        theirs[label] = [weight for _, weight in sorted(pairs)]
    return theirs, shared


def take_time(work: Callable[[], T]) -> tuple[T, float]:
    """Seconds of this process's processor time, since others use the machine as well."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def tell(rows: list[Row], n_samples: int) -> None:
    """Print what all images came to, as Markdown."""

    def gather(name: str) -> np.ndarray:
        return np.concatenate([np.atleast_1d(getattr(row, name)) for row in rows])

    ratio = gather("their_seconds") / gather("our_seconds")
    gap = gather("foretold") - gather("other_seed")
    print(f"\n{os.cpu_count()} cores, {torch.get_num_threads()} threads of torch\n")
    print("| figure | value |\n|---|---|")
    print(f"| images, classes each, samples | {len(rows)}, {len(rows[0].r2)}, {n_samples:,} |")
    for name, words in (
        ("pieces", "pieces"),
        ("same_samples", "rank correlation with `lime`, same samples"),
        ("own_samples", "rank correlation with `lime`, own samples"),
        ("other_seed", "rank correlation of ours with seed 1"),
        ("foretold", "the same as foretold by the stability figure"),
        ("r2", "R²; hidden pieces black"),
        ("r2_mean", "R²; hidden pieces show their mean"),
        ("r2_blur", "R²; hidden pieces show a blur"),
        ("order_mean", "rank correlation of black with mean"),
        ("order_blur", "rank correlation of black with blur"),
        ("our_seconds", "processor seconds an image, ours"),
        ("their_seconds", "processor seconds an image, `lime`"),
        ("network_seconds", "processor seconds an image, the network alone"),
        ("n_stopped", "samples at which ours stops by default"),
    ):
        values = gather(name)
        print(f"| {words}: mean (least–most) | {tell_range(values)} |")
    print(f"| times as fast as `lime`: mean (least–most) | {tell_range(ratio)} |")
    print(f"| foretold less observed: mean; root mean square | {gap.mean():+.3f}; "
          f"{np.sqrt((gap**2).mean()):.3f} |")  # fmt: skip


def tell_range(values: np.ndarray) -> str:
    """Write the mean and the extremes."""
    return f"{values.mean():.4g} ({values.min():.4g}–{values.max():.4g})"


if __name__ == "__main__":
    main()
