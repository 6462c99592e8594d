"""The few validation cases whose maps are looked at after every epoch.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from cxrlens.network.classifier import ClassifierOutput
from cxrlens.network.tensors import GreyBatch
from cxrlens.training.batching import Rows
from cxrlens.training.cases import TrainingCases
from cxrlens.training.map_picture import MapPanel
from cxrlens.training.targets import Targets
from cxrlens.vocabulary import show_name

N_WATCHED = 8
"""Cases that are watched, where there are so many."""


@dataclass(frozen=True)
class WatchedCase:
    """One image, and the class that it is watched for."""

    row: int
    """Position of the image."""

    index: int
    """A class that it has."""


def choose_watched(targets: Targets, rows: Rows) -> tuple[WatchedCase, ...]:
    """Choose cases evenly over the classes and, within a class, over the table.

    There is no chance in it: the same data and split give the same cases.

    Args:
        targets: of all images.
        rows: the images to choose from.

    Returns:
        At most `N_WATCHED` cases by class; none twice, and of as many classes as there can be
        (of more classes than cases, of some that are spread evenly). With several labels an image,
        each is watched for a label that it has.
    """
    members = _list_members(targets, rows)
    if len(members) > N_WATCHED:
        kept = np.linspace(0, len(members) - 1, N_WATCHED).round().astype(int)
        members = [members[place] for place in kept]
    share = -(-N_WATCHED // max(len(members), 1))
    taken: dict[int, int] = {}
    for turn in range(N_WATCHED):
        for index, its_rows in members:
            free = [row for row in its_rows if row not in taken]
            if free and len(taken) < N_WATCHED:
                taken[free[len(free) * (turn % share) // share]] = index
    found = sorted((index, row) for row, index in taken.items())
    return tuple(WatchedCase(row, index) for index, row in found)


def describe_watched(
    watched: Sequence[WatchedCase],
    cases: TrainingCases,
    images: GreyBatch,
    output: ClassifierOutput,
) -> tuple[MapPanel, ...]:
    """Say what the network makes of each case: the map of its class, the decision, the range.

    Args:
        watched: the cases.
        cases: names of images and classes.
        images: as the network sees them, in the order of `watched`.
        output: logits and maps of all classes.
    """
    names = cases.class_names
    panels = []
    for place, one in enumerate(watched):
        grid, truth = output.maps[place, one.index].numpy(), names[one.index]
        file = cases.images[one.row] if cases.images else f"image {one.row}"
        decision = _say_decision(output.logits[place], one.index, cases)
        span = f"evidence for it: {grid.min():+.3g} to {grid.max():+.3g}"
        lines = (file, f"has {truth}: {decision}", span)
        title = f"{place + 1} {show_name(truth)}"
        panels.append(MapPanel(title, images[place, 0].numpy(), grid, lines))
    return tuple(panels)


def _say_decision(logits: Tensor, index: int, cases: TrainingCases) -> str:
    """Say what is decided, for which probability, and whether that is right."""
    if cases.targets.ndim > 1:
        probability = float(logits[index].sigmoid())
        return f"{'✓ found' if probability > 0.5 else '✗ missed'} at {probability:.2f}"
    decided = int(logits.argmax())
    probability = float(logits.softmax(0)[decided])
    mark = "✓" if decided == index else "✗"
    return f"{mark} decided {cases.class_names[decided]} at {probability:.2f}"


def _list_members(targets: Targets, rows: Rows) -> list[tuple[int, list[int]]]:
    """The rows of every class that has any."""
    if targets.ndim == 1:
        found = [
            (k, rows[targets[rows] == k]) for k in range(int(targets[rows].max(initial=0)) + 1)
        ]
    else:
        found = [(k, rows[targets[rows, k] == 1]) for k in range(targets.shape[1])]
    return [(k, its_rows.tolist()) for k, its_rows in found if len(its_rows)]
