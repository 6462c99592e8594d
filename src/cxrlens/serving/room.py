"""A room: its folder, its database, its level and its rules.

SPDX-License-Identifier: Apache-2.0
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, delete, func, insert, select, update

from cxrlens.client.messages import Purpose, Reveal, RoomSettings
from cxrlens.serving.clock import count_seconds, tell_time
from cxrlens.serving.database import Database
from cxrlens.serving.jobs import ANSWERS, CHECKS, ask_new_model, release
from cxrlens.serving.places import DATABASE_FILE, INCOMING_FOLDER, LOCK_FILE, Places
from cxrlens.serving.policy import AUTOMATED, Policy, is_automated
from cxrlens.serving.reach import note_reach
from cxrlens.serving.tables import case, claim, decision, look, room
from cxrlens.serving.trail import LEVEL_SET, SYSTEM, append, read_head
from cxrlens.vocabulary import LEVELS, InputError, Level, OutputError, lower_level

_BEGUN = frozenset({INCOMING_FOLDER, LOCK_FILE, f"{DATABASE_FILE}-journal"})
"""What stands in the folder of a room whose making was cut short."""


@dataclass(frozen=True)
class RoomState:
    """What a room is set to now."""

    name: str
    """For people."""

    purpose: Purpose
    """What its images are."""

    level: Level
    """Of cases that arrive now."""

    settings: RoomSettings
    """How it goes about its levels."""

    bundle: str
    """Digest of the model that answers."""

    preparation: str = ""
    """Digest of how files become scores beside it; empty until it has answered here."""

    level_line: int = 0
    """Line of the trail that set the level."""

    @property
    def policy(self) -> Policy:
        """What its levels allow."""
        return Policy(self.settings.reveal, self.settings.asks_first)


@dataclass(frozen=True)
class Room:
    """An open room."""

    places: Places
    """Of its files."""

    database: Database
    """Of its records."""


def open_room(folder: Path, name: str = "Reading room", purpose: Purpose = "retrospective") -> Room:
    """Open the room in a folder, and make one where there is none.

    Args:
        folder: of the room; made where there is none.
        name: of a new room.
        purpose: of a new room.

    Raises:
        InputError: if the folder holds something else, or a damaged or newer room.
        OutputError: if the folder cannot be written.
    """
    places = Places(folder)
    is_new = not places.database.exists()
    if is_new and folder.exists() and any(one.name not in _BEGUN for one in folder.iterdir()):
        raise InputError(f"'{folder}' holds files, but no reading room: choose a new folder")
    try:
        # Nobody else on this machine may look at patients' images.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_new:
            folder.chmod(0o700)  # it may have been there, empty
        places.incoming.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the room's folder '{folder}' cannot be made: {error.strerror}; choose another"
        ) from error
    database = Database(places.database)
    with database.write() as connection:
        if connection.execute(select(room.c.id)).first() is None:
            connection.execute(
                insert(room).values(
                    name=name, purpose=purpose, level="human-only", reveal="after-commit",
                    asks_first=False, readers_per_case=1, created_at=tell_time(),
                )
            )  # fmt: skip
            append(connection, SYSTEM, "room-made", "room", {"purpose": purpose})
    return Room(places, database)


def join_room(folder: Path) -> Room:
    """Open a room that is there, also while another process serves it.

    Args:
        folder: of the room.

    Raises:
        InputError: if there is none, or a damaged or newer one.
        Busy: if its database is locked.
    """
    places = Places(folder)
    if not places.database.is_file():
        raise InputError(
            f"'{folder}' is no reading room: give the folder that `cxrlens serve --room` made"
        )
    return Room(places, Database(places.database))


@contextmanager
def hold_room(places: Places) -> Iterator[None]:
    """Keep every other process from serving the room while the block runs.

    Raises:
        InputError: if another process serves it.
    """
    with places.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise InputError(
                f"the room '{places.folder}' is served already, by process {holder}: stop that one "
                "first, or choose another room"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@dataclass(frozen=True)
class ClassSet:
    """What a model tells apart."""

    names: tuple[str, ...]
    """In the order of its outputs."""

    is_multilabel: bool
    """Whether an image may have several, or none."""


def begin_serving(opened: Room, bundle: str, classes: ClassSet | None = None) -> None:
    """Take up what an earlier process left: leases, claims, uploads that never became whole.

    Args:
        opened: the room, held.
        classes: of the model; None where it is not asked.
        bundle: digest of the model that answers from now on.
    """
    for left in opened.places.incoming.iterdir():
        left.unlink()
    with opened.database.write() as connection:
        state = read_state(connection)
        before = state.bundle
        if classes is not None:
            _keep_classes(connection, classes, opened.places.folder)
        if before != bundle:
            note_reach(connection, state.policy, before)
        release(connection, [*CHECKS, *ANSWERS])
        connection.execute(delete(claim))
        _wind_up_looks(connection)
        connection.execute(update(room).values(bundle=bundle))
        if before != bundle:
            ask_new_model(connection, bundle, _list_waiting(connection))
        append(connection, SYSTEM, "room-opened", "room", {"bundle": bundle, "before": before})
    opened.database.forget()
    note_head(opened)


def _keep_classes(connection: Connection, classes: ClassSet, folder: Path) -> None:
    """Refuse a model of other classes: what was read would mean nothing beside it."""
    row = connection.execute(select(room.c.classes, room.c.is_multilabel)).one()
    if row.classes is None:
        connection.execute(
            update(room).values(classes=list(classes.names), is_multilabel=classes.is_multilabel)
        )
        return
    if (tuple(row.classes), row.is_multilabel) != (classes.names, classes.is_multilabel):
        raise InputError(
            f"the room '{folder}' reads {_show(row.classes, row.is_multilabel)}, and this model "
            f"answers {_show(classes.names, classes.is_multilabel)}: open another room for it"
        )


def _show(names: Sequence[str], is_multilabel: bool) -> str:
    return f"{', '.join(names)} ({'each on its own' if is_multilabel else 'exactly one'})"


def _wind_up_looks(connection: Connection) -> None:
    """Tell anew, by the time of day, on the monotonic clock when cases were opened.

    It began at 0 again if the machine did.
    """
    passed = (func.julianday("now") - func.julianday(look.c.opened_at)) * 86400
    connection.execute(update(look).values(opened=count_seconds() - passed))


def _list_waiting(connection: Connection) -> list[str]:
    """Cases that are still to be read, and that a model may see."""
    state = read_state(connection)
    seen = [level for level in LEVELS if state.policy.runs_model(level)]
    asked = select(case.c.id).where(
        case.c.state == "ready",
        case.c.level.in_(seen),
        case.c.n_read < state.settings.readers_per_case,
    )
    return list(connection.execute(asked.order_by(case.c.number)).scalars())


def note_head(opened: Room) -> None:
    """Write the trail's head to a file beside, a copy of which proves that no end was cut off."""
    with opened.database.read() as connection:
        head = read_head(connection)
    with opened.places.heads.open("a", encoding="ascii") as file:
        file.write(f"{tell_time()} {head.seq} {head.hash}\n")
        file.flush()
        os.fsync(file.fileno())


def read_state(connection: Connection) -> RoomState:
    """Read what the room is set to."""
    row = connection.execute(select(room)).one()
    settings = RoomSettings(
        reveal=cast("Reveal", row.reveal),
        asks_first=row.asks_first,
        readers_per_case=row.readers_per_case,
        spot_check_percent=row.spot_check_percent,
    )
    return RoomState(
        row.name, row.purpose, row.level, settings, row.bundle, row.preparation, row.level_line
    )


def decides_alone(connection: Connection, state: RoomState) -> bool:
    """Say whether the machine may decide at an automated level, or only record what it would have.

    Args:
        connection: in a transaction.
        state: of the room.

    Returns:
        Whether the room holds no patients who wait, or a lead has approved it under a protocol.
    """
    return state.purpose != "live" or read_approval(connection) is not None


def read_approval(connection: Connection) -> dict[str, str] | None:
    """Read under which protocol the machine may decide about patients who wait."""
    found: dict[str, str] | None = connection.execute(select(room.c.approval)).scalar_one()
    return found


def set_level(
    connection: Connection, level: Level, reason: str, actor: str, protocol: str | None = None
) -> RoomState:
    """Set the room's level: cases fall with it at once, and never rise.

    Those that were read fall too, since a reader may be wanted for them again; each reading keeps
    the level at which it was committed, and so does a case that the machine has decided. One that
    it referred, or that the lot gave to a reader, falls to shadow at least, where it is read
    without the machine as before.

    Args:
        connection: in a transaction that writes.
        level: the new one.
        reason: why.
        actor: who.
        protocol: number of the one under which the machine may decide at this level; None at an
            automated level keeps the one that there is, and every other level ends it.

    Returns:
        The room as it was before.
    """
    before = read_state(connection)
    note_reach(connection, before.policy, before.bundle)
    approval = None
    if is_automated(level):
        approval = read_approval(connection)
        if protocol is not None:
            approval = {"protocol": protocol, "by": actor, "at": tell_time()}
    connection.execute(update(room).values(level=level, approval=approval))
    higher = LEVELS[LEVELS.index(level) + 1 :]
    done = select(decision.c.case_id).where(
        decision.c.kind == "decided",
        decision.c.is_drawn.is_(False),
        decision.c.recalled_at.is_(None),
    )
    if not is_automated(level):
        # What the machine has ruled on and nobody has read goes on being read without it, drawn
        # and referred alike: a spot check that shows the answer first is none.
        ruled = select(decision.c.case_id).where(decision.c.recalled_at.is_(None))
        connection.execute(
            update(case)
            .where(case.c.level.in_(AUTOMATED), case.c.id.in_(ruled), case.c.id.not_in(done))
            .values(level=lower_level(level, "shadow"))
        )
    fallen = connection.execute(
        update(case).where(case.c.level.in_(higher), case.c.id.not_in(done)).values(level=level)
    ).rowcount
    line = append(
        connection, actor, LEVEL_SET, "room",
        {
            "from": before.level, "to": level, "reason": reason, "cases_lowered": fallen,
            "protocol": protocol,
        },
    )  # fmt: skip
    connection.execute(update(room).values(level_line=line))
    return before


def set_settings(connection: Connection, settings: RoomSettings, actor: str) -> None:
    """Set how the room goes about its levels."""
    before = read_state(connection)
    note_reach(connection, before.policy, before.bundle)
    connection.execute(update(room).values(**settings.model_dump()))
    append(connection, actor, "settings-set", "room", settings.model_dump())
