"""What readers and a machine said of the same cases: the one thing that an outcome is judged from.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary import ClassIndices, Flags, InputError, LabelMatrix, Scores, show_name


@dataclass(frozen=True, eq=False)
class Readings:
    """One row a reading: one reader's answers about one case; all columns have the same length n.

    No row is allowed too (a room on its first day).

    Raises:
        InputError: if the columns differ in length or do not fit the classes, an answer is neither
            yes, no nor missing, a machine answered that was not there or was shown without an
            answer, or a time is negative.
    """

    classes: tuple[str, ...]
    """The k classes, in the order of the columns of answers."""

    clusters: ClassIndices
    """A number for each reading's patient; all readings of a patient are taken as dependent."""

    first: LabelMatrix
    """The reader's first answer, given before the machine's was shown: 1 there, 0 not there, NaN
    where none was recorded."""

    final: LabelMatrix
    """The reader's answer that counts: 1 there, 0 not there, NaN where the class was left open."""

    machine: LabelMatrix
    """The machine's decision: 1 for the class, 0 not for it, NaN where it gave none."""

    reference: LabelMatrix
    """What is known from elsewhere: 1 there, 0 not there, -1 uncertain, NaN missing; the last two
    count as not known."""

    seconds: Scores
    """How long the reading took, at least 0; NaN where it was not timed."""

    shown: Flags
    """Whether the reader had seen the machine's answer before the final one."""

    bundles: tuple[str | None, ...]
    """Digest of the bundle that answered; None where no model ran."""

    levels: tuple[str, ...]
    """The level that the reading was made at, such as `shadow`."""

    def __post_init__(self) -> None:
        """Check the columns against each other."""
        self._check_sizes()
        for name in ("first", "final", "machine", "reference"):
            self._check_answers(name)
        self._check_machine()
        bad = ~(np.isnan(self.seconds) | (np.isfinite(self.seconds) & (self.seconds >= 0)))
        for row in np.flatnonzero(bad)[:1].tolist():
            raise InputError(
                f"reading {row} (from 0) took {self.seconds[row]:g} seconds; give a time of at "
                "least 0, or NaN where there is none"
            )

    def take(self, rows: Flags) -> "Readings":
        """Take some of the readings, such as those of one reader.

        Args:
            rows: which.
        """
        places = np.flatnonzero(rows).tolist()
        return Readings(
            classes=self.classes,
            clusters=self.clusters[rows],
            first=self.first[rows],
            final=self.final[rows],
            machine=self.machine[rows],
            reference=self.reference[rows],
            seconds=self.seconds[rows],
            shown=self.shown[rows],
            bundles=tuple(self.bundles[row] for row in places),
            levels=tuple(self.levels[row] for row in places),
        )

    @property
    def unaided(self) -> LabelMatrix:
        """What the reader said without having seen the machine's answer.

        Returns:
            The first answer where one was recorded, else the final one where the machine was not
            shown before it; NaN where every answer was given in sight of the machine's.
        """
        blind = np.where(self.shown[:, None], np.float32(np.nan), self.final)
        return np.asarray(np.where(np.isnan(self.first), blind, self.first), dtype=np.float32)

    def _check_sizes(self) -> None:
        n, k = len(self.clusters), len(self.classes)
        columns = (self.seconds, self.shown, self.bundles, self.levels)
        shapes = {one.shape for one in (self.first, self.final, self.machine, self.reference)}
        lengths = [len(one) for one in columns]
        if shapes != {(n, k)} or set(lengths) != {n}:
            raise InputError(
                f"readings need equally long columns and {k} classes; got {n} patients, answers of "
                f"{sorted(shapes)} rows and classes, and {lengths} times, sights, bundles and "
                "levels; give one value a reading"
            )

    def _check_answers(self, name: str) -> None:
        answers = getattr(self, name)
        allowed = (0, 1, -1) if name == "reference" else (0, 1)
        bad = ~(np.isin(answers, allowed) | np.isnan(answers))
        for row, column in np.argwhere(bad)[:1].tolist():
            raise InputError(
                f"reading {row} (from 0) says {answers[row, column]:g} of "
                f"{show_name(self.classes[column])!r} ({name}); give 1 for there, 0 for not there, "
                "NaN where it is not said"
            )

    def _check_machine(self) -> None:
        is_silent = np.isnan(self.machine).all(axis=1)
        has_bundle = np.array([one is not None for one in self.bundles], dtype=np.bool_)
        for row in np.flatnonzero(~has_bundle & ~is_silent)[:1].tolist():
            raise InputError(
                f"reading {row} (from 0) holds a decision of a machine and no digest of its "
                "bundle; give the digest"
            )
        for row in np.flatnonzero(self.shown & is_silent)[:1].tolist():
            raise InputError(
                f"reading {row} (from 0) says that the machine's answer was shown, and holds "
                "none; give the answer"
            )


def split_readings(readings: Readings, *, by_level: bool = True) -> tuple[Readings, ...]:
    """Split readings by the bundle that answered and the level that they were made at.

    Args:
        readings: of any bundles and levels.
        by_level: whether levels are told apart too.

    Returns:
        One part a bundle, or a bundle and level, in the order of their names; readings where no
        model ran are a part, or parts, of their own, and come first.
    """
    levels = readings.levels if by_level else ("",) * len(readings.levels)
    keys = [
        (bundle is not None, bundle or "", level)
        for bundle, level in zip(readings.bundles, levels, strict=True)
    ]
    return tuple(
        readings.take(np.array([one == key for one in keys], dtype=np.bool_))
        for key in sorted(set(keys))
    )


def find_bundle(readings: Readings) -> str | None:
    """Find the one bundle that readings are of; those where no model ran may stand beside.

    Args:
        readings: to be judged together.

    Returns:
        Its digest; None where no model ran.

    Raises:
        InputError: if there are several bundles: what came of different models is never merged.
    """
    digests = sorted({one for one in readings.bundles if one is not None})
    if len(digests) > 1:
        counts = [f"{one[:12]} ({readings.bundles.count(one)} readings)" for one in digests]
        raise InputError(
            f"readings of one bundle are judged at a time, and never merged; got "
            f"{len(digests)}: {', '.join(counts)}; split them first, with split_readings"
        )
    return digests[0] if digests else None
