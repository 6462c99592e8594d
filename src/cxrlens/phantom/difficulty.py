"""How hard a set of phantoms is for those who do not look at the lungs.

SPDX-License-Identifier: Apache-2.0

Since the phantoms are drawn, every figure on them could be made to look good. These figures
stand beside each of them: what a reader without eyes would reach on the same images.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

from cxrlens.phantom.plane import SIZE, Plane
from cxrlens.phantom.record import Phantom
from cxrlens.vocabulary import InputError

Features = Float64[np.ndarray, "n features"]
"""One row a phantom."""

TOLERANCE = 15 / 224 * SIZE
"""Pixels by which the pointing game may miss a lesion: 15 px at 224 px (Zhang et al. 2018)."""

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
_PENALTY = (1e-2,)


@dataclass(frozen=True)
class Bounded:
    """A figure and the bounds that the phantoms promise for it."""

    name: str
    """What was measured."""

    value: float
    """The figure."""

    low: float
    """Smallest value that is promised."""

    high: float
    """Largest value that is promised."""

    @property
    def holds(self) -> bool:
        """Whether the figure lies within its bounds."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True)
class Difficulty:
    """What can be reached on a set without looking at the lungs, each figure with its bounds."""

    lesion_share_min: Bounded
    """Share of the image that the smallest lesion covers, in %."""

    lesion_share_median: Bounded
    """Share of the image that a lesion covers, in %; median over diseased images."""

    lesion_share_max: Bounded
    """Share of the image that the largest lesion covers, in %."""

    thumbnail_auroc: Bounded
    """Macro AUROC of a logistic regression on 32-pixel thumbnails, the best of four penalties."""

    file_size_auroc: Bounded
    """Macro AUROC of a logistic regression on the size of the pixels, compressed as in a PNG file.

    Arrays have no header; the size is the one fact that a file would give away.
    """

    border_auroc: Bounded
    """Macro AUROC of a logistic regression on a frame of 8 pixels."""

    mean_mask_pointing: Bounded
    """Pointing game of the strongest point of the mean training mask; mean over diseases."""

    mean_mask_pointing_by_disease: tuple[tuple[str, float], ...]
    """The same for each disease: its name and the share of its test images that is hit."""

    @property
    def bounded(self) -> tuple[Bounded, ...]:
        """All figures that have a bound, in order."""
        return (
            self.lesion_share_min,
            self.lesion_share_median,
            self.lesion_share_max,
            self.thumbnail_auroc,
            self.file_size_auroc,
            self.border_auroc,
            self.mean_mask_pointing,
        )


def measure_difficulty(train: Sequence[Phantom], test: Sequence[Phantom]) -> Difficulty:
    """Measure what the findings of a test set give away without a look at the lungs.

    Args:
        train: phantoms to learn from.
        test: phantoms of other patients, with at least two findings, one of them a disease, and
            no finding that `train` does not have.

    Raises:
        InputError: if the two sets do not hold the same findings, or too few of them.
    """
    _check_sets(train, test)
    share = [100 * float(p.lesion.mean()) for p in (*train, *test) if p.finding != "normal"]
    chance = _bound_chance(test)
    hits = _point_mean_masks(train, test)
    return Difficulty(
        Bounded("smallest lesion, % of image", min(share), 1.0, 8.0),
        Bounded("median lesion, % of image", float(np.median(share)), 1.0, 8.0),
        Bounded("largest lesion, % of image", max(share), 1.0, 8.0),
        Bounded("32-pixel thumbnail AUROC", _classify(train, test, _shrink, _PENALTIES), 0.0, 0.85),
        Bounded("file size AUROC", _classify(train, test, _compress, _PENALTY), *chance),
        Bounded("border AUROC", _classify(train, test, _cut_frame, _PENALTY), *chance),
        Bounded("mean mask's pointing game", float(np.mean([h for _, h in hits])), 0.0, 0.55),
        hits,
    )


def _check_sets(train: Sequence[Phantom], test: Sequence[Phantom]) -> None:
    known, asked = ({p.finding for p in phantoms} for phantoms in (train, test))
    if known != asked or len(known) < 2:
        raise InputError(
            f"`train` and `test` must hold the same two or more findings; got {sorted(known)} "
            f"and {sorted(asked)}. Draw larger sets."
        )


def _bound_chance(test: Sequence[Phantom]) -> tuple[float, float]:
    """Where a macro AUROC at chance may lie: within 0.03 and two standard errors of 0.5.

    Source:
        Variance of the Mann-Whitney statistic where there is no difference,
        (positives + negatives + 1) / (12 positives negatives), the classes taken as independent.
    """
    _, counts = np.unique([p.finding for p in test], return_counts=True)
    variances = [(len(test) + 1) / (12 * k * (len(test) - k)) for k in counts.tolist()]
    margin = 0.03 + 2 * math.sqrt(sum(variances)) / len(variances)
    return 0.5 - margin, 0.5 + margin


def _classify(
    train: Sequence[Phantom],
    test: Sequence[Phantom],
    look: Callable[[Phantom], list[float]],
    strengths: tuple[float, ...],
) -> float:
    """Macro AUROC of logistic regression; of several penalties the one best on the test set."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (slow)
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 (slow)
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 (slow)

    features, truth = np.array([look(p) for p in train]), [p.finding for p in train]
    unseen, asked = np.array([look(p) for p in test]), [p.finding for p in test]
    scores = []
    for strength in strengths:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
        chances = model.fit(features, truth).predict_proba(unseen)
        scores.append(_score(asked, chances, list(model.classes_)))
    return max(scores)


def _score(truth: list[str], chances: Features, classes: list[str]) -> float:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 (slow)

    areas = [
        roc_auc_score([finding == name for finding in truth], chances[:, column])
        for column, name in enumerate(classes)
    ]
    return float(np.mean(areas))


def _shrink(phantom: Phantom) -> list[float]:
    """A 32 x 32 thumbnail, each pixel the mean of 8 x 8."""
    return list(_average(phantom).ravel())


def _cut_frame(phantom: Phantom) -> list[float]:
    """The outermost 8 pixels, in blocks of 8 x 8."""
    small = _average(phantom)
    return [*small[0], *small[-1], *small[1:-1, 0], *small[1:-1, -1]]


def _average(phantom: Phantom) -> Plane:
    return np.asarray(phantom.pixels.reshape(32, SIZE // 32, 32, SIZE // 32).mean(axis=(1, 3)))


def _compress(phantom: Phantom) -> list[float]:
    """The size in bytes that a PNG file with the `up` filter would have, headers left out."""
    rows = phantom.pixels.astype(np.int16)
    filtered = np.diff(rows, axis=0, prepend=np.zeros((1, SIZE), dtype=np.int16))
    return [float(len(zlib.compress(filtered.astype(np.uint8).tobytes(), 6)))]


def _point_mean_masks(
    train: Sequence[Phantom], test: Sequence[Phantom]
) -> tuple[tuple[str, float], ...]:
    """For each disease, how often the strongest point of its mean training mask hits a lesion."""
    hits = []
    for disease in sorted({p.finding for p in test} - {"normal"}):
        mean = np.mean([p.lesion for p in train if p.finding == disease], axis=0)
        point = np.unravel_index(int(np.argmax(mean)), mean.shape)
        away = [
            ndimage.distance_transform_edt(~p.lesion)[point] for p in test if p.finding == disease
        ]
        hits.append((disease, float(np.mean(np.array(away) <= TOLERANCE))))
    return tuple(hits)
