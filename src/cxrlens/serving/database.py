"""A room's database: SQLite in WAL mode, one writer at a time.

SPDX-License-Identifier: Apache-2.0
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.schema import CreateColumn

from cxrlens.serving.tables import ADDED, SCHEMA_VERSION, TRIGGERS, metadata
from cxrlens.vocabulary import CxrlensError, InputError

BUSY_SECONDS = 5.0
"""How long a writer waits for another before it is told to come again."""

CONNECTIONS = 24
"""That are kept open, a reader or writer each."""

_LEAST_BYTES = 65536
"""What SQLite must at least be able to write beside the database."""

_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p"})
"""Their locks cannot be relied on, and SQLite's WAL needs memory that is shared by all users."""


class Busy(CxrlensError):
    """Another writer holds the database; the same request may be sent again later."""


class OutOfSpace(CxrlensError):
    """The disk is full; nothing was changed, and it goes on when there is space again."""


class Unusable(InputError):
    """The database is damaged or cannot be opened; somebody must look after it."""


class Database:
    """Reads and writes whole transactions.

    Args:
        path: the file; made with its tables where there is none.

    Raises:
        InputError: if it is of a newer version, no room's, or lies on a network file system.
        Unusable: if it is damaged.
        Busy: if others write for longer than `BUSY_SECONDS`.
        OutOfSpace: if the disk is full.
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
            OutOfSpace: if the disk is too full even for that.
            Unusable: if it is damaged.
        """
        with _explaining(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is alone in writing; on the disk when the block ends.

        Raises:
            Busy: if others write for longer than `BUSY_SECONDS`.
            OutOfSpace: if the disk is full.
            Unusable: if it is damaged.
        """
        with _explaining(self.path), self._engine.connect() as connection:
            connection.execution_options(is_writer=True)
            with connection.begin():
                yield connection

    def forget(self) -> bool:
        """Take what was deleted out of the write-ahead log too, where old pages would outlive it.

        Returns:
            False where somebody read all the while, so that the log had to stay.

        Raises:
            OutOfSpace: if the disk is full.
            Unusable: if it is damaged.
        """
        with _explaining(self.path):
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                found = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return bool(found[0] == 0)
            finally:
                connection.close()

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
                elif version < SCHEMA_VERSION:
                    _upgrade(connection)
                if version < SCHEMA_VERSION:
                    connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
            found = connection.execute(text("PRAGMA quick_check")).scalar_one()
            if found != "ok":
                raise Unusable(_say_damaged(self.path, str(found)))


def _upgrade(connection: Connection) -> None:
    """Add what rooms of version 1 lack; what they hold stays."""
    metadata.create_all(connection)
    for table, columns in ADDED.items():
        for column in columns:
            told = CreateColumn(column).compile(connection)
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {told}"))


def _open_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),  # a path may hold ? and %
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
            "secure_delete = ON",  # what is deleted is overwritten: it may name a patient
            "recursive_triggers = ON",  # else INSERT OR REPLACE deletes without asking a trigger
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
    except IntegrityError:  # a constraint or trigger of ours: whoever asked must know why
        raise
    except DatabaseError as error:
        raise _explain(path, error.orig) from error
    except sqlite3.DatabaseError as error:  # while a connection is set up, where nothing wraps it
        raise _explain(path, error) from error


def _explain(path: Path, error: BaseException | None) -> CxrlensError:
    """Say what a complaint of SQLite's means."""
    said = str(error)
    if "locked" in said or "busy" in said:
        return Busy(
            f"'{path.name}' has been locked by another writer for {BUSY_SECONDS:.0f} s; try again "
            "in a moment"
        )
    is_operational = isinstance(error, sqlite3.OperationalError)
    if "full" in said or "disk I/O" in said or (is_operational and _is_full(path)):
        return OutOfSpace(
            f"the disk under '{path.name}' is full or failing ({said}); nothing was changed: free "
            "some space"
        )
    if is_operational:
        return Unusable(f"'{path}' cannot be used: {said}; see to the folder and who may write it")
    return Unusable(_say_damaged(path, said))


def _is_full(path: Path) -> bool:
    """Whether a complaint of any other kind may come of a full disk: small files cannot be made."""
    try:
        return shutil.disk_usage(path.parent).free < _LEAST_BYTES
    except OSError:
        return False


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
