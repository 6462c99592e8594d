"""What a bundle keeps of its training images, so that it knows when an image is unlike them.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from cxrlens.evaluation import (
    find_conformal_p_values,
    measure_neighbour_distances,
    scale_to_unit,
)
from cxrlens.inference.feature_engine import FeatureTable
from cxrlens.vocabulary import (
    USUAL_LIMIT,
    BundleError,
    ImageWarning,
    InputError,
    TableError,
    Unfamiliarity,
    digest_lines,
)

NEIGHBOURS = 10
"""The k of the k-th nearest neighbour. With 1 a single odd training image would make all like it
familiar; with many, a kind of radiograph that is rare in training would look strange."""

FEWEST_IN_BANK = 5 * NEIGHBOURS
"""Training images; with fewer the k-th nearest is no near one."""

FEWEST_CALIBRATING = 19
"""Images; with fewer no p-value could be as small as 0.05."""

OUT_OF_DISTRIBUTION = "out-of-distribution"
"""The reason of the warning."""

_BANK, _DISTANCES = "bank", "distances"


@dataclass(frozen=True)
class FamiliarityRecord:
    """What the statistics of the training images are: a part of `bundle.json`."""

    k: int
    """Which nearest neighbour is looked at."""

    n_bank: int
    """Training images that are kept as features."""

    n_calibrating: int
    """Images by which p-values are told."""

    calibrated_on: str
    """What these are, in words."""

    limit: float
    """The p-value from which on down an image is out of distribution."""

    rows: str
    """SHA-256 over the SHA-256s of the files of the bank, then of those that calibrate, in their
    order: which images they were can be proven, and cannot be read from it."""


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Features of training images, and how far other usual images lie from them."""

    record: FamiliarityRecord
    """What they are."""

    bank: Float16[np.ndarray, "bank features"]
    """Pooled features of training images, scaled to length 1."""

    distances: Float32[np.ndarray, " calibrating"]
    """Of each calibrating image to its k-th nearest in the bank, ascending."""

    def judge(self, features: FeatureTable) -> tuple[Unfamiliarity, ...]:
        """Say how unlike the training images some images are.

        Args:
            features: pooled, as the network gives them, one image a row.

        Returns:
            One an image.
        """
        distances = _measure(features, self._wide_bank, self.record.k)
        p_values = find_conformal_p_values(distances, self.distances)
        return tuple(
            Unfamiliarity(distance, p_value, self.record.limit)
            for distance, p_value in zip(distances.tolist(), p_values.tolist(), strict=True)
        )

    def warn(self, one: Unfamiliarity) -> ImageWarning | None:
        """Word the reservation about an image; None where it is not out of distribution.

        Args:
            one: as `judge` gave it.
        """
        if not one.is_out:
            return None
        n = self.record.n_calibrating
        # p = (1 + images as far away) / (n + 1)
        share = (n + 1) * (1 - one.p_value) / n
        return ImageWarning(
            OUT_OF_DISTRIBUTION,
            f"less like the training images than {100 * share:.1f} % of {n} "
            f"{self.record.calibrated_on} (p = {one.p_value:.2g}, limit {one.limit:.2g}): the "
            "model may know nothing of such images; do not rely on this answer",
            one.p_value,
        )

    @cached_property
    def _wide_bank(self) -> Float32[np.ndarray, "bank features"]:
        return self.bank.astype(np.float32)


def fit_familiarity(
    bank: Float32[np.ndarray, "bank features"],
    calibrating: Float32[np.ndarray, "calibrating features"],
    digests: Sequence[str],
    calibrated_on: str,
    limit: float = USUAL_LIMIT,
) -> Familiarity:
    """Keep what tells an image that is unlike the training images.

    Args:
        bank: pooled features of training images.
        calibrating: pooled features of other images, which stand for the usual ones.
        digests: SHA-256 of the files of both, in their order.
        calibrated_on: what those are, in words.
        limit: the share of usual images that may be called out of distribution, in (0, 1). Where
            the images that calibrate are too few for it, the smallest p-value that they can
            give, 1 / (n + 1), takes its place.

    Raises:
        TableError: if there are too few images of either.
        InputError: if a feature is not finite, or the limit is not in (0, 1).
    """
    check_counts(len(bank), len(calibrating))
    check_limit(limit)
    n_bad = sum(int((~np.isfinite(one).all(axis=1)).sum()) for one in (bank, calibrating))
    if n_bad:
        raise InputError(
            f"the features of {n_bad} of {len(bank) + len(calibrating)} images are not finite: "
            "nothing can be compared with them; train the model again"
        )
    kept = scale_to_unit(bank).astype(np.float16)
    distances = np.sort(_measure(calibrating, kept.astype(np.float32), NEIGHBOURS))
    n = len(distances)
    reachable = max(limit, 1 / (n + 1))
    record = FamiliarityRecord(
        NEIGHBOURS, len(kept), n, calibrated_on, reachable, digest_lines(digests)
    )
    return Familiarity(record, kept, distances)


def check_counts(n_bank: int, n_calibrating: int) -> None:
    """Refuse too few images, before anything is computed of them.

    Args:
        n_bank: training images.
        n_calibrating: other images.

    Raises:
        TableError: if there are.
    """
    for n, fewest, what in (
        (n_bank, FEWEST_IN_BANK, "that the model was trained on"),
        (n_calibrating, FEWEST_CALIBRATING, "to calibrate on, which it was not trained on"),
    ):
        if n < fewest:
            raise TableError(f"{n} images {what} are too few: give {fewest} or more")


def check_limit(limit: float) -> None:
    """Refuse what is no share of the usual images.

    Args:
        limit: as for `fit_familiarity`.

    Raises:
        InputError: if it is not in (0, 1).
    """
    if not 0 < limit < 1:
        raise InputError(
            f"the limit {limit:g} is no share; give one above 0 and below 1, such as 0.01"
        )


def dump_familiarity(familiarity: Familiarity) -> bytes:
    """Give the bytes of `familiarity.safetensors`."""
    return save_safetensors({_BANK: familiarity.bank, _DISTANCES: familiarity.distances})


def restore_familiarity(
    record: FamiliarityRecord, n_features: int, data: bytes, place: Path
) -> Familiarity:
    """Read the bytes of `familiarity.safetensors`.

    Args:
        record: what its bundle says of it.
        n_features: of the bundle's network.
        data: the bytes.
        place: the file, for the message.

    Raises:
        BundleError: if they are not what the record says, or not finite.
    """
    try:
        arrays = load_safetensors(data)
        bank, distances = arrays[_BANK], arrays[_DISTANCES]
    except (SafetensorError, ValueError, OverflowError, KeyError) as error:
        raise BundleError(
            f"{place} is damaged ({error}); copy the bundle again from where it was made"
        ) from error
    shapes = (record.n_bank, n_features), (record.n_calibrating,)
    is_right = (
        (bank.shape, distances.shape) == shapes
        and bank.dtype == np.float16
        and distances.dtype == np.float32
        and 1 <= record.k <= record.n_bank
        and record.n_calibrating >= 1
        and 0 < record.limit < 1
    )
    if not is_right:
        raise BundleError(
            f"{place} holds features of shape {bank.shape} ({bank.dtype}) and {distances.shape} "
            f"distances, its bundle needs {shapes[0]} and {shapes[1]}: it belongs to another "
            "bundle; make it again by `cxrlens fit-ood`"
        )
    if not (np.isfinite(bank).all() and np.isfinite(distances).all()):
        raise BundleError(
            f"{place} holds numbers that are not finite; make it again by `cxrlens fit-ood`"
        )
    return Familiarity(record, bank, np.sort(distances))


def _measure(
    features: FeatureTable, bank: Float32[np.ndarray, "bank features"], k: int
) -> Float32[np.ndarray, " n"]:
    return measure_neighbour_distances(scale_to_unit(features), bank, k).astype(np.float32)
