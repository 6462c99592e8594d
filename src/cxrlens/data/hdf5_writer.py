"""Images and labels go into HDF5 files, one a part of the split.

SPDX-License-Identifier: Apache-2.0
"""

import errno
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from cxrlens.data.hdf5_table import SEVERAL
from cxrlens.data.study_table import StudyTable
from cxrlens.vocabulary import GreyImage, Refusal, TableError, show_name

_TEXTS = ("patient_id", "view", "source", "sex", "age", "name")
"""Columns that become datasets of text, where they say anything; `name` is where the image was."""


_SPARE = 1 << 23
"""Bytes that must stay free on the disk: HDF5 writes late, and a file that cannot be written to
its end brings the whole process down when it is closed."""


class Hdf5Writer:
    """Files that grow image by image; each has one size of image.

    Pixels lie in pieces of one image, packed by gzip, so that one is read without the others.
    Their range is stated as the HDF5 Image and Palette Specification (1.2) has it.
    """

    def __init__(self, table: StudyTable, folder: Path, bits: int) -> None:
        """Write the images of `table` into `folder`, with `bits` a pixel."""
        self._table, self._folder = table, folder
        self._type: np.dtype[np.generic] = np.dtype(np.uint8 if bits == 8 else np.uint16)
        self._top = 255 if bits == 8 else 65535
        self._files: dict[str, h5py.File] = {}
        self._rows: dict[str, list[int]] = {}
        self._first: tuple[tuple[int, int], str] | None = None
        self._has_split = bool(table.frame["split"].notna().any())

    def add(self, row: int, pixels: GreyImage, source_size: tuple[int, int]) -> list[Refusal]:
        """Append an image to the file of its part.

        Raises:
            TableError: if it has another size than the first.
            OSError: if the disk is nearly full.
        """
        del source_size
        self._check_size(row, (pixels.shape[0], pixels.shape[1]))
        self._check_space(pixels.size * self._type.itemsize)
        name = self._name(row)
        images = self._open(name, (pixels.shape[0], pixels.shape[1]))["image"]
        n = len(self._rows[name])
        images.resize(n + 1, axis=0)
        images[n, :, :, 0] = np.rint(pixels * np.float32(self._top)).astype(self._type)
        self._rows[name].append(row)
        return []

    def finish(self) -> list[str]:
        """Write labels and other columns."""
        for name, rows in self._rows.items():
            self._check_space(len(rows) * (4 * len(self._table.classes) + 1000))
            self._write_columns(self._files[name], self._table.take(rows))
            self._files[name].flush()
        return [
            f"{what} cannot be carried over into HDF5 and were left out: {n}."
            for what, n in (
                ("Masks", self._table.frame["mask"].notna().sum()),
                ("Images' boxes", self._table.frame["boxes"].notna().sum()),
            )
            if n
        ]

    def close(self) -> None:
        """Let go of all files."""
        for file in self._files.values():
            file.close()

    def _name(self, row: int) -> str:
        part = self._table.frame["split"].iat[row]
        return str(part) if part is not None else ("unsplit" if self._has_split else "data")

    def _check_space(self, n_bytes: int) -> None:
        if shutil.disk_usage(self._folder).free < n_bytes + _SPARE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))

    def _check_size(self, row: int, size: tuple[int, int]) -> None:
        image = self._table.images[row]
        first, other = self._first or (size, image)
        self._first = (first, other)
        if size != first:
            raise TableError(
                f"images in HDF5 must have one size; {show_name(other)!r} has {first[0]} x "
                f"{first[1]} pixels (height x width), {show_name(image)!r} {size[0]} x {size[1]}: "
                "give a size, such as --size 256"
            )

    def _open(self, name: str, size: tuple[int, int]) -> h5py.File:
        if name not in self._files:
            file = h5py.File(self._folder / f"{name}.h5", "x")
            self._files[name], self._rows[name] = file, []
            images = file.create_dataset(
                "image", (0, *size, 1), self._type, maxshape=(None, *size, 1),
                chunks=(1, *size, 1), compression="gzip",
            )  # fmt: skip
            images.attrs["IMAGE_MINMAXRANGE"] = [0, self._top]
        return self._files[name]

    def _write_columns(self, file: h5py.File, table: StudyTable) -> None:
        values = table.label_matrix if table.is_multilabel else table.targets
        labels = file.create_dataset("label", data=values)
        labels.attrs["class_names"] = np.array(table.classes, dtype=h5py.string_dtype())
        labels.attrs[SEVERAL] = table.is_multilabel
        # Where an image was, and so perhaps who it is of, is kept for looking back.
        names = pd.Series(table.relative_images, dtype=object)
        frame = table.frame.assign(name=names)
        for column in _TEXTS:
            if column in frame and frame[column].notna().any():
                texts = [
                    "" if _is_none(value) else show_name(str(value)) for value in frame[column]
                ]
                file.create_dataset(column, data=np.array(texts, dtype=h5py.string_dtype()))


def _is_none(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 (NaN)
