"""Write the generated pages of docs/reference: the commands and the recipes.

SPDX-License-Identifier: Apache-2.0
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import typer.main
from typer.testing import CliRunner

from cxrlens.cli.main import app
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
        REFERENCE / "recipes.md": "".join(describe_recipes()),
    }


def describe_commands() -> Iterator[str]:
    """Quote the help of every command."""
    yield f"# Commands\n\n{NOTICE}\n"
    yield "Results go to stdout, talk goes to stderr. "
    yield "Exit codes: see [files and exit codes](files.md#exit-codes).\n"
    for name in typer.main.get_command(app).commands:
        runner = CliRunner(env={"COLUMNS": "96", "TERM": "dumb"})
        help_text = runner.invoke(app, [name, "--help"], prog_name="cxrlens").output
        lines = "\n".join(line.rstrip() for line in help_text.strip().splitlines())
        yield f"\n## `cxrlens {name}`\n\n```text\n{lines}\n```\n"


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
