"""Boxes around the parts of a map that reach a level, without a value for every pixel.

SPDX-License-Identifier: Apache-2.0

Along a row of pixels a map that is interpolated bilinearly is straight between two columns of
cells. What reaches the level in such a stretch is one run of pixels from one of its ends, so that
the ends of the stretches, and where runs break off, are all that has to be computed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cxrlens.vocabulary import Heatmap

Index = Int64[np.ndarray, " n"]
"""Rows, columns or numbers of parts."""

YesNo = Bool[np.ndarray, " n"]
"""One yes or no a stretch."""


@dataclass(frozen=True)
class ScoredBox:
    """One part."""

    score: float
    """The largest value on its pixels."""

    top: int
    """First row, source pixels, zero-based."""

    left: int
    """First column, source pixels, zero-based."""

    height: int
    """Rows."""

    width: int
    """Columns."""


@dataclass(frozen=True, eq=False)
class _SeenPixels:
    """A map on the rows and columns of pixels that the network saw."""

    top: int
    """The first row of them on the source."""

    left: int
    """The first column of them on the source."""

    at_cells: Float64[np.ndarray, "h cells"]
    """The value of every row where the columns of cells have their centres."""

    at_cols: Float64[np.ndarray, " w"]
    """Where every column of pixels lies among the columns of cells, in cells."""


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Pieces of rows, each between two neighbouring columns of cells, where the map is straight."""

    before: Float64[np.ndarray, "..."]
    """The value at the cells on the left."""

    behind: Float64[np.ndarray, "..."]
    """The value at the cells on the right."""

    cell: Int64[np.ndarray, "..."]
    """The number of the cell on the left."""

    def read(self, place: Float64[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
        """Give the value of each, weighed to the bit as `Heatmap.on_source` does.

        Args:
            place: where among the columns of cells, in cells.
        """
        shares = 1 - (place - self.cell), 1 - (self.cell + 1 - place)
        return np.asarray(shares[0] * self.before + shares[1] * self.behind, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Runs:
    """Pixels side by side in a row that reach the level, in the order of rows, then columns."""

    row: Index
    """Where each is."""

    first: Index
    """Its first column."""

    last: Index
    """Its last column."""

    score: Float32[np.ndarray, " n"]
    """Its largest value."""


def box_parts(heatmap: Heatmap, share: float) -> tuple[ScoredBox, ...]:
    """Box the parts of a map that reach a share of its maximum over the source pixels.

    Args:
        heatmap: signed.
        share: in (0, 1].

    Returns:
        One box for all pixels that touch along their sides, the strongest first; none where the
        map says nothing, or nowhere on the source's pixels speaks for the class.
    """
    if not heatmap.is_usable or heatmap.grid.max() <= 0:
        return ()
    seen = _lay_out(heatmap)
    if seen.at_cells.size == 0 or seen.at_cols.size == 0:
        return ()
    runs = _find_runs(seen, share)
    return () if runs is None else _box_runs(runs, _label_parts(runs), (seen.top, seen.left))


def _lay_out(heatmap: Heatmap) -> _SeenPixels:
    box, (n_rows, n_cols) = heatmap.geometry, heatmap.grid.shape
    top, at_rows = _place(box.source_size[0], n_rows, box.top, box.height)
    left, at_cols = _place(box.source_size[1], n_cols, box.left, box.width)
    weights = np.clip(1 - np.abs(at_rows[:, None] - np.arange(n_rows)), 0, None)
    return _SeenPixels(top, left, weights @ heatmap.grid.astype(np.float64), at_cols)


def _place(
    pixels: int, cells: int, start: float, extent: float
) -> tuple[int, Float64[np.ndarray, " p"]]:
    """The first pixel whose centre lies in the box, and where they all lie, in cells."""
    centres = np.arange(pixels) + 0.5
    inside = np.flatnonzero((centres >= start) & (centres <= start + extent))
    position = (centres[inside] - start) / extent * cells - 0.5
    return int(inside[0]) if len(inside) else 0, np.asarray(np.clip(position, 0, cells - 1))


def _find_runs(seen: _SeenPixels, share: float) -> _Runs | None:
    """Look at both ends of every stretch; None where nothing is above 0."""
    cells = seen.at_cols.astype(np.int64)
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    stops = np.append(starts[1:], len(cells)) - 1
    all_rows = _cut_stretches(seen, slice(None), cells[starts])
    at_start, at_stop = (all_rows.read(seen.at_cols[ends]) for ends in (starts, stops))
    peaks = np.maximum(at_start, at_stop)
    highest = peaks.max()
    if highest <= 0:
        return None
    level = max(share * highest, np.nextafter(np.float32(0), np.float32(1)))
    row, number = np.nonzero(peaks >= level)
    is_start_in, is_stop_in = at_start[row, number] >= level, at_stop[row, number] >= level
    first, last = starts[number], stops[number]
    broken = np.flatnonzero(is_start_in != is_stop_in)
    stretches = _cut_stretches(seen, row[broken], cells[first[broken]])
    is_left = is_start_in[broken]

    def is_like_first(cols: Index) -> YesNo:
        return np.asarray((stretches.read(seen.at_cols[cols]) >= level) == is_left)

    ends = _halve(first[broken], last[broken], is_like_first)
    last[broken[is_left]] = ends[is_left]
    first[broken[~is_left]] = ends[~is_left] + 1
    return _join_neighbours(_Runs(row, first, last, peaks[row, number]))


def _cut_stretches(seen: _SeenPixels, rows: Index | slice, cells: Index) -> _Stretch:
    """Those right of the given columns of cells; right of the last one its value holds."""
    behind = np.minimum(cells + 1, seen.at_cells.shape[1] - 1)
    before, after = seen.at_cells[rows, cells], seen.at_cells[rows, behind]
    return _Stretch(before, after, np.broadcast_to(cells, before.shape))


def _halve(first: Index, last: Index, is_like_first: Callable[[Index], YesNo]) -> Index:
    """Find the last column of each stretch that is as its first; its last one is not."""
    while (last - first > 1).any():
        middle = (first + last) // 2
        is_like = is_like_first(middle)
        first, last = np.where(is_like, middle, first), np.where(is_like, last, middle)
    return first


def _join_neighbours(runs: _Runs) -> _Runs:
    """Make one run of those that follow each other without a gap."""
    is_new = np.ones(len(runs.row), dtype=bool)
    is_new[1:] = (np.diff(runs.row) > 0) | (runs.first[1:] > runs.last[:-1] + 1)
    begin = np.flatnonzero(is_new)
    end = np.append(begin[1:], len(is_new)) - 1
    score = np.maximum.reduceat(runs.score, begin)
    return _Runs(runs.row[begin], runs.first[begin], runs.last[end], score)


def _label_parts(runs: _Runs) -> Index:
    """Number the parts that runs touching from row to row make up, in the order of the runs."""
    width = int(runs.last.max()) + 1
    start, stop = runs.row * width + runs.first, runs.row * width + runs.last
    # Of the next row those that end no earlier than this one begins, and begin before it ends.
    low = np.searchsorted(stop, start + width, "left")
    count = np.searchsorted(start, stop + width, "right") - low
    ends = np.cumsum(count)
    below = np.arange(ends[-1]) + np.repeat(low - (ends - count), count)
    lines = np.append(0, ends)
    touching = csr_array((np.ones(len(below), dtype=bool), below, lines), (len(count),) * 2)
    return np.asarray(connected_components(touching, directed=False)[1], dtype=np.int64)


def _box_runs(runs: _Runs, part: Index, corner: tuple[int, int]) -> tuple[ScoredBox, ...]:
    n = int(part.max()) + 1
    top, left = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).max)
    bottom, right, score = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.float32)
    np.minimum.at(top, part, runs.row)
    np.maximum.at(bottom, part, runs.row)
    np.minimum.at(left, part, runs.first)
    np.maximum.at(right, part, runs.last)
    np.maximum.at(score, part, runs.score)
    return tuple(
        ScoredBox(
            score=float(score[i]),
            top=corner[0] + int(top[i]),
            left=corner[1] + int(left[i]),
            height=int(bottom[i] - top[i]) + 1,
            width=int(right[i] - left[i]) + 1,
        )
        for i in np.argsort(-score, kind="stable")
    )
