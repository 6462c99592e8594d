"""Every image of a collection is looked at once; what the audit needs of it is kept, and is small.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float16, Float32, Float64, Int
from PIL import Image
from scipy import ndimage

from cxrlens.data import StudyTable
from cxrlens.imaging import (
    FileFacts,
    Radiograph,
    find_burned_in,
    find_lung_field,
    map_ordered,
    read_file_facts,
    try_read,
)
from cxrlens.vocabulary import (
    GreyImage,
    ImageRefused,
    ImageWarning,
    PixelMask,
    Progress,
    Refusal,
    TableError,
    digest,
)

SIDE = 64
"""Rows and columns of the small image that is kept, stretched to a square."""

LARGEST = 512
"""Longer side of the image in which lungs and signs are looked for."""

CELLS = 8
"""Rows and columns of the cells in which burned-in signs are counted."""

HULL_MARGIN = 0.05
"""By how much the lungs' hull is widened, as a share of the image's longer side: where the lung
field errs, it mostly errs by less."""

N_TEXTURES = 11
"""Figures of the greys outside the hull."""

Squares = Float16[np.ndarray, "n 64 64"]
"""Small images in [0, 1]."""

Hulls = Bool[np.ndarray, "n 64 64"]
"""True inside both lungs, all between them, and a margin."""

WORKERS = 2
"""Threads that read files."""


@dataclass(frozen=True, eq=False)
class Look:
    """What is kept of one image."""

    facts: FileFacts
    """The header of its file."""

    size: tuple[int, int]
    """(height, width) in pixels."""

    n_bytes: int
    """Of its file."""

    file_digest: str
    """SHA-256 of its file's bytes."""

    pixel_digest: str
    """SHA-256 of its size and its grey levels, rounded to 8 bits."""

    warnings: tuple[ImageWarning, ...]
    """Of the quality checks."""

    square: Float16[np.ndarray, "64 64"]
    """The image, small."""

    hull: Bool[np.ndarray, "64 64"]
    """The dilated hull of the lungs on it."""

    signs: Float32[np.ndarray, "8 8"]
    """Share of each cell that is covered by burned-in signs outside the lungs."""

    textures: Float32[np.ndarray, " figures"]
    """Greys outside the hull at full size: nine percentiles, spread, and fine detail."""

    extra: tuple[np.ndarray, ...] = ()
    """What `watch` made of the image while it was at full size."""


@dataclass(frozen=True, eq=False)
class Collection:
    """A table with what was seen of each of its images."""

    table: StudyTable
    """The rows whose image could be read; the others are its refusals."""

    looks: tuple[Look, ...]
    """One a row."""

    @property
    def squares(self) -> Squares:
        """The small images."""
        return np.stack([look.square for look in self.looks])

    @property
    def hulls(self) -> Hulls:
        """The hulls on them."""
        return np.stack([look.hull for look in self.looks])

    @property
    def clusters(self) -> Int[np.ndarray, " n"]:
        """A number for each row's patient; every unknown patient is one of its own."""
        numbers: dict[object, int] = {}
        keys = (("?", i) if p is None else p for i, p in enumerate(self.table.patients))
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)

    @property
    def labels(self) -> Float64[np.ndarray, "n k"]:
        """1 there, 0 not there, NaN not known (uncertain ones too)."""
        matrix = self.table.label_matrix.astype(np.float64)
        return np.where(matrix < 0, np.nan, matrix)

    def take(self, rows: Sequence[int] | Int[np.ndarray, " m"]) -> "Collection":
        """Give some rows, in the order asked for."""
        return Collection(self.table.take(rows), tuple(self.looks[row] for row in rows))


Watch = Callable[[GreyImage, PixelMask], tuple[np.ndarray, ...]]
"""Is shown the pixels at full size and the small hull; what it gives is kept."""


def look_at(
    table: StudyTable, progress: Progress, watch: Watch | None = None, workers: int = WORKERS
) -> Collection:
    """Read every image once.

    Args:
        table: any.
        progress: is told of every image.
        watch: is shown every image at full size.
        workers: threads.

    Returns:
        The images that could be read.

    Raises:
        TableError: if none can.
    """

    def look(image: str) -> Look | Refusal:
        radiograph = try_read(image)
        if isinstance(radiograph, Refusal):
            return radiograph
        try:
            facts = read_file_facts(image)
        except ImageRefused as error:  # gone since
            return Refusal(image, error.reason, str(error), error.figure)
        return _describe(radiograph, facts, watch)

    looks: dict[int, Look] = {}
    refusals: list[Refusal] = []
    found = map_ordered(look, table.images, workers=workers, ahead=2 * workers)
    for row, result in enumerate(found):
        if isinstance(result, Refusal):
            refusals.append(result)
        else:
            looks[row] = result
        progress.advance("look at images", row + 1, len(table))
    if not looks:
        first = refusals[0].message if refusals else "the table is empty"
        raise TableError(f"none of the {len(table)} images can be read; the first: {first}")
    kept = table.take(list(looks))
    return Collection(replace(kept, refusals=(*table.refusals, *refusals)), tuple(looks.values()))


def _describe(radiograph: Radiograph, facts: FileFacts, watch: Watch | None) -> Look:
    pixels = radiograph.pixels
    small = _limit(pixels)
    lung = find_lung_field(small)
    hull = widen_hull(lung.mask)
    levels = np.rint(pixels * 255).astype(np.uint8)
    return Look(
        facts=facts,
        size=(pixels.shape[0], pixels.shape[1]),
        n_bytes=radiograph.n_bytes,
        file_digest=radiograph.digest,
        pixel_digest=digest(repr(pixels.shape).encode() + levels.tobytes()),
        warnings=radiograph.warnings,
        square=shrink(pixels, SIDE).astype(np.float16),
        hull=hull,
        signs=shrink(find_burned_in(small, lung).astype(np.float32), CELLS),
        textures=_measure_textures(pixels, hull),
        extra=() if watch is None else watch(pixels, hull),
    )


def _limit(pixels: GreyImage) -> GreyImage:
    """Lungs and signs are found at this size; a larger image only takes longer."""
    rows, cols = pixels.shape
    share = LARGEST / max(rows, cols)
    if share >= 1:
        return pixels
    size = max(1, round(cols * share)), max(1, round(rows * share))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def widen_hull(lungs: PixelMask) -> Bool[np.ndarray, "64 64"]:
    """Give the hull of both lungs, row by row, with a margin, on the small image.

    Args:
        lungs: on the image's own pixels.

    Returns:
        The lungs, all between them, and `HULL_MARGIN` around.
    """
    small = shrink(lungs.astype(np.float32), SIDE) > 0.25
    from_left = np.maximum.accumulate(small, axis=1)
    from_right = np.maximum.accumulate(small[:, ::-1], axis=1)[:, ::-1]
    reach = 2 * round(HULL_MARGIN * SIDE) + 1
    return np.asarray(ndimage.maximum_filter(from_left & from_right, reach))


def enlarge(small: Bool[np.ndarray, "rows cols"], size: tuple[int, int]) -> PixelMask:
    """Stretch a mask to another size."""
    image = Image.fromarray(small).resize(size[::-1], Image.Resampling.NEAREST)
    return np.asarray(image)


def shrink(pixels: GreyImage, side: int) -> Float32[np.ndarray, "side side"]:
    """Stretch an image to a small square, each pixel the mean of what it covers."""
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32)


def _measure_textures(
    pixels: GreyImage, hull: Bool[np.ndarray, "64 64"]
) -> Float32[np.ndarray, " figures"]:
    outside = ~enlarge(hull, (pixels.shape[0], pixels.shape[1]))
    if outside.sum() < 16:
        return np.zeros(N_TEXTURES, dtype=np.float32)
    greys = pixels[outside]
    fine = np.abs(np.diff(pixels, axis=1))[outside[:, 1:] & outside[:, :-1]]
    steps = np.percentile(greys, [1, 5, 10, 25, 50, 75, 90, 95, 99])
    return np.array([*steps, greys.std(), np.sqrt(fine.mean())], dtype=np.float32)
