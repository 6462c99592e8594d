"""Examinations of trainings that differ in their seed alone become one.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cxrlens.evaluation import SeedSpread, average_judgements, measure_spread
from cxrlens.model.examining import Examination


@dataclass(frozen=True, eq=False)
class SeedRun:
    """One of several trainings on the same split."""

    seed: int
    """Of the initial head, the order of cases, the copies, the augmentation and dropout."""

    examination: Examination
    """Of its model; with folds, of its models."""


def pool_seeds(runs: Sequence[SeedRun]) -> tuple[Examination, SeedSpread]:
    """Average what several seeds came to.

    Args:
        runs: one a seed, on the same images.

    Returns:
        An examination whose figures are means over the seeds, and whose cases, answers and table
        are those of the first; and how far the seeds lie apart.
    """
    examinations = [run.examination for run in runs]
    evaluations = [one.evaluation for one in examinations]
    maps = [one.maps for one in examinations if one.maps is not None]
    spread = measure_spread([run.seed for run in runs], evaluations)
    pooled = replace(
        examinations[0],
        evaluation=average_judgements(evaluations),
        maps=average_judgements(maps) if maps else None,
        notes=(*examinations[0].notes, _tell_spread(spread, evaluations[0].n_images)),
    )
    return pooled, spread


def _tell_spread(spread: SeedSpread, n_images: int) -> str:
    seeds = [one.seed for one in spread.by_seed]
    parts = [
        f"{name} {ends[0]:.3f}–{ends[1]:.3f}"
        for name, ends in (("macro AUROC", spread.macro_auroc), ("accuracy", spread.accuracy))
        if ends is not None
    ]
    lying = f" From seed to seed: {', '.join(parts)}." if parts else ""
    return (
        f"Every figure is the mean of {len(seeds)} trainings on the same split, with the seeds "
        f"{seeds[0]} to {seeds[-1]} ({n_images} images × {len(seeds)} seeds); its interval is for "
        f"other patients, not for other seeds.{lying} Cases, mistakes and counts of warnings are "
        f"those of seed {seeds[0]}."
    )
