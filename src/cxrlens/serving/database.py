"""A room's database: SQLite in WAL mode, one writer at a time.

SPDX-License-Identifier: Apache-2.0
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError

from cxrlens.serving.tables import SCHEMA_VERSION, TRIGGERS, metadata
from cxrlens.vocabulary import CxrlensError, InputError

BUSY_SECONDS = 5.0
"""How long a writer waits for another before it is told to come again."""

CONNECTIONS = 24
"""That are kept open, a reader or writer each."""

_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p"})
"""Their locks cannot be relied on, and SQLite's WAL needs memory that is shared by all users."""


class Busy(CxrlensError):
    """Another writer holds the database; the same request may be sent again later."""


class OutOfSpace(CxrlensError):
    """The disk is full; nothing was changed, and it goes on when there is space again."""


class Database:
    """Reads and writes whole transactions.

    Args:
        path: the file; made with its tables where there is none.

    Raises:
        InputError: if it is damaged, of a newer version, or lies on a network file system.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _refuse_network(path)
        self._engine = _open_engine(path)
        try:
            with _explaining(path):
                self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database.

        Raises:
            Busy: if it cannot be read now.
            InputError: if it is damaged.
        """
        with _explaining(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is alone in writing; on the disk when the block ends.

        Raises:
            Busy: if others write for longer than `BUSY_SECONDS`.
            OutOfSpace: if the disk is full.
            InputError: if it is damaged.
        """
        with _explaining(self.path), self._engine.connect() as connection:
            connection.execution_options(is_writer=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            connection.execution_options(is_writer=True)
            with connection.begin():
                version = int(connection.execute(text("PRAGMA user_version")).scalar_one())
                has_tables = connection.execute(
                    text("SELECT count(*) FROM sqlite_master")
                ).scalar_one()
                if version > SCHEMA_VERSION:
                    raise InputError(
                        f"'{self.path}' is a room of version {version}, and this cxrlens knows up "
                        f"to {SCHEMA_VERSION}: use the newer cxrlens that made it"
                    )
                if version == 0 and has_tables:
                    raise InputError(
                        f"'{self.path}' is a database, but not of a reading room: choose another "
                        "folder"
                    )
                if version == 0:
                    metadata.create_all(connection)
                    for trigger in TRIGGERS:
                        connection.execute(text(trigger))
                    connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
            found = connection.execute(text("PRAGMA quick_check")).scalar_one()
            if found != "ok":
                raise InputError(_say_damaged(self.path, str(found)))


def _open_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions begin late and as readers; ours are begun below.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_writer = connection.get_execution_options().get("is_writer", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    return engine


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        said = str(error.orig)
        if "locked" in said or "busy" in said:
            raise Busy(
                f"'{path.name}' has been locked by another writer for {BUSY_SECONDS:.0f} s; try "
                "again in a moment"
            ) from error
        if "full" in said or "disk I/O" in said:
            raise OutOfSpace(
                f"the disk under '{path.name}' is full or failing ({said}); nothing was changed: "
                "free some space"
            ) from error
        raise InputError(f"'{path}' cannot be used: {said}") from error
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.IntegrityError):
            raise
        raise InputError(_say_damaged(path, str(error.orig))) from error


def _say_damaged(path: Path, found: str) -> str:
    return (
        f"'{path}' is damaged ({found.splitlines()[0]}): put the last backup of the room in its "
        "place, and keep this one aside"
    )


def _refuse_network(path: Path) -> None:
    """Refuse a place whose locks cannot be relied on, where the system says what it is."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    place = path.resolve().parent
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if place.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    if kind in _NETWORK_FILE_SYSTEMS:
        raise InputError(
            f"'{place}' lies on a network file system ({kind}), where several writers can damage a "
            "database: choose a folder on a local disk"
        )
