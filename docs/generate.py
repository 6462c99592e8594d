"""Write the generated pages of docs/reference: the commands, the recipes and the map methods.

SPDX-License-Identifier: Apache-2.0
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import typer.main
from typer.testing import CliRunner

from cxrlens.cli.main import app
from cxrlens.explanation import METHODS
from cxrlens.training import list_recipes, load_recipe

REFERENCE = Path(__file__).parent / "reference"

NOTICE = "<!-- written by `make docs`; do not edit -->\n"


def write_pages() -> dict[Path, str]:
    """Make the text of every generated page.

    Returns:
        The text by file.
    """
    return {
        REFERENCE / "cli.md": "".join(describe_commands()),
        REFERENCE / "map-methods.md": "".join(describe_methods()),
        REFERENCE / "recipes.md": "".join(describe_recipes()),
    }


def describe_commands() -> Iterator[str]:
    """Quote the help of every command."""
    yield f"# Commands\n\n{NOTICE}\n"
    yield "Results go to stdout, talk goes to stderr. "
    yield "Exit codes: see [files and exit codes](files.md#exit-codes).\n"
    for name, command in typer.main.get_command(app).commands.items():
        for words in ([name], *([name, part] for part in getattr(command, "commands", ()))):
            runner = CliRunner(env={"COLUMNS": "96", "TERM": "dumb"})
            help_text = runner.invoke(app, [*words, "--help"], prog_name="cxrlens").output
            lines = "\n".join(line.rstrip() for line in help_text.strip().splitlines())
            yield f"\n## `cxrlens {' '.join(words)}`\n\n```text\n{lines}\n```\n"


def describe_methods() -> Iterator[str]:
    """List the methods, and the settings of each."""
    yield f"# Map methods\n\n{NOTICE}\n"
    yield "What is explained is always the logit of one class, before softmax or sigmoid. No map "
    yield "is scaled to [0, 1], so that maps of two images can be compared. Where a map is signed, "
    yield "a negative value speaks against the class. A method that looks at a `layer` gives the "
    yield "grid of that layer, most others a value for every pixel of the network's input. The map "
    yield "of a network that gives no number is NaN. A baseline does not look at the network: a "
    yield "method that is not better than the baselines shows nothing.\n"
    yield "\n| method | shows | signed | baseline | source |\n|---|---|---|---|---|\n"
    for name, method in METHODS.items():
        marks = ["yes" if mark else "no" for mark in (method.is_signed, method.is_baseline)]
        cells = [f"`{name}`", method.words, *marks, method.source or "–"]
        yield f"| {' | '.join(cells)} |\n"
    yield "\n## Settings\n\n| method | setting | default | meaning |\n|---|---|---|---|\n"
    for settings in dict.fromkeys(method.settings for method in METHODS.values()):
        names = [f"`{name}`" for name, method in METHODS.items() if method.settings is settings]
        meanings = read_meanings(settings)
        for field in fields(settings):
            default = "–" if field.default is None else f"`{field.default}`"
            cells = [", ".join(names), f"`{field.name}`", default, meanings[field.name]]
            yield f"| {' | '.join(cells)} |\n"


def read_meanings(settings: type) -> dict[str, str]:
    """Read the text that stands below each field of a record."""
    (definition,) = (
        node
        for node in ast.walk(ast.parse(inspect.getsource(settings)))
        if isinstance(node, ast.ClassDef)
    )
    return {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def describe_recipes() -> Iterator[str]:
    """Quote every recipe's file."""
    yield f"# Recipes\n\n{NOTICE}\n"
    yield "Any value can be changed on the command line by `key=value`, with the dotted path "
    yield "(`optimisation.batch_size=16`) or its last word where only one field has it "
    yield "(`batch_size=16`). A field of the stages is set in all of them (`epochs=3`), or in one "
    yield "by its number or name (`stages.1.epochs=3`). A recipe is laid over its `base`, a stage "
    yield "over the base's at its place, or over its last. "
    yield "What each field means stands in `cxrlens.training.recipe`.\n"
    folder = Path(sys.modules["cxrlens.training"].__path__[0]) / "recipes"
    for name in list_recipes():
        text = (folder / f"{name}.yaml").read_text("utf-8").strip()
        yield f"\n## `{name}`\n\n{load_recipe(name).summary}\n\n```yaml\n{text}\n```\n"


def main() -> None:
    """Write the pages."""
    for path, text in write_pages().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
