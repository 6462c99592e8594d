"""The loop of a process beside the server that does its work.

SPDX-License-Identifier: Apache-2.0

There are two kinds: `check_worker`, which holds no model, and `predict_worker`, which does; so an
image that ends one does not end the other, and how long the model takes for one case says nothing
about when the next may be read.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence

from cxrlens.serving.database import Busy, OutOfSpace
from cxrlens.serving.jobs import Job, JobKind, give_back, has_waiting, take
from cxrlens.serving.room import Room
from cxrlens.vocabulary import OutputError

AT_ONCE: dict[JobKind, int] = {"check": 4, "predict": 16, "explain": 1}
"""Jobs that are taken together."""

_PAUSE = 0.03
"""Seconds between looks for work."""

_PAUSE_AFTER_FAULT = 1.0
"""Seconds until a full disk or a locked database is tried again."""

Work = Callable[[Sequence[Job]], None]
"""Does jobs of one kind and stores what came of them."""


def work(room: Room, kinds: Sequence[JobKind], do: Work, is_over: Callable[[], bool]) -> None:
    """Take jobs and do them until it is over.

    Args:
        room: whose jobs.
        kinds: that this process can do, those named first before the others.
        do: one or several jobs of one kind.
        is_over: is asked between jobs.
    """
    while not is_over():
        try:
            taken = _take(room, kinds)
        except (Busy, OutOfSpace):
            time.sleep(_PAUSE_AFTER_FAULT)
            continue
        if not taken:
            time.sleep(_PAUSE)
            continue
        try:
            do(taken)
        except (Busy, OutOfSpace, OutputError):
            _give_back(room, taken, is_over)


def _take(room: Room, kinds: Sequence[JobKind]) -> list[Job]:
    with room.database.read() as connection:
        if not has_waiting(connection, kinds):
            return []
    for kind in kinds:
        with room.database.write() as connection:
            taken = take(connection, [kind], AT_ONCE[kind])
        if taken:
            return taken
    return []


def _give_back(room: Room, taken: Sequence[Job], is_over: Callable[[], bool]) -> None:
    """Wait a little and let jobs wait again: a full disk is no fault of theirs.

    Where even that cannot be written, they stay with this process until it can, or until their
    lease runs out.
    """
    while not is_over():
        time.sleep(_PAUSE_AFTER_FAULT)
        try:
            with room.database.write() as connection:
                give_back(connection, taken)
        except (Busy, OutOfSpace):
            continue
        return


def watch_parent(parent: int) -> Callable[[], bool]:
    """Tell when the server is gone, also where it was killed before this process was ready.

    Args:
        parent: id of the server's process.
    """
    # Ctrl-C reaches all processes of a terminal: the server ends the others when it is ready.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return lambda: os.getppid() != parent
