"""`cxrlens trail`: prove that nobody changed what a reading room wrote down.

SPDX-License-Identifier: Apache-2.0
"""

import re
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import say, show_line
from cxrlens.cli.options import EXIT_GATE, RoomArgument

trail = typer.Typer(
    help="Prove that nobody changed what a reading room wrote down.", no_args_is_help=True
)


@trail.command()
def verify(
    room: RoomArgument,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ:HASH",
            help="A head that was kept elsewhere, as `cxrlens trail head` gave it: it alone proves "
            "that nothing was cut off at the end, or written anew as a whole.",
        ),
    ] = None,
) -> None:
    """Check every line of the trail, and every reading against the line that tells of it.

    Works while the room is served. Exit codes: 0 nothing was changed, 4 something was.
    """
    known = None if head is None else _read_head(head)
    opened = cxr.serving.join_room(room)
    try:
        with opened.database.read() as connection:
            verdict = cxr.serving.verify(connection, known)
    finally:
        opened.database.close()
    if verdict.fault is not None:
        say(f"error: the trail of '{room}' is not as it was written: {verdict.fault}")
        raise typer.Exit(EXIT_GATE)
    show_line(f"{verdict.n_lines:,} lines, none was changed; head {_write_head(verdict.head)}")
    if known is None:
        say(
            "that nothing was cut off at its end only a head that was kept elsewhere proves: --head"
        )


@trail.command()
def head(room: RoomArgument) -> None:
    """Give the newest line as SEQ:HASH, to be kept where whoever changes the room cannot write."""
    opened = cxr.serving.join_room(room)
    try:
        with opened.database.read() as connection:
            show_line(_write_head(cxr.serving.read_head(connection)))
    finally:
        opened.database.close()


def _write_head(head: "cxr.serving.Head") -> str:
    return f"{head.seq}:{head.hash}"


def _read_head(text: str) -> "cxr.serving.Head":
    found = re.fullmatch(r"([0-9]{1,15}):([0-9a-f]{64})", text.strip())
    if found is None:
        raise cxr.vocabulary.InputError(
            f"--head {text!r} is none: give it as `cxrlens trail head` does, such as 12:9f3c…"
        )
    return cxr.serving.Head(int(found[1]), found[2])
