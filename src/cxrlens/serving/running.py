"""A room is served until it is told to stop.

SPDX-License-Identifier: Apache-2.0
"""

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from cxrlens.client.messages import Purpose, Role
from cxrlens.serving.app import make_app
from cxrlens.serving.bundle_facts import describe_bundle
from cxrlens.serving.intake import sweep
from cxrlens.serving.jobs import ANSWERS, CHECKS
from cxrlens.serving.open_files import allow_open_files
from cxrlens.serving.people import SignedIn, add_person, list_people, make_token
from cxrlens.serving.protocol import Deadlines, make_protocol
from cxrlens.serving.room import (
    Room,
    begin_serving,
    has_admin,
    hold_room,
    note_head,
    open_room,
    read_state,
    set_level,
)
from cxrlens.serving.service import Door, Service
from cxrlens.serving.supervision import Supervisor
from cxrlens.serving.trail import SYSTEM, append
from cxrlens.vocabulary import CxrlensError, InputError, Level

MOST_CONNECTIONS = 2048
"""At once."""

GRACE_SECONDS = 10
"""That requests have to end when the service is told to stop."""

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""By which a browser on the machine itself calls the room."""


@dataclass(frozen=True)
class Address:
    """Where the service listens."""

    host: str = "127.0.0.1"
    """Name or number of an interface."""

    port: int = 8000
    """0 takes a free one."""

    names: tuple[str, ...] = ()
    """By which browsers call it, beside those of the machine itself."""

    is_https: bool = False
    """Whether a proxy in front of it speaks HTTPS."""

    asks_sign_in: bool = True
    """Whether people must sign in."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True)
class Answerer:
    """The model that answers."""

    bundle: Path
    """Its folder."""

    engine: str = "auto"
    """As `cxrlens.load`."""

    precision: str = "float32"
    """As `cxrlens.load`."""


@dataclass(frozen=True)
class Wish:
    """What a room is started with."""

    folder: Path
    """Of the room."""

    name: str = "Reading room"
    """Of a new room."""

    purpose: Purpose = "retrospective"
    """Of a new room."""

    level: Level | None = None
    """To set; None leaves it as it is."""


Told = Callable[[str], None]
"""Takes sentences for people."""


@contextmanager
def listen(address: Address) -> Iterator[socket.socket]:
    """Take the port, before anything that takes long is loaded.

    Raises:
        InputError: if it cannot be had, or the room would be open to others without sign-in.
    """
    if not address.asks_sign_in and not address.is_local:
        raise InputError(
            f"host {address.host!r} can be reached by others, and nobody would have to sign in: "
            "leave out --no-sign-in, or listen on 127.0.0.1"
        )
    if not address.is_local and not address.names:
        raise InputError(
            f"host {address.host!r} can be reached by others: say by which name they call it, such "
            "as --allowed-host reading.example.org"
        )
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((address.host, address.port))
            # Until a socket listens another may bind to the same port. Who calls now has to wait.
            taken.listen()
        except (OSError, OverflowError) as error:
            raise InputError(
                f"cannot listen on {address.host} port {address.port}: {error}; choose another "
                "--port, or stop what uses it"
            ) from error
        yield taken


def serve(
    wish: Wish,
    answerer: Answerer,
    address: Address,
    say: Told,
    prepare: Callable[[Room], None] | None = None,
) -> None:
    """Serve a room until it is told to stop.

    Args:
        wish: which room.
        answerer: which model.
        address: where.
        say: is told the address, and the first token of a new room.
        prepare: is called with the room before the first request, for a demonstration.

    Raises:
        InputError: if the port, the room or the model cannot be had.
    """
    with listen(address) as taken:
        room = open_room(wish.folder, wish.name, wish.purpose)
        with hold_room(room.places):
            facts = describe_bundle(answerer.bundle)
            begin_serving(room, facts.bundle.digest, facts.class_set)
            sweep(room)
            if wish.level is not None:
                _set_first_level(room, wish.level)
            if prepare is not None:
                prepare(room)
            link = _say_where(room, address, taken, say)
            say(link)
            door = Door(
                (*LOCAL_NAMES, *address.names),
                address.is_https,
                None if address.asks_sign_in else find_or_add_person(room, "local", "admin"),
            )
            watched = _make_supervisors(room, answerer)
            service = Service(room, facts, door, watched)
            _run(service, taken)
            with room.database.write() as connection:
                append(connection, SYSTEM, "room-closed", "room")
            note_head(room)
            room.database.close()


def _run(service: Service, taken: socket.socket) -> None:
    for one in service.supervisors:
        one.start()
    try:
        config = uvicorn.Config(
            make_app(service),
            http=make_protocol(Deadlines(most_connections=allow_open_files(MOST_CONNECTIONS))),
            ws="none",
            log_config=None,
            access_log=False,  # addresses would hold ids of cases, and say who reads what
            server_header=False,
            proxy_headers=service.door.is_https,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="off",
        )
        _Server(config, service).run(sockets=[taken])
    finally:
        service.is_stopping.set()
        for one in service.supervisors:
            one.stop()


class _Server(uvicorn.Server):
    """Ends streams when it is told to stop; told twice, it stops at once."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """Take a signal.

        uvicorn's own would raise it again at the end, before the room is closed.
        """
        if self._service.is_stopping.is_set():
            self.force_exit = True
            # Requests are cut off on purpose now, and each would be told with a traceback.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._service.is_stopping.set()
        self.should_exit = True


def _make_supervisors(room: Room, answerer: Answerer) -> tuple[Supervisor, ...]:
    folder = str(room.places.folder)

    def is_model_wanted() -> bool:
        try:
            with room.database.read() as connection:
                return read_state(connection).level != "human-only"
        except CxrlensError:
            return True  # it is asked again in a moment

    return (
        Supervisor(
            room, "check", ["cxrlens.serving.check_worker", folder], CHECKS,
            lambda: True,
        ),
        Supervisor(
            room,
            "predict",
            [
                "cxrlens.serving.predict_worker",
                folder,
                str(answerer.bundle),
                answerer.engine,
                answerer.precision,
            ],
            ANSWERS,
            is_model_wanted,
        ),
    )  # fmt: skip


def _set_first_level(room: Room, level: Level) -> None:
    if level not in {"human-only", "shadow", "assistance"}:
        raise InputError(
            f"level {level!r} needs a certificate, which this version cannot make; choose "
            "human-only, shadow or assistance"
        )
    with room.database.write() as connection:
        if read_state(connection).level != level:
            set_level(connection, level, "set when the room was opened", SYSTEM)


def _say_where(room: Room, address: Address, taken: socket.socket, say: Told) -> str:
    host, port = taken.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    root = f"http://{shown}:{port}/"
    if not address.asks_sign_in:
        return f"open {root} (nobody has to sign in)"
    with room.database.write() as connection:
        if has_admin(connection):
            return f"open {root}"
        first = add_person(connection, "admin", "admin", SYSTEM)
        shown_once = make_token(connection, first.id, "first token", SYSTEM)
    say("a new room: its first person is `admin`, whose token is shown this once")
    # Behind the #, so that it reaches no log and no other host.
    return f"open {root}sign-in#{shown_once.secret}"


def find_or_add_person(room: Room, name: str, role: Role) -> SignedIn:
    """Give a person of the room, added where they are not there yet."""
    with room.database.write() as connection:
        found = next((one for one in list_people(connection) if one.name == name), None)
        found = found or add_person(connection, name, role, SYSTEM)
        return SignedIn(found.id, found.name, found.role)


def ignore_hangup() -> None:
    """Go on when the terminal that started the service is closed."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
