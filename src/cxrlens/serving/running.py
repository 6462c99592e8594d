"""A room is served until it is told to stop.

SPDX-License-Identifier: Apache-2.0
"""

import ipaddress
import logging
import re
import shlex
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
from cxrlens.serving.people import (
    SignedIn,
    add_person,
    list_people,
    list_tokens,
    make_token,
    revoke_token,
)
from cxrlens.serving.protocol import Deadlines, make_protocol
from cxrlens.serving.room import (
    Room,
    begin_serving,
    hold_room,
    note_head,
    open_room,
    read_state,
    set_level,
)
from cxrlens.serving.service import Door, Service
from cxrlens.serving.standing import review
from cxrlens.serving.supervision import Supervisor
from cxrlens.serving.trail import SYSTEM, append
from cxrlens.vocabulary import CxrlensError, InputError, Level

MOST_CONNECTIONS = 2048
"""At once."""

QUIET_CONNECTIONS = 1200
"""Above so many, those that have asked nothing yet make room: a thousand images handed in at once
are no attack."""

GRACE_SECONDS = 10
"""That requests have to end when the service is told to stop."""

DEMO_LABEL = "demonstration"
"""Of the token that the last start of a demonstration showed."""

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

    proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies, whose word on who calls is taken."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def trusted(self) -> tuple[str, ...]:
        """Whose word on who calls is taken: with HTTPS at least that of this machine's proxy."""
        return self.proxies or (("127.0.0.1",) if self.is_https else ())

    def name_root(self, taken: socket.socket) -> str:
        """Say by which address a browser calls the room.

        Args:
            taken: where it listens.
        """
        shown, port = _show_host(taken), taken.getsockname()[1]
        scheme = "https" if self.is_https and self.names else "http"
        if self.names:
            shown = self.names[0]
        if scheme == "http" and not re.search(r":[0-9]+$", shown):
            shown = f"{shown}:{port}"
        return f"{scheme}://{shown}/"


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

    is_demo: bool = False
    """Whether each start shows a new token, since nobody keeps that of a demonstration."""


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
    _check_proxies(address)
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
        if not address.is_local and not address.is_https:
            say(
                f"host {address.host!r} can be reached by others, and tokens and images travel "
                "to them in the clear: put a proxy that speaks HTTPS in front, and say --https"
            )
        room = open_room(wish.folder, wish.name, wish.purpose)
        with hold_room(room.places):
            facts = describe_bundle(answerer.bundle)
            begin_serving(room, facts.bundle.digest, facts.class_set)
            with room.database.write() as connection:
                review(connection)  # another model, or a date that has passed, ends certificates
            sweep(room)
            if wish.level is not None:
                _set_first_level(room, wish.level)
            if prepare is not None:
                prepare(room)
            say(_say_where(room, wish, address, taken, say))
            door = Door(
                name_hosts(address, taken),
                address.is_https,
                None if address.asks_sign_in else find_or_add_person(room, "local", "admin"),
            )
            watched = _make_supervisors(room, answerer)
            service = Service(room, facts, door, watched)
            _run(service, address, taken)
            with room.database.write() as connection:
                append(connection, SYSTEM, "room-closed", "room")
            note_head(room)
            room.database.close()


def _run(service: Service, address: Address, taken: socket.socket) -> None:
    for one in service.supervisors:
        one.start()
    try:
        config = uvicorn.Config(
            make_app(service),
            http=make_protocol(_set_deadlines()),
            ws="none",
            log_config=None,
            access_log=False,  # addresses would hold ids of cases, and say who reads what
            server_header=False,
            proxy_headers=bool(address.trusted),
            forwarded_allow_ips=list(list_trusted(address)),
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="off",
        )
        _Server(config, service).run(sockets=[taken])
    finally:
        service.is_stopping.set()
        for one in service.supervisors:
            one.stop()


def _set_deadlines() -> Deadlines:
    most = allow_open_files(MOST_CONNECTIONS)
    return Deadlines(connections=min(QUIET_CONNECTIONS, most), most_connections=most)


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
            f"level {level!r} is set in the room, by a lead, where its evidence stands; choose "
            "human-only, shadow or assistance"
        )
    with room.database.write() as connection:
        if read_state(connection).level != level:
            set_level(connection, level, "set when the room was opened", SYSTEM)


def name_hosts(address: Address, taken: socket.socket) -> tuple[str, ...]:
    """List the names by which browsers may call a room.

    Args:
        address: of the room.
        taken: where it listens.
    """
    own = (_show_host(taken),) if address.is_local else ()  # such as 127.0.0.2
    return (*LOCAL_NAMES, *own, *address.names)


def list_trusted(address: Address) -> tuple[str, ...]:
    """List the proxies as the socket knows them: one for IPv6 sees IPv4 through a window of it."""
    told = address.trusted
    if ":" not in address.host:
        return told
    networks = [ipaddress.ip_network(one) for one in told]
    windows = [
        f"::ffff:{one.network_address}/{96 + one.prefixlen}" for one in networks if one.version == 4
    ]
    return (*told, *windows)


def _show_host(taken: socket.socket) -> str:
    host = str(taken.getsockname()[0])
    return f"[{host}]" if ":" in host else host


def _check_proxies(address: Address) -> None:
    for one in address.proxies:
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            raise InputError(
                f"--proxy {one!r} is no address or network: {error}; give one such as 10.0.0.2 or "
                "10.0.0.0/24"
            ) from error
    if address.is_https and not address.is_local and not address.proxies:
        raise InputError(
            f"host {address.host!r} is called by a proxy elsewhere, whose word on who calls is "
            "taken only if it is named: give its address, such as --proxy 10.0.0.2"
        )


def _say_where(room: Room, wish: Wish, address: Address, taken: socket.socket, say: Told) -> str:
    root = address.name_root(taken)
    if not address.asks_sign_in:
        return f"open {root} (nobody has to sign in)"
    with room.database.write() as connection:
        people = list_people(connection)
        admins = [one for one in people if one.role == "admin" and not one.is_disabled]
        # In a demonstration it is `admin` who gets in again, if they may still.
        first = next((one for one in admins if one.name == "admin"), None)
        if admins and not (wish.is_demo and first):
            words = shlex.join(["cxrlens", "room", "token", str(wish.folder), admins[0].name])
            return f"open {root} (lost the token? {words})"
        is_new = first is None
        first = first or add_person(connection, "admin", "admin", SYSTEM)
        label = DEMO_LABEL if wish.is_demo else "first token"
        for one in list_tokens(connection, first.id):
            if one.label == DEMO_LABEL and not one.is_revoked:
                revoke_token(connection, one.id, SYSTEM)
        shown_once = make_token(connection, first.id, label, SYSTEM)
    if is_new:
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
