"""Images of a table are read as samples: raw, and as a network gets them.

SPDX-License-Identifier: Apache-2.0
"""

import os

from cxrlens.data import StudyTable
from cxrlens.imaging import Preprocessing, ReadImage, stream, try_read_source
from cxrlens.report.records import Sample
from cxrlens.vocabulary import Refusal

MAX_CLASSES = 20
"""Classes of which samples are read; a grid of more would be too large to look at."""

_TRIES = 3
"""Images that are tried for each sample wanted, where some cannot be read."""


def read_samples(
    table: StudyTable, preprocessing: Preprocessing, *, per_class: int = 4
) -> tuple[tuple[Sample, ...], tuple[Refusal, ...]]:
    """Read a few images of each class, evenly spaced through the table.

    Args:
        table: any; without labels its images are one group.
        preprocessing: of the network.
        per_class: how many of each class.

    Returns:
        The samples by class, each labelled with its class and what is remarkable about it, and
        the files that were tried and refused; nothing where none of the files is there.
    """
    samples: list[Sample] = []
    refusals: list[Refusal] = []
    if not any(os.path.lexists(image.partition("#")[0]) for image in table.images):
        return (), ()  # the table's notes say so
    groups = {
        label: table.frame.loc[is_positive, "image"].tolist()
        for label, is_positive in zip(
            table.classes[:MAX_CLASSES], (table.label_matrix == 1).T, strict=False
        )
    }
    for label, images in (groups or {"no label": list(table.images)}).items():
        step = max(1, len(images) // per_class)
        # Neighbours stand in where one cannot be read.
        spaced = [image for start in range(step) for image in images[start::step]]
        n_read = 0
        for read in stream(spaced[: _TRIES * per_class], preprocessing):
            sample = read if isinstance(read, Refusal) else _make_sample(label, read)
            if isinstance(sample, Refusal):
                refusals.append(sample)
                continue
            samples.append(sample)
            n_read += 1
            if n_read == per_class:
                break
    return tuple(samples), tuple(refusals)


def _make_sample(label: str, read: ReadImage) -> Sample | Refusal:
    source = try_read_source(read)
    if isinstance(source, Refusal):
        return source
    warned = "".join(f", {warning.reason}" for warning in read.warnings)
    return Sample(label + warned, source.pixels, read.pixels)
