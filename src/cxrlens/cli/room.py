"""`cxrlens room`: who may use a reading room.

SPDX-License-Identifier: Apache-2.0
"""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

import cxrlens as cxr
from cxrlens.cli.console import say, show_line
from cxrlens.cli.options import RoomArgument
from cxrlens.vocabulary import suggest

if TYPE_CHECKING:
    from sqlalchemy import Connection

Role = Literal["reader", "lead", "admin"]
"""As `cxrlens.client.messages.Role`, without importing it."""

_MOST_LETTERS = 64
"""Of a name, as in `cxrlens.client.messages.Name`."""

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Of the person.")]

room = typer.Typer(help="Say who may use a reading room.", no_args_is_help=True)


@room.command()
def add_person(
    folder: RoomArgument,
    name: NameArgument,
    role: Annotated[
        Role,
        typer.Option(
            help="`reader` reads; `lead` also sets the level and sees what came of it; `admin` "
            "also keeps people and erases patients."
        ),
    ] = "reader",
) -> None:
    """Add a person to a room; works while it is served."""
    _check_line(name, "NAME")
    opened = cxr.serving.join_room(folder)
    try:
        with opened.database.write() as connection:
            cxr.serving.add_person(connection, name, role, cxr.serving.SYSTEM)
    finally:
        opened.database.close()
    say(f"{name} is a {role} now; a token lets them in: cxrlens room token")


@room.command()
def token(
    folder: RoomArgument,
    name: NameArgument,
    label: Annotated[str, typer.Option(help="What it is for.")] = "made by hand",
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it is good for.")] = 90,
) -> None:
    """Make a token for a person of a room, and give it this once; works while it is served."""
    _check_line(label, "--label")
    opened = cxr.serving.join_room(folder)
    try:
        with opened.database.write() as connection:
            person_id = _find_person(connection, name)
            made = cxr.serving.make_token(connection, person_id, label, cxr.serving.SYSTEM, days)
    finally:
        opened.database.close()
    show_line(made.secret)
    say("keep it: it is shown this once")


def _find_person(connection: "Connection", name: str) -> str:
    people = {
        one.name: one.id for one in cxr.serving.list_people(connection) if not one.is_disabled
    }
    if name not in people:
        hint = suggest(name, people) if people else "add them: cxrlens room add-person"
        raise cxr.vocabulary.InputError(f"there is nobody named {name!r} in this room; {hint}")
    return people[name]


def _check_line(text: str, what: str) -> None:
    if not 1 <= len(text) <= _MOST_LETTERS or not text.isprintable():
        raise cxr.vocabulary.InputError(
            f"{what} {text!r} is not one line of 1 to {_MOST_LETTERS} letters: choose another"
        )
