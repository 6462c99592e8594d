"""Results go to stdout, talk goes to stderr.

SPDX-License-Identifier: Apache-2.0
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars


def say(sentence: str) -> None:
    """Talk: one line to stderr."""
    print(_encodable(sentence, sys.stderr.encoding), file=sys.stderr, flush=True)


def show_json(plain: object) -> None:
    """Give a result as JSON to stdout."""
    print(json.dumps(plain, indent=2, ensure_ascii=True, allow_nan=False))


def show_json_rows(facts: Mapping[str, object], name: str, rows: Iterable[str]) -> None:
    """Give a result as JSON to stdout whose last entry is a list too long to be held.

    Args:
        facts: the other entries.
        name: of the list.
        rows: its items as JSON.
    """
    print(f"{json.dumps(facts, ensure_ascii=True, allow_nan=False)[:-1]}, {json.dumps(name)}: [")
    for number, row in enumerate(rows):
        print(f"{',' if number else ''}{row.strip()}")
    print("]}")


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Give a result as aligned columns to stdout."""
    lines = [[_encodable(cell, sys.stdout.encoding) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def show_line(sentence: str) -> None:
    """Give a result as one line to stdout."""
    print(_encodable(sentence, sys.stdout.encoding))


def _encodable(text: str, encoding: str | None) -> str:
    """Make text printable in any locale, and on one line (file names may hold newlines)."""
    known = encoding or "utf-8"
    escaped = text.replace("\n", "\\n").replace("\r", "\\r").replace("\x1b", "\\x1b")
    return escaped.encode(known, "backslashreplace").decode(known)


class _ProgressBars:
    """One bar a task, made when the task is first heard of; one line where there are no bars."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def advance(self, task: str, done: int, total: int) -> None:
        """Move a task's bar."""
        if task not in self._tasks:
            self._tasks[task] = self._bars.add_task(task, total=total)
            if self._bars.disable:
                say(task)
        self._bars.update(self._tasks[task], completed=done, total=total)


@contextmanager
def open_progress() -> Iterator[_ProgressBars]:
    """Show bars with the time left on stderr while the block runs; if no terminal, a line each."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:
        yield _ProgressBars(bars)
