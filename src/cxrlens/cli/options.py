"""Arguments and options that several commands share.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import Annotated

import typer

DataArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help="A folder of class folders of JPEG or PNG images.")
]

BundleArgument = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="A model: the `bundle` folder of a training.")
]

OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the results; must be new or empty. Default: counts up."),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Give the result as JSON.")]

RecipeOption = Annotated[str, typer.Option("--recipe", help="Name of the recipe.")]

EXIT_PARTIAL = 3
"""Done, but some files were refused; they are listed."""
