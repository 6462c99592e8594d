"""Which images show the same exposure: equal ones by digest, near ones by look and alignment.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from scipy import fft
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cxrlens.audit.alignment import correlate_aligned, crop_middle, even_out, find_shared
from cxrlens.audit.looking import Collection, Squares
from cxrlens.data import StudyTable
from cxrlens.vocabulary import (
    NEAR,
    SAME_BYTES,
    SAME_PIXELS,
    LabelMatrix,
    Progress,
    RepeatGroup,
)

MIN_CORRELATION = 0.7
"""From which two aligned images are one, once what the whole collection shares is taken off
(`benchmarks/repeat_figures.py` prints what copies and different patients reach)."""

_FREQUENCIES = 12
"""Rows and columns of the low frequencies that an image is searched by: 143 numbers."""

_NEIGHBOURS = 6
"""Images most alike that are compared with each image, and with its middle."""

_MARGIN = 0.05
"""What is cut off at each side of the middle, so that cropped copies are found."""

_LEAST_LIKE = 0.3
"""Neighbours whose searched numbers agree by less (cosine) are not compared."""

_WIDE = 4.0
"""Neighbourhood, in pixels, by which images are made even before they are searched."""

_CHUNK = 1024
"""Images searched at once."""

_PAIRS = 128
"""Pairs aligned at once: few, so that they stay in the processor's cache."""

Numbers = Float32[np.ndarray, "n numbers"]
"""What an image is searched by, each row of length 1."""


@dataclass(frozen=True)
class Link:
    """Two rows that show the same exposure."""

    first: int
    """The smaller row."""

    second: int
    """The larger row."""

    kind: str
    """As in `RepeatGroup`."""

    correlation: float
    """After alignment; 1 where pixels are equal."""


def find_links(collection: Collection, progress: Progress) -> tuple[Link, ...]:
    """Find the pairs of images that show the same exposure.

    Equal files and equal pictures are linked to the first of their kind; near ones are searched
    for among the first of each kind.

    Args:
        collection: as looked at.
        progress: is told of every chunk.

    Returns:
        Links, so that all repeats hang together.
    """
    looks = collection.looks
    equal = _link_equal([look.file_digest for look in looks], SAME_BYTES)
    same = _link_equal([look.pixel_digest for look in looks], SAME_PIXELS)
    known = {(link.first, link.second) for link in equal}
    repeated = {link.second for link in (*equal, *same)}
    alone = np.array([row for row in range(len(looks)) if row not in repeated], dtype=np.int64)
    near = find_near(np.stack([looks[row].square for row in alone.tolist()]), progress)
    return (
        *equal,
        *(link for link in same if (link.first, link.second) not in known),
        *(Link(int(alone[i]), int(alone[j]), NEAR, r) for i, j, r in near),
    )


def _link_equal(digests: Sequence[str], kind: str) -> list[Link]:
    first: dict[str, int] = {}
    links = []
    for row, one in enumerate(digests):
        start = first.setdefault(one, row)
        if start != row:
            links.append(Link(start, row, kind, 1.0))
    return links


def find_near(squares: Squares, progress: Progress) -> list[tuple[int, int, float]]:
    """Find pairs of small images that are one after shift and scale.

    Args:
        squares: all of them.
        progress: is told of every chunk.

    Returns:
        (smaller row, larger row, correlation) of each pair.
    """
    if len(squares) < 2:
        return []
    even = np.concatenate([even_out(chunk.astype(np.float32)) for chunk in _cut(squares, _CHUNK)])
    shared = find_shared(even)
    pairs = find_candidates(squares, progress)
    found = []
    for start in range(0, len(pairs), _PAIRS):
        chunk = pairs[start : start + _PAIRS]
        how = correlate_aligned(even[chunk[:, 0]], even[chunk[:, 1]], shared)
        found += [
            (int(i), int(j), float(r))
            for (i, j), r in zip(chunk.tolist(), how.tolist(), strict=True)
            if r >= MIN_CORRELATION
        ]
        progress.advance("compare images", start + len(chunk), len(pairs))
    return found


def find_candidates(squares: Squares, progress: Progress) -> Int64[np.ndarray, "pairs 2"]:
    """Find the pairs that are worth an alignment: each image's nearest, as it is and cropped.

    Args:
        squares: the small images.
        progress: is told of every chunk.

    Returns:
        Pairs of rows, the smaller first, each once.
    """
    found: list[tuple[Numbers, Numbers]] = []
    for chunk in _cut(squares, _CHUNK):
        even = even_out(chunk.astype(np.float32), _WIDE)
        found.append((_take_numbers(even), _take_numbers(crop_middle(even, _MARGIN))))
    plain, middle = (np.concatenate(list(parts)) for parts in zip(*found, strict=True))
    mean, spread = plain.mean(axis=0), plain.std(axis=0) + 1e-6
    numbers, cropped = (_normalise((one - mean) / spread) for one in (plain, middle))
    n = len(numbers)
    keys: list[Int64[np.ndarray, " pairs"]] = []
    for start in range(0, n, _CHUNK):
        for asked in (numbers, cropped):
            keys.append(_search(asked[start : start + _CHUNK], numbers, start))
        progress.advance("search for repeats", min(start + _CHUNK, n), n)
    unique = np.unique(np.concatenate(keys))
    return np.stack([unique // n, unique % n], axis=1)


def _search(
    asked: Float32[np.ndarray, "m numbers"], numbers: Numbers, start: int
) -> Int64[np.ndarray, " pairs"]:
    """Each asked row's nearest; pairs as smaller row times n plus larger row."""
    n = len(numbers)
    likeness = asked @ numbers.T
    rows = np.arange(start, start + len(asked))
    likeness[np.arange(len(asked)), rows] = -2
    k = min(_NEIGHBOURS, n - 1)
    nearest = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
    is_like = np.take_along_axis(likeness, nearest, 1) >= _LEAST_LIKE
    first = np.broadcast_to(rows[:, None], nearest.shape)[is_like]
    second = nearest[is_like]
    return np.asarray(np.minimum(first, second) * n + np.maximum(first, second), dtype=np.int64)


def _take_numbers(even: Float32[np.ndarray, "n side side"]) -> Float32[np.ndarray, "n numbers"]:
    """The low frequencies, without the mean."""
    waves = fft.dctn(even, axes=(1, 2), norm="ortho")[:, :_FREQUENCIES, :_FREQUENCIES]
    return np.asarray(waves.reshape(len(even), -1)[:, 1:], dtype=np.float32)


def _normalise(rows: Float32[np.ndarray, "n numbers"]) -> Numbers:
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9))


def _cut(array: np.ndarray, size: int) -> Iterable[np.ndarray]:
    return (array[start : start + size] for start in range(0, len(array), size))


def group_rows(n: int, links: Iterable[tuple[int, int]]) -> Int64[np.ndarray, " n"]:
    """Give rows that hang together by links one number.

    Args:
        n: how many rows there are.
        links: pairs of rows.

    Returns:
        A number a row, from 0.

    Example:
        >>> group_rows(4, [(0, 2), (2, 3)]).tolist()
        [0, 1, 0, 0]
    """
    pairs = np.array(list(links), dtype=np.int64).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, groups = connected_components(graph, directed=False)
    return np.asarray(groups, dtype=np.int64)


def gather_groups(table: StudyTable, links: Sequence[Link]) -> tuple[RepeatGroup, ...]:
    """Gather linked rows into groups, the worst first.

    Args:
        table: the rows.
        links: between them.

    Returns:
        Groups of two images and more: first those with different labels, then those in several
        parts, then those of several patients.
    """
    groups = group_rows(len(table), ((link.first, link.second) for link in links))
    members: dict[int, list[int]] = {}
    for row in sorted({row for link in links for row in (link.first, link.second)}):
        members.setdefault(int(groups[row]), []).append(row)
    by_group: dict[int, list[Link]] = {}
    for link in links:
        by_group.setdefault(int(groups[link.first]), []).append(link)
    words = tell_labels(table)
    found = [_describe(table, rows, by_group[group], words) for group, rows in members.items()]
    return tuple(sorted(found, key=_rank))


def _describe(
    table: StudyTable, rows: Sequence[int], links: Sequence[Link], words: Sequence[str]
) -> RepeatGroup:
    names, frame = table.relative_images, table.frame
    order = (SAME_BYTES, SAME_PIXELS, NEAR)
    return RepeatGroup(
        images=tuple(names[row] for row in rows),
        kind=max((link.kind for link in links), key=order.index),
        correlation=min(link.correlation for link in links),
        labels=tuple(words[row] for row in rows),
        parts=tuple(frame["split"].iloc[row] for row in rows),
        patients=tuple(frame["patient_id"].iloc[row] for row in rows),
        is_conflicting=_contradict(table.label_matrix[list(rows)]),
    )


def _contradict(labels: LabelMatrix) -> bool:
    """Whether a class is there in one row and not there in another."""
    return bool(((labels == 1).any(axis=0) & (labels == 0).any(axis=0)).any())


def _rank(group: RepeatGroup) -> tuple[bool, bool, bool, str]:
    flags = group.is_conflicting, group.crosses_parts, group.crosses_patients
    return (not flags[0], not flags[1], not flags[2], group.images[0])


_STATES: Mapping[float, str] = {1.0: "there", 0.0: "not there", -1.0: "uncertain"}


def tell_labels(table: StudyTable) -> list[str]:
    """What the table says of each row, in words; of several labels an image all of them."""
    if not table.is_multilabel:
        return ["no label" if label is None else str(label) for label in table.frame["label"]]
    return [
        "; ".join(
            f"{name}: {_STATES.get(value, 'missing')}"
            for name, value in zip(table.classes, row, strict=True)
        )
        for row in table.label_matrix.tolist()
    ]
