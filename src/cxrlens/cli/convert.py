"""`cxrlens convert`.

SPDX-License-Identifier: Apache-2.0
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line
from cxrlens.cli.options import (
    EXIT_PARTIAL,
    ColumnOption,
    DataArgument,
    ImagesOption,
    JsonOption,
    MapOption,
    WhereOption,
    list_refusals,
    read_data,
)


class Form(StrEnum):
    """What a collection can be written as."""

    hdf5 = "hdf5"
    folder = "folder"
    csv = "csv"


def convert(
    data: DataArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder; must be new or empty.")],
    to: Annotated[
        Form,
        typer.Option(
            "--to",
            help="`hdf5`: a file a part of the split; `folder`: PNG files in class folders; `csv`: "
            "a table that names the images where they are.",
        ),
    ],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|HxW",
            help="Scale images to so many pixels (height x width). Default: as they are; HDF5 "
            "needs it where sizes differ.",
        ),
    ] = None,
    bits: Annotated[int, typer.Option(metavar="8|16", help="Bits of a written pixel.")] = 8,
    images: ImagesOption = None,
    column: ColumnOption = None,
    where: WhereOption = None,
    mapping: MapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write images and labels anew: as HDF5, as class folders, or as one table."""
    shape = _read_size(size)
    table = read_data(data, images, column, where, mapping)
    with open_progress() as progress:
        made = cxr.data.convert_table(
            table, out, to=to.value, size=shape, bits=bits, progress=progress
        )
    for note in made.notes:
        say(f"note: {note}")
    list_refusals(made.refusals)
    if as_json:
        show_json(cxr.vocabulary.to_plain(made))
    else:
        show_line(f"written to {out}: {made.n_images} images, {len(made.refusals)} left out")
    raise typer.Exit(EXIT_PARTIAL if made.refusals else 0)


def _read_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) from `256` or `256x320`."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})(?:[xX×](\d{1,5}))?", text)
    if found is None:
        raise cxr.vocabulary.InputError(f"--size {text!r} is not of the form 256 or 256x320")
    return int(found[1]), int(found[2] or found[1])
