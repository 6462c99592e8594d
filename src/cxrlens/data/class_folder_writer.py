"""Images go into class folders as PNG, with their masks and a table of what folders cannot say.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxrlens.data.layout import MASKS, PART_NAMES, is_junk
from cxrlens.data.study_table import StudyTable
from cxrlens.data.table_writer import write_table
from cxrlens.imaging import read_mask
from cxrlens.vocabulary import Box, GreyImage, ImageRefused, Refusal, TableError, show_name

_STEM_LENGTH = 100
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*#\ud800-\udfff]+')
"""What some system or tool cannot have in a file's name."""


class ClassFolderWriter:
    """Folders that fill image by image.

    Raises:
        TableError: if an image may have several classes, or a class cannot be a folder's name.
    """

    def __init__(
        self, table: StudyTable, folder: Path, size: tuple[int, int] | None, bits: int
    ) -> None:
        """Write the images of `table` into `folder`, of (height, width) `size`, with `bits`."""
        if table.is_multilabel:
            raise TableError(
                "an image of this table may have several classes at once, which class folders "
                "cannot hold: convert to hdf5 or csv"
            )
        _check_classes(table.classes)
        self._table, self._folder, self._size, self._bits = table, folder, size, bits
        self._has_split = bool(table.frame["split"].notna().any())
        self._taken: set[str] = set()
        self._rows: list[dict[str, object]] = []
        self._written: list[int] = []
        self._n_unlabelled = 0

    def add(self, row: int, pixels: GreyImage, source_size: tuple[int, int]) -> list[Refusal]:
        """Write an image and its mask."""
        facts = self._table.frame.iloc[row]
        if facts["label"] is None:
            self._n_unlabelled += 1
            return []
        place = Path((facts["split"] or "unsplit") if self._has_split else "", facts["label"])
        name = place / self._choose_name(place, facts["image"])
        _write_png(self._folder / name, _quantise(pixels, self._bits))
        mask, refusals = self._write_mask(name, facts["mask"])
        boxes = _scale_boxes(facts["boxes"], source_size, (pixels.shape[0], pixels.shape[1]))
        self._rows.append({"image": str(self._folder / name), "mask": mask, "boxes": boxes})
        self._written.append(row)
        return refusals

    def finish(self) -> list[str]:
        """Write the table.

        Raises:
            TableError: if no image has a label.
        """
        if not self._rows:
            raise TableError("no image of this table has a label, so that no class folder fills")
        table = self._table.take(self._written)
        columns: dict[str, Sequence[object]] = {
            name: [row[name] for row in self._rows] for name in ("image", "mask", "boxes")
        }
        columns["name"] = table.relative_images
        series = {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
        frame = table.frame.assign(**series)
        write_table(replace(table, frame=frame), self._folder, self._folder)
        if self._n_unlabelled:
            return [f"Images without a label were left out: {self._n_unlabelled}."]
        return []

    def close(self) -> None:
        """Nothing is to be let go of."""

    def _choose_name(self, place: Path, image: str) -> str:
        """A safe name that is new in its folder, also where case plays no part."""
        stem = _make_stem(image)
        name, number = stem, 1
        while str(place / name).casefold() in self._taken:
            number += 1
            name = f"{stem}~{number}"
        self._taken.add(str(place / name).casefold())
        return f"{name}.png"

    def _write_mask(self, name: Path, mask: str | None) -> tuple[str | None, list[Refusal]]:
        if mask is None:
            return None, []
        try:
            pixels = Image.fromarray(read_mask(mask).astype(np.uint8) * 255)
        except ImageRefused as error:
            return None, [Refusal(mask, error.reason, str(error), error.figure)]
        if self._size is not None:
            height, width = self._size
            pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
        path = self._folder / MASKS / name
        _write_png(path, np.where(np.asarray(pixels) > 127, 255, 0).astype(np.uint8))
        return str(path), []


def _check_classes(classes: tuple[str, ...]) -> None:
    taken: set[str] = set()
    for name in classes:
        low = name.casefold()
        is_reserved = low in PART_NAMES or low in (MASKS, "unsplit") or is_junk(name)
        is_unsafe = _UNSAFE.search(name) or name != name.strip(" .") or len(name.encode()) > 200
        if is_reserved or is_unsafe or low in taken:
            why = "differs from another in case only" if low in taken else "cannot name a folder"
            raise TableError(
                f"the class {show_name(name)!r} {why}: give it another name with --map OLD=NEW"
            )
        taken.add(low)


def _make_stem(image: str) -> str:
    """A name that every system takes: of the file, or of dataset and number in an HDF5 file."""
    base = os.path.basename(image)  # noqa: PTH119 (a name, perhaps of an image inside a file)
    if "#" in image:
        path, _, inside = image.rpartition("#")
        base = f"{os.path.basename(path)}-{inside.replace('/', '-')}"  # noqa: PTH119
    else:
        base = re.sub(r"\.(png|jpe?g|jfif|tiff?|dcm|dicom|jp2)$", "", base, flags=re.IGNORECASE)
    safe = _UNSAFE.sub("_", base).strip(" .").lstrip("-=+@.~'")
    while len(safe.encode()) > _STEM_LENGTH:
        safe = safe[:-1]
    return safe or "image"


def _quantise(pixels: GreyImage, bits: int) -> np.ndarray:
    """To whole numbers; an image darker than a quarter of white gets 8 bits all the same.

    Readers tell from the largest of 16-bit numbers how many bits are in use.
    """
    if bits == 16 and pixels.max() > 0.25:
        return np.rint(pixels * np.float32(65535)).astype(np.uint16)
    return np.rint(pixels * np.float32(255)).astype(np.uint8)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data.getvalue())
        file.flush()
        os.fsync(file.fileno())


def _scale_boxes(
    boxes: tuple[Box, ...] | None, old: tuple[int, int], new: tuple[int, int]
) -> tuple[Box, ...] | None:
    if boxes is None:
        return None
    down, across = new[0] / old[0], new[1] / old[1]
    return tuple(
        replace(
            box,
            left=box.left * across,
            top=box.top * down,
            width=box.width * across,
            height=box.height * down,
        )
        for box in boxes
    )
