"""Cases with a reference, and cases of the daily work: what a promise is tested and counted on.

SPDX-License-Identifier: Apache-2.0
"""

import re
from dataclasses import dataclass

import numpy as np

from cxrlens.evaluation.promise import Side
from cxrlens.vocabulary import ClassIndices, Flags, InputError, Scores, digest_lines

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, eq=False)
class ReferenceCases:
    """One row an image, in the order of arrival; all columns have the same length n.

    Raises:
        InputError: if the columns differ in length, a score is no number in [0, 1], an image
            stands twice or is not named by a SHA-256, or nobody says where the reference is from.
    """

    scores: Scores
    """The bundle's probability of the finding, in [0, 1]."""

    is_present: Flags
    """Whether the reference says that the finding is there; images of which it is not known are
    left out before, and why it is known of these must have nothing to do with the scores."""

    clusters: ClassIndices
    """A number for each image's patient."""

    images: tuple[str, ...]
    """SHA-256 of each image's file: no image counts twice, nor one that was trained on."""

    reference: str
    """Where the reference is from, in words, such as `CT within two days`. The answers of the
    reader whom the machine stands beside are none."""

    def __post_init__(self) -> None:
        """Check the columns against each other."""
        n = len(self.scores)
        lengths = [len(self.is_present), len(self.clusters), len(self.images)]
        if set(lengths) != {n}:
            raise InputError(
                f"cases need equally long columns; got {n} scores and {lengths} references, "
                "patients and images; give one value an image"
            )
        check_scores(self.scores)
        bad = next((one for one in self.images if not _DIGEST.fullmatch(one)), None)
        if bad is not None:
            raise InputError(f"an image is named by its SHA-256; got {bad!r}: give 64 digits")
        if len(set(self.images)) < n:
            raise InputError(
                f"{n - len(set(self.images))} of {n} images stand there more than once; an image "
                "counts once: hand each in once"
            )
        if not self.reference.strip():
            raise InputError("nobody says where the reference of the cases is from; say it")

    @property
    def fingerprint(self) -> str:
        """A digest of images, scores and references; order and patients' numbers play no part."""
        rows = zip(self.images, self.scores.tolist(), self.is_present.tolist(), strict=True)
        return digest_lines(
            sorted(f"{image} {score!r} {is_there}" for image, score, is_there in rows)
        )

    def find_at_stake(self, decides: Side) -> Flags:
        """Find the images that a decision could be wrong of.

        Args:
            decides: what the machine decides alone.
        """
        return np.asarray(self.is_present == (decides == "negative"))

    def find_worst(self, decides: Side) -> Scores:
        """Find the score of each patient at stake that a wrong decision comes from first.

        A patient with several images counts once, and by the worst of them: one image of a patient
        with the finding decided negative is a miss, whatever is decided of the others.

        Args:
            decides: what the machine decides alone.

        Returns:
            One score a patient at stake: the lowest of the images with the finding, or the highest
            of those without it.
        """
        rows = self.find_at_stake(decides)
        _, position = np.unique(self.clusters[rows], return_inverse=True)
        own = self.scores[rows].astype(np.float64)
        lowest = decides == "negative"
        worst = np.full(int(position.max(initial=-1)) + 1, np.inf if lowest else -np.inf)
        (np.minimum if lowest else np.maximum).at(worst, position, own)
        return worst

    def take_first(self, n_patients: int, decides: Side) -> "ReferenceCases":
        """Take the cases up to the one that brought a number of patients at stake.

        Args:
            n_patients: of a declared look; at least 1.
            decides: what the machine decides alone.

        Raises:
            InputError: if there are fewer.
        """
        rows = np.flatnonzero(self.find_at_stake(decides))
        _, first = np.unique(self.clusters[rows], return_index=True)
        if n_patients < 1 or first.size < n_patients:
            raise InputError(
                f"the first {n_patients} patients at stake are asked for, and there are "
                f"{first.size}; wait, or ask for at least 1 and no more than there are"
            )
        end = int(rows[np.sort(first)[n_patients - 1]]) + 1
        return ReferenceCases(
            self.scores[:end],
            self.is_present[:end],
            self.clusters[:end],
            self.images[:end],
            self.reference,
        )


@dataclass(frozen=True, eq=False)
class Workload:
    """Cases as they come, none chosen, whose reference nobody needs to know.

    Raises:
        InputError: if there is no case, the columns differ in length, or a score is no number in
            [0, 1].
    """

    scores: Scores
    """The bundle's probability of the finding, in [0, 1], one an image."""

    clusters: ClassIndices
    """A number for each image's patient."""

    over: str
    """What cases they are, in words, such as `all chest radiographs of October`."""

    def __post_init__(self) -> None:
        """Check the columns against each other."""
        if len(self.scores) == 0 or len(self.scores) != len(self.clusters):
            raise InputError(
                f"a workload needs a score and a patient an image, and an image; got "
                f"{len(self.scores)} scores and {len(self.clusters)} patients"
            )
        check_scores(self.scores)


def check_scores(scores: Scores) -> None:
    """Check that scores are numbers in [0, 1].

    Raises:
        InputError: if one is not.
    """
    bad = ~((scores >= 0) & (scores <= 1))
    for row in np.flatnonzero(bad)[:1].tolist():
        raise InputError(
            f"image {row} (from 0) has the score {scores[row]:g}; give a probability in [0, 1]"
        )
