"""Boxes around the parts of a map that reach a level, without a value for every pixel.

SPDX-License-Identifier: Apache-2.0

The centres of four neighbouring cells span a block of pixels. Along each of its rows and columns a
map that is interpolated bilinearly is straight, so that what reaches the level in a row is one run
from one of its ends. A block's four sides therefore tell all of its box and which neighbours it
touches; only the pixels where a side crosses the level have to be found. Where two opposite corners
reach the level and the two others do not, a block may hold two parts (a saddle).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from cxrlens.vocabulary import Heatmap

Index = Int64[np.ndarray, "..."]
"""Rows, columns or numbers of parts."""

YesNo = Bool[np.ndarray, "..."]
"""One yes or no a side, or a block."""

Shares = Float64[np.ndarray, "..."]
"""Parts of a way."""

_SMALLEST = np.nextafter(np.float32(0), np.float32(1))
"""What is above 0."""

_SIDES = 4
"""Of a block: the left one and the right one, which are columns; top and bottom, which are rows."""


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
class _Axis:
    """The pixels that the network saw along one side of the source, among the cells of a map."""

    first: int
    """The first of them on the source."""

    at: Float64[np.ndarray, " p"]
    """Where each lies, in cells; held at the centres of the outermost cells."""

    start: float
    """Where the first would lie if it were not held."""

    step: float
    """Cells from one pixel to the next."""

    cells: Int64[np.ndarray, "2 p"]
    """The two cells that make up each."""

    shares: Float64[np.ndarray, "2 p"]
    """How much of either."""

    ends: Int64[np.ndarray, "2 blocks"]
    """First and last pixel of each block."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """A map that is to be boxed."""

    number: int
    """Its place among all."""

    heatmap: Heatmap
    """It."""

    rows: _Axis
    """Rows of pixels among its rows of cells."""

    cols: _Axis
    """The same for columns."""


@dataclass(frozen=True, eq=False)
class _Axes:
    """The same for many maps; pixels are numbered on from map to map."""

    offset: Index
    """The number of each map's first pixel."""

    first: Index
    """The first of each map's pixels on the source."""

    at: Float64[np.ndarray, " p"]
    """As in `_Axis`, map after map."""

    cells: Int64[np.ndarray, "2 p"]
    """As in `_Axis`."""

    shares: Float64[np.ndarray, "2 p"]
    """As in `_Axis`."""

    ends: Int64[np.ndarray, "2 n blocks"]
    """First and last pixel of each map's blocks."""

    start: Float64[np.ndarray, " n"]
    """As in `_Axis`, of each map."""

    step: Float64[np.ndarray, " n"]
    """As in `_Axis`, of each map."""

    def cross(self, which: Index, low: Index, high: Index, share: Shares) -> Index:
        """Give the last pixel before a share of the way from one pixel of a map to another."""
        place = self.at[low] + share * (self.at[high] - self.at[low])
        along = np.floor((place - self.start[which]) / self.step[which])
        return np.asarray(self.offset[which] + along.astype(np.int64))


@dataclass(frozen=True, eq=False)
class _SeenMaps:
    """Maps on the pixels that the network saw."""

    grids: Float64[np.ndarray, "n h w"]
    """The cells."""

    rows: _Axes
    """Rows of pixels among the rows of cells."""

    cols: _Axes
    """The same for columns."""

    def read(self, which: Index, row: Index, col: Index) -> Float32[np.ndarray, "..."]:
        """Give the values of some maps on pixels, weighed as `Heatmap.on_source` does."""
        (upper, lower), (before, behind) = self.rows.cells[:, row], self.cols.cells[:, col]
        down, across = self.rows.shares[:, row], self.cols.shares[:, col]
        grids = self.grids
        left = down[0] * grids[which, upper, before] + down[1] * grids[which, lower, before]
        right = down[0] * grids[which, upper, behind] + down[1] * grids[which, lower, behind]
        return np.asarray(across[0] * left + across[1] * right, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Sides:
    """What reaches the level along the sides of each block, and which part it belongs to."""

    first: Int64[np.ndarray, "4 n rows cols"]
    """The first pixel along each side."""

    last: Int64[np.ndarray, "4 n rows cols"]
    """The last one; smaller where there is none."""

    part: Int64[np.ndarray, "4 n rows cols"]
    """The part of each side, by any number; those of touching blocks may still differ."""


Boxes = tuple[ScoredBox, ...]
"""Of one map, the strongest first."""


def box_parts(heatmaps: Sequence[Heatmap], share: float) -> list[Boxes | None]:
    """Box the parts of maps that reach a share of their maximum over the source pixels.

    Args:
        heatmaps: signed.
        share: in (0, 1].

    Returns:
        For each, one box for all pixels that touch along their sides, the strongest first; none
        where the map says nothing, or nowhere on the source's pixels speaks for the class. None
        where only every single pixel can tell: two parts come within a pixel of each other, or are
        equally strong and begin in the same row.
    """
    found: list[Boxes | None] = [()] * len(heatmaps)
    alike: dict[tuple[int, ...], list[_Asked]] = {}
    for number, one in enumerate(heatmaps):
        if not one.is_usable or one.grid.max() <= 0:
            continue
        box, (n_rows, n_cols) = one.geometry, one.grid.shape
        rows = _place(box.source_size[0], n_rows, box.top, box.height)
        cols = _place(box.source_size[1], n_cols, box.left, box.width)
        if rows.at.size and cols.at.size:
            shape = (n_rows, n_cols, rows.ends.shape[1], cols.ends.shape[1])
            alike.setdefault(shape, []).append(_Asked(number, one, rows, cols))
    for group in alike.values():
        grids = np.stack([own.heatmap.grid for own in group]).astype(np.float64)
        lines = _line_up([own.rows for own in group]), _line_up([own.cols for own in group])
        for own, boxes in zip(group, _box_alike(_SeenMaps(grids, *lines), share), strict=True):
            found[own.number] = boxes
    return found


@lru_cache(maxsize=64)  # images of one collection are often of few sizes
def _place(pixels: int, cells: int, start: float, extent: float) -> _Axis:
    """Find the pixels whose centre lies in the box."""
    centres = np.arange(pixels) + 0.5
    inside = np.flatnonzero((centres >= start) & (centres <= start + extent))
    position = (centres[inside] - start) / extent * cells - 0.5
    at = np.clip(position, 0, cells - 1)
    cell = at.astype(np.int64)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    stops = np.flatnonzero(np.diff(cell, append=cells))
    return _Axis(
        first=int(inside[0]) if len(inside) else 0,
        at=at,
        start=float(position[0]) if len(inside) else 0.0,
        step=cells / extent,
        cells=np.stack([cell, np.minimum(cell + 1, cells - 1)]),
        shares=np.stack([1 - (at - cell), 1 - (cell + 1 - at)]),
        ends=np.stack([starts, stops]),
    )


def _line_up(axes: Sequence[_Axis]) -> _Axes:
    offset = np.cumsum([0, *(len(one.at) for one in axes[:-1])])
    return _Axes(
        offset=offset,
        first=np.array([one.first for one in axes]),
        at=np.concatenate([one.at for one in axes]),
        cells=np.concatenate([one.cells for one in axes], axis=1),
        shares=np.concatenate([one.shares for one in axes], axis=1),
        ends=np.stack([one.ends for one in axes], axis=1) + offset[:, None],
        start=np.array([one.start for one in axes]),
        step=np.array([one.step for one in axes]),
    )


def _box_alike(seen: _SeenMaps, share: float) -> list[Boxes | None]:
    """Box the parts of maps that have as many blocks in a row, and as many in a column."""
    which = np.arange(len(seen.grids))[:, None, None]
    rows, cols = seen.rows.ends[:, None, :, :, None], seen.cols.ends[None, :, :, None, :]
    corners = seen.read(which, rows, cols)
    highest = corners.max(axis=(0, 1, 3, 4))
    # A map that is nowhere above 0 has no pixel that reaches infinity.
    level = np.where(highest > 0, np.maximum(share * highest, _SMALLEST), np.inf)
    first, last = _find_sides(seen, corners, level.astype(np.float32)[:, None, None])
    sides, is_unclear = _divide_saddles(corners >= level[:, None, None], first, last)
    return _box_sides(seen, corners, _join(sides), is_unclear)


def _find_sides(
    seen: _SeenMaps,
    corners: Float32[np.ndarray, "2 2 n rows cols"],
    level: Float32[np.ndarray, "n 1 1"],
) -> tuple[Int64[np.ndarray, "4 n rows cols"], Int64[np.ndarray, "4 n rows cols"]]:
    """Find the first and the last pixel along each side that reaches the level."""
    rows, cols = seen.rows.ends, seen.cols.ends
    shape = (_SIDES, *corners.shape[2:])
    # The end at the top or the left of each side, and the other one.
    begin = np.concatenate([corners[0], corners[:, 0]])
    end = np.concatenate([corners[1], corners[:, 1]])
    low, high, across = np.empty((3, *shape), np.int64)
    low[:2], high[:2], across[:2] = rows[0, ..., None], rows[1, ..., None], cols[:, :, None, :]
    low[2:], high[2:], across[2:] = cols[0, :, None], cols[1, :, None], rows[..., None]
    has_begin, has_end = begin >= level, end >= level
    first = np.where(has_begin, low, high + 1)
    last = np.where(has_end, high, low - 1)
    crossed = np.nonzero(has_begin != has_end)
    is_col, which = crossed[0] < 2, crossed[1]
    is_high, own_level = has_begin[crossed], level[which, 0, 0]
    share = (own_level - begin[crossed]).astype(np.float64) / (end[crossed] - begin[crossed])
    low, high, across = low[crossed], high[crossed], across[crossed]
    guess = np.empty(len(which), np.int64)
    for axis, own in ((seen.rows, is_col), (seen.cols, ~is_col)):
        guess[own] = axis.cross(which[own], low[own], high[own], share[own])

    def is_like_first(at: Index, some: Index | slice = slice(None)) -> YesNo:
        is_down, there = is_col[some], across[some]
        row, col = np.where(is_down, at, there), np.where(is_down, there, at)
        return np.asarray((seen.read(which[some], row, col) >= own_level[some]) == is_high[some])

    turn = _find_ends(low, high, guess, is_like_first)
    last[crossed] = np.where(is_high, turn, last[crossed])
    first[crossed] = np.where(is_high, first[crossed], turn + 1)
    return first, last


def _find_ends(low: Index, high: Index, guess: Index, is_like_first: Callable[..., YesNo]) -> Index:
    """Find the last pixel of each side that is as its first; its last one is not.

    Where the straight line between the ends crosses the level is right but for what rounding
    does, so that hardly a side has to be halved.
    """
    guess = np.clip(guess, low, high - 1)
    is_like, is_next_like = is_like_first(guess), is_like_first(guess + 1)
    low = np.where(is_next_like, guess + 1, np.where(is_like, guess, low))
    high = np.where(is_next_like, high, np.where(is_like, guess + 1, guess))
    while len(wide := np.flatnonzero(high - low > 1)):
        middle = (low[wide] + high[wide]) // 2
        is_like = is_like_first(middle, wide)
        low[wide[is_like]] = middle[is_like]
        high[wide[~is_like]] = middle[~is_like]
    return low


def _divide_saddles(
    reaches: Bool[np.ndarray, "2 2 n rows cols"],
    first: Int64[np.ndarray, "4 n rows cols"],
    last: Int64[np.ndarray, "4 n rows cols"],
) -> tuple[_Sides, Bool[np.ndarray, " n"]]:
    """Give the sides of a block one part, or two; and say in which maps that hangs on pixels."""
    shape = first.shape[1:]
    part = np.repeat(2 * np.arange(np.prod(shape)).reshape(1, *shape), _SIDES, axis=0)
    (top_left, top_right), (bottom_left, bottom_right) = reaches
    is_saddle = (top_left ^ top_right) & (top_left ^ bottom_left) & ~(top_left ^ bottom_right)
    if not is_saddle.any():
        return _Sides(first, last, part), np.zeros(shape[0], dtype=bool)
    # Rows (columns) between the two parts; none where a row reaches the level from end to end.
    gaps = np.maximum(first[::2], first[1::2]) - np.minimum(last[::2], last[1::2]) - 1
    is_apart = is_saddle & (gaps >= 0).all(axis=0)
    part[0] += is_apart & bottom_left
    part[1] += is_apart & bottom_right
    part[3] += is_apart
    is_unclear = (is_apart & (gaps == 0).any(axis=0)).any(axis=(1, 2))
    return _Sides(first, last, part), is_unclear


def _join(sides: _Sides) -> _Sides:
    """Give one number to all that touches."""
    name = list(range(2 * sides.part[0].size))

    def find(one: int) -> int:
        while name[one] != one:
            one = name[one]
        return one

    left, right, top, bottom = range(_SIDES)
    for side, other, here, there in (
        (right, left, np.s_[..., :-1], np.s_[..., 1:]),
        (bottom, top, np.s_[:, :-1], np.s_[:, 1:]),
    ):
        start = np.maximum(sides.first[side][here], sides.first[other][there])
        touching = start <= np.minimum(sides.last[side][here], sides.last[other][there])
        pairs = sides.part[side][here][touching], sides.part[other][there][touching]
        for pair in zip(*(own.tolist() for own in pairs), strict=True):
            early, late = sorted(map(find, pair))
            name[late] = early
    for one, other in enumerate(name):  # names only ever fall
        name[one] = name[other]
    return _Sides(sides.first, sides.last, np.array(name)[sides.part])


def _box_sides(
    seen: _SeenMaps,
    corners: Float32[np.ndarray, "2 2 n rows cols"],
    sides: _Sides,
    is_unclear: Bool[np.ndarray, " n"],
) -> list[Boxes | None]:
    """Box the sides of each part on the source."""
    n_parts = 2 * sides.part[0].size
    low, high = np.full((2, n_parts), np.iinfo(np.int64).max), np.full((2, n_parts), -1)
    score = np.zeros(n_parts, np.float32)
    is_there = sides.first <= sides.last
    for axis, own in ((0, np.s_[:2]), (1, np.s_[2:])):
        there = is_there[own]
        np.minimum.at(low[axis], sides.part[own][there], sides.first[own][there])
        np.maximum.at(high[axis], sides.part[own][there], sides.last[own][there])
    # The larger end of a row that holds a part's pixels is one of them.
    np.maximum.at(score, sides.part[2:][is_there[2:]], corners.max(axis=1)[is_there[2:]])
    shift = [(axes.first - axes.offset).tolist() for axes in (seen.rows, seen.cols)]
    parts: list[list[tuple[float, int, int, int, int]]] = [[] for _ in shift[0]]
    for one in np.flatnonzero(high[0] >= 0).tolist():
        which = one // (n_parts // len(parts))
        (top, left), (bottom, right) = low[:, one].tolist(), high[:, one].tolist()
        corner = top + shift[0][which], left + shift[1][which]
        parts[which].append((-float(score[one]), *corner, bottom - top + 1, right - left + 1))
    return [
        None
        if unclear or len({one[:2] for one in own}) < len(own)
        else tuple(ScoredBox(-one[0], *one[1:]) for one in sorted(own))
        for own, unclear in zip(parts, is_unclear.tolist(), strict=True)
    ]
