"""Arguments and options that several commands share.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

import cxrlens as cxr
from cxrlens.cli.console import say
from cxrlens.cli.tally import Tally

DataArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="A folder of class folders, a table of labels (CSV, Parquet), an HDF5 file, or a "
        "tree of DICOM files.",
    ),
]

ImagesOption = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="FOLDER",
        help="Where the images of a table of labels lie. Default: where the table lies.",
    ),
]

ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="ROLE=NAME",
        help="A column that goes by another name than usual, e.g. patient=subject; roles: "
        "image, label (may be given several times, one a class), patient, view, source, split, "
        "mask, sex, age.",
    ),
]

WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="CONDITION", help='Use only these rows, e.g. \'view in ["PA", "AP"]\'.'
    ),
]

MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="OLD=NEW", help="Rename a class; two with one name become one class."
    ),
]

BundleArgument = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="A model: the `bundle` folder of a training.")
]

RoomArgument = Annotated[
    Path, typer.Argument(metavar="ROOM", help="Folder of a reading room: see `cxrlens serve`.")
]

OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the results; must be new or empty. Default: counts up."),
]

ByOption = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="COLUMN",
        help="Judge groups of the images by this column too, e.g. sex; may be given several times. "
        "Default: sex, age (in bands), view and source, where two values are known.",
    ),
]

ImagesShownOption = Annotated[
    bool,
    typer.Option(
        "--no-images",
        help="Leave every radiograph and map out of report.html and pictures/. File names stay; "
        "so do the maps of validation cases in logs/.",
    ),
]

StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        envvar="CXRLENS_STORE",
        help="Keep decoded images here, for other trainings and evaluations of the same files. "
        "These are pixels of patients. Default: none are kept.",
    ),
]

StoreLimitOption = Annotated[
    float,
    typer.Option(
        "--store-limit",
        metavar="GB",
        envvar="CXRLENS_STORE_LIMIT",
        help="How large the store may become; of the ways to make an input, the one not used for "
        "longest is deleted.",
    ),
]

DEFAULT_STORE_LIMIT = 20.0
"""As `imaging.DEFAULT_LIMIT_GB`, without importing it."""

JsonOption = Annotated[bool, typer.Option("--json", help="Give the result as JSON.")]

RecipeOption = Annotated[str, typer.Option("--recipe", help="Name of the recipe.")]

Engine = Literal["auto", "openvino", "torch", "onnxruntime"]
"""As `inference.EngineName`, without importing it."""

Precision = Literal["float32", "bfloat16", "int8"]
"""As `inference.Precision`."""

EngineOption = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="What runs the network: `torch` is the reference; `openvino` is faster on a processor "
        "(1.2 to 2.6 times where it was measured); `onnxruntime` too; `auto` takes OpenVINO "
        "where there is no GPU.",
    ),
]

PrecisionOption = Annotated[
    Precision,
    typer.Option(
        "--precision",
        help="Of OpenVINO's arithmetic; bfloat16 is faster where the processor has it, and moves "
        "probabilities by up to a few hundredths; int8 needs what `cxrlens quantise` makes.",
    ),
]

EXIT_PARTIAL = 3
"""Done, but some files were refused; they are listed."""

EXIT_GATE = 4
"""Done, but a gate is not passed."""


def load_model(bundle: Path, engine: Engine, precision: Precision) -> "cxr.Model":
    """Load a model with the engine that is asked for, and say which one answers.

    Args:
        bundle: the folder.
        engine: as `--engine`.
        precision: as `--precision`.

    Raises:
        BundleError: if the folder is not exactly what was saved.
        InputError: if the engine cannot run here, or not in that precision.
    """
    model = cxr.load(bundle, engine=engine, precision=precision)
    say(f"engine: {model.engine.name}, {model.engine.precision}")
    return model


def read_data(
    data: Path,
    images: Path | None,
    columns: Sequence[str] | None,
    where: str | None,
    renamed: Sequence[str] | None,
    store: "cxr.imaging.PixelStore | None" = None,
) -> "cxr.StudyTable":
    """Read DATA as the shared options say.

    Args:
        data: what was given as DATA.
        images: as `--images`.
        columns: every `--column`, as ROLE=NAME.
        where: as `--where`.
        renamed: every `--map`, as OLD=NEW.
        store: as `open_store` gives it.

    Raises:
        InputError: if an option is not of its form, or a class is renamed twice.
        TableError: if the data cannot be read.
    """
    roles: dict[str, list[str]] = {}
    for role, name in _cut_pairs("--column", columns):
        if role not in cxr.data.ROLES:
            raise cxr.vocabulary.InputError(
                f"--column {role}={name}: {role!r} is not known; "
                f"{cxr.vocabulary.suggest(role, cxr.data.ROLES)}"
            )
        roles.setdefault(role, []).append(name)
    options = cxr.data.TableOptions(images, roles, where, cut_names(renamed))
    return cxr.read_table(data, options).with_store(store)


def open_store(folder: Path | None, limit_gb: float) -> "cxr.imaging.PixelStore | None":
    """Open the store of decoded images.

    Args:
        folder: as `--store`.
        limit_gb: as `--store-limit`.

    Raises:
        InputError: if the limit is not above 0.
        OutputError: if the folder cannot be made.
    """
    return None if folder is None else cxr.imaging.PixelStore(folder, limit_gb)


def cut_names(renamed: Sequence[str] | None, option: str = "--map") -> dict[str, str]:
    """Cut every `--map`, or option like it, into old and new.

    Raises:
        InputError: if one is not of the form OLD=NEW, or a class is renamed twice.
    """
    names: dict[str, str] = {}
    for old, new in _cut_pairs(option, renamed):
        if names.setdefault(old, new) != new:
            raise cxr.vocabulary.InputError(
                f"{option} renames {old!r} both to {names[old]!r} and to {new!r}; give it once"
            )
    return names


def list_refusals(refusals: "Sequence[cxr.vocabulary.Refusal]") -> None:
    """Say what was left out and why: some one by one, all by reason."""
    tally = Tally("refused")
    for refusal in refusals:
        tally.add(refusal.reason, refusal.message)
    tally.tell()


def _cut_pairs(option: str, given: Sequence[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for text in given or []:
        left, sign, right = text.partition("=")
        if not (left and sign and right):
            raise cxr.vocabulary.InputError(
                f"{option} {text!r} is not of the form LEFT=RIGHT, such as patient=subject"
            )
        pairs.append((left, right))
    return pairs
