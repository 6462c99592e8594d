"""What is said of groups of images, such as those of women and of men.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

from cxrlens.vocabulary import Estimate

UNKNOWN_GROUP = "unknown"
"""Of the images whose value is not known; counted and judged, and compared with no other group."""

LEAST_PATIENTS = 10
"""A group with fewer patients is counted only, and a class with fewer is not compared.

Of ten patients even a share of 1.00 has an interval down to 0.72 (Wilson): about fewer nothing can
be claimed that would matter to anybody.
"""


@dataclass(frozen=True)
class ClassCount:
    """How often a class is there in one group."""

    class_name: str
    """The class."""

    n_images: int
    """Images that have it."""

    n_patients: int
    """Patients with such an image."""

    n_patients_without: int
    """Patients with an image that does not have it."""


@dataclass(frozen=True)
class Subgroup:
    """One value of a column, and the images that have it."""

    name: str
    """The value, such as `F`; `unknown` where it is not known."""

    n_images: int
    """Images with a known truth."""

    n_patients: int
    """Their patients; an unknown patient counts as one each."""

    counts: tuple[ClassCount, ...]
    """One a class."""

    is_small: bool
    """Whether it has fewer than `LEAST_PATIENTS` patients, so that no figure of it is given."""


@dataclass(frozen=True)
class GroupGap:
    """The widest gap between two groups in one figure."""

    highest: str
    """The group where the figure is largest."""

    lowest: str
    """The group where it is smallest."""

    difference: Estimate
    """The largest less the smallest; the interval holds for all comparisons of the column at once,
    so that it is wider than one for this pair alone."""

    is_beyond_chance: bool
    """Whether that interval leaves out 0."""


@dataclass(frozen=True)
class GroupFigure:
    """One figure of a judgement in every group."""

    name: str
    """As the judgement calls it, such as `recall`."""

    class_name: str | None
    """The class that it is of; None where it is of all."""

    estimates: tuple[Estimate, ...]
    """One a group, as `judge` gives it for the group's images alone; not defined where the group
    is small."""

    gap: GroupGap | None
    """None where fewer than two groups can be compared."""


@dataclass(frozen=True)
class Subgroups:
    """How well a model does in each group of one column."""

    column: str
    """What the images are grouped by, such as `sex`."""

    groups: tuple[Subgroup, ...]
    """In the order of their names, `unknown` last."""

    figures: tuple[GroupFigure, ...]
    """Every figure of the judgement; none where all groups are small."""

    n_comparisons: int
    """Pairs of groups times figures: what the intervals of the gaps are widened for."""

    n_shared_patients: int
    """Patients with images in more than one of the groups."""
