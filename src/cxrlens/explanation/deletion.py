"""What becomes of the answer when the pixels that a map names are taken away, or brought back.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from scipy.special import expit, softmax

from cxrlens.inference import ImageBatch, TorchEngine
from cxrlens.vocabulary import ClassIndices, Geometry, GreyImage, Heatmap, Scores

STEPS = 10
"""Equal shares of the pixels that go, or come, one after the other."""

_BLUR_SHARE = 1 / 16
"""Standard deviation of the blur that a pixel is replaced by, as a share of the longer side."""


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Whether an answer rests on the pixels that its map names."""

    deletion: Scores
    """Mean probability of the class, one an image, while the pixels named first go first: low is
    good."""

    insertion: Scores
    """The same while they come back first, into the image out of focus: high is good."""


def measure_faithfulness(
    engine: TorchEngine,
    pixels: ImageBatch,
    targets: ClassIndices,
    heatmaps: tuple[Heatmap, ...],
    *,
    is_multilabel: bool,
) -> Faithfulness:
    """Take pixels away in the order of their heat, and bring them back.

    What is taken away is replaced by the image out of focus, so that no edge is added.

    Args:
        engine: runs the network.
        pixels: N x H x W in [0, 1], at the network's input size.
        targets: the class that each map is for.
        heatmaps: one an image; of a map that says nothing the pixels go in their order in memory.
        is_multilabel: whether each class has a sigmoid of its own.

    Returns:
        The areas under both curves, in [0, 1], by the trapezoidal rule over `STEPS` steps.

    Source:
        Petsiuk et al. 2018, "RISE", section 4.2 (there deletion goes to black).
    """
    areas = []
    for image, target, heatmap in zip(pixels, targets.tolist(), heatmaps, strict=True):
        order = _rank(heatmap, (image.shape[0], image.shape[1]))
        sigma = _BLUR_SHARE * max(image.shape)
        blurred = np.asarray(ndimage.gaussian_filter(image, sigma), dtype=np.float32)
        both = [_walk(image, blurred, order), _walk(blurred, image, order)]
        for batch in both:
            logits = engine.run(batch).logits.astype(np.float64)
            probabilities = expit(logits) if is_multilabel else softmax(logits, axis=1)
            areas.append(float(np.trapezoid(probabilities[:, target], dx=1 / STEPS)))
    found = np.array(areas).reshape(-1, 2)
    return Faithfulness(found[:, 0], found[:, 1])


def _rank(heatmap: Heatmap, size: tuple[int, int]) -> ClassIndices:
    """The pixels of the network's input, the hottest first."""
    whole = Geometry(size, size, 0.0, 0.0, float(size[0]), float(size[1]))
    grid = np.nan_to_num(heatmap.grid, nan=0.0, posinf=0.0, neginf=0.0)
    zoomed = replace(heatmap, grid=grid, geometry=whole).on_source()
    return np.argsort(-zoomed.ravel(), kind="stable")


def _walk(start: GreyImage, end: GreyImage, order: np.ndarray) -> ImageBatch:
    """Go from one image to another in steps, pixel by pixel in an order."""
    batch = np.repeat(start[None], STEPS + 1, axis=0)
    for step in range(1, STEPS + 1):
        changed = order[: round(order.size * step / STEPS)]
        batch[step].ravel()[changed] = end.ravel()[changed]
    return batch
