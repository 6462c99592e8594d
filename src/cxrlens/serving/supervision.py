"""The server's processes are started, watched, and started again.

SPDX-License-Identifier: Apache-2.0
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from cxrlens.serving.database import Busy
from cxrlens.serving.jobs import JobKind, has_overdue, release
from cxrlens.serving.room import Room
from cxrlens.vocabulary import CxrlensError

LOG = logging.getLogger("cxrlens.serving")

_LOOK_SECONDS = 0.25
"""Between looks at the processes."""

_PAUSE_AFTER_FAULT = 1.0
"""Seconds until it is tried again where the database or the system would not."""

_LONGEST_WAIT = 30.0
"""Seconds before a process that ends again and again is started once more."""

_HEALTHY_SECONDS = 60.0
"""A process that lived so long counts as healthy."""


class Supervisor:
    """Keeps one process running while it is wanted.

    Args:
        room: whose jobs the process does.
        name: for the log.
        arguments: the module that it runs, and its arguments; the id of this process is added.
        kinds: of jobs that it does; where one of them is overdue the process hangs, and is ended.
        is_wanted: whether it should run now.
    """

    def __init__(
        self,
        room: Room,
        name: str,
        arguments: Sequence[str],
        kinds: Sequence[JobKind],
        is_wanted: Callable[[], bool],
    ) -> None:
        self._room = room
        self._name = name
        self._command = [sys.executable, "-m", *arguments, str(os.getpid())]
        self._kinds = kinds
        self._is_wanted = is_wanted
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._n_failures = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, or is not wanted."""
        process = self._process
        return (process is not None and process.poll() is None) or not self._is_wanted()

    @property
    def pid(self) -> int | None:
        """Of the process; None where none runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End the process: its job is done again by the next."""
        self._is_over.set()
        self._thread.join(timeout=seconds)
        self._end(seconds)

    def _watch(self) -> None:
        while not self._is_over.wait(_LOOK_SECONDS):
            try:
                self._look()
            except Busy:
                continue
            except (CxrlensError, OSError) as error:
                LOG.error("%s: %s", self._name, error)
                self._is_over.wait(_PAUSE_AFTER_FAULT)

    def _look(self) -> None:
        if not self._is_wanted():
            self._end(2.0)
            return
        if self._process is not None and self._process.poll() is None:
            if time.monotonic() - self._started > _HEALTHY_SECONDS:
                self._n_failures = 0
            with self._room.database.read() as connection:
                hangs = has_overdue(connection, self._kinds)
            if hangs:
                LOG.warning("%s hangs, and is ended", self._name)
                self._process.kill()
            return
        if self._process is not None:
            self._n_failures += 1
            LOG.warning("%s ended with code %s", self._name, self._process.returncode)
            self._process = None
        wait = min(2.0 ** (self._n_failures - 2), _LONGEST_WAIT) if self._n_failures else 0.0
        if self._is_over.wait(wait):
            return
        # Nobody else holds jobs of these kinds, so the next process must not wait for a dead one.
        with self._room.database.write() as connection:
            release(connection, self._kinds)
        self._started = time.monotonic()
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)  # noqa: S603

    def _end(self, seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        try:
            with self._room.database.write() as connection:
                release(connection, self._kinds, is_fault=False)
        except CxrlensError as error:  # then its jobs count as begun, and are given back later
            LOG.warning("%s: %s", self._name, error)
