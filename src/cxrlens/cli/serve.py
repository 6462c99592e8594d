"""`cxrlens serve`.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

import cxrlens as cxr
from cxrlens.cli.console import say
from cxrlens.cli.demo_room import prepare_demo
from cxrlens.cli.extras import require_extra
from cxrlens.cli.options import EngineOption, PrecisionOption

Level = Literal["human-only", "shadow", "assistance"]
"""As far as a room can go without a certificate."""

Purpose = Literal["phantom", "retrospective", "live"]
"""As `cxrlens.client.messages.Purpose`, without importing it."""


def serve(
    bundle: Annotated[
        Path | None,
        typer.Argument(metavar="BUNDLE", help="A model: the `bundle` folder of a training."),
    ] = None,
    room: Annotated[
        Path | None,
        typer.Option(help="Folder of the room; made where there is none. Default: runs/room."),
    ] = None,
    level: Annotated[
        Level | None,
        typer.Option(help="Set the room's level. Default: as it was; a new room is human-only."),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="A room with drawn radiographs and a model trained on such."),
    ] = False,
    host: Annotated[
        str, typer.Option(help="Where to listen; 127.0.0.1 is this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8000,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host", metavar="NAME", help="A name by which browsers call the room."
        ),
    ] = None,
    https: Annotated[
        bool, typer.Option("--https", help="A proxy in front of the room speaks HTTPS.")
    ] = False,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy",
            metavar="ADDRESS",
            help="Of a proxy, whose word on who calls is taken. Default: with --https 127.0.0.1.",
        ),
    ] = None,
    sign_in: Annotated[
        bool,
        typer.Option(
            "--sign-in/--no-sign-in",
            help="Whether people must sign in; without it only this machine is served.",
        ),
    ] = True,
    name: Annotated[str, typer.Option(help="Of a new room.")] = "Reading room",
    purpose: Annotated[
        Purpose, typer.Option(help="What a new room's images are.")
    ] = "retrospective",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
) -> None:
    """Open a reading room: people read in a browser, and the model reads beside them."""
    if demo is (bundle is not None):
        raise cxr.vocabulary.InputError("give a BUNDLE, or --demo to try the room with phantoms")
    require_extra("serve")
    address = cxr.serving.Address(
        host, port, tuple(allowed_host or ()), https, sign_in, tuple(proxy or ())
    )
    say(cxr.vocabulary.NOT_A_DEVICE)
    cxr.serving.ignore_hangup()
    prepare = None
    if bundle is None:
        bundle, prepare = prepare_demo()
        room, purpose = room or bundle.parents[1] / "room", "phantom"
        # A room that somebody stopped stays stopped.
        level = level or (None if room.exists() else "assistance")
    wish = cxr.serving.Wish(room or Path("runs/room"), name, purpose, level, demo)
    answerer = cxr.serving.Answerer(bundle, engine, precision)
    cxr.serving.serve(wish, answerer, address, say, prepare)
