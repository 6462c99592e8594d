"""The server and its processes are killed at random moments under load, and keep their word.

SPDX-License-Identifier: Apache-2.0

What was acknowledged is there, once: every image with one result, every reading as it was sent.
`CXRLENS_KILLS` says how often; the figures are printed (`pytest -s`).
"""

import hashlib
import os
import random
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from cxrlens.serving.intake import sweep
from cxrlens.serving.room import join_room
from cxrlens.serving.trail import Head
from cxrlens.serving.verifying import verify

from .conftest import ServedRoom, StartRoom, wait_for
from .pictures import vary
from .processes import ask, find_children, kill

KILLS = int(os.environ.get("CXRLENS_KILLS", "10"))

N_SENDERS = 3


@dataclass
class Promises:
    """What the room acknowledged."""

    images: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the bytes → id of the case."""

    readings: dict[str, str] = field(default_factory=dict)
    """Id of the case → what was written of it."""

    n_cut: int = 0
    """Requests that were not answered."""

    contradictions: list[str] = field(default_factory=list)
    """Where the room said something else later."""


class Load:
    """People who hand in images and read, until it is over; whoever is not answered tries again."""

    def __init__(self, served: ServedRoom, phantoms: list[Path], promises: Promises) -> None:
        self._served, self._phantoms, self._promises = served, phantoms, promises
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(N_SENDERS)]
        self._threads.append(threading.Thread(target=self._read))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        data = b""
        while not self._is_over.is_set():
            if not data:
                data = vary(random.choice(self._phantoms))  # noqa: S311
            try:
                answer = self._served.ask("POST", "/images", files={"file": ("a.png", data)})
            except httpx2.TransportError:
                self._promises.n_cut += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 202:
                line = answer.json()["images"][0]
                digest = hashlib.sha256(data).hexdigest()
                known = self._promises.images.setdefault(digest, line["id"])
                if known != line["id"] or line["status"] == "refused":
                    self._promises.contradictions.append(str(line))
                data = b""
            time.sleep(0.1)  # more would only wait for the file check

    def _read(self) -> None:
        while not self._is_over.is_set():
            try:
                self._read_one()
            except httpx2.TransportError:
                self._promises.n_cut += 1
                time.sleep(0.05)

    def _read_one(self) -> None:
        found = self._served.ask("GET", "/cases/next").json().get("id")
        if found is None:
            time.sleep(0.05)
            return
        words = secrets.token_hex(8)
        answer = self._served.ask(
            "POST", f"/cases/{found}/reading",
            json={
                "findings": [
                    {"class_name": name, "present": name == "normal", "sureness": 2}
                    for name in self._served.classes
                ],
                "text": words,
            },
        )  # fmt: skip
        if answer.status_code == 200:
            if found in self._promises.readings:
                self._promises.contradictions.append(f"{found} was read twice")
            self._promises.readings[found] = words


@pytest.mark.slow
@pytest.mark.timeout(200 + 90 * KILLS)
def test_what_was_acknowledged_is_there_after_every_kill(
    start_room: StartRoom, phantoms: list[Path], tmp_path: Path
) -> None:
    chance, promises, heads = random.Random(5), Promises(), []  # noqa: S311 - nothing is secret
    folder, token, targets = tmp_path / "room", "", {"server": 0, "all": 0, "workers": 0}
    for _ in range(KILLS):
        served = start_room("assistance", folder=folder)
        token = served.token = served.token or token
        load = Load(served, phantoms, promises)
        wait_for_work(folder, chance.choice(["nothing", "reading", "prediction"]))
        time.sleep(chance.uniform(0.0, 3.0))
        target = chance.choice(sorted(targets))
        targets[target] += 1
        children = list(find_children(served.process.pid).values())
        if target == "workers":
            for pid in children:
                kill(pid)
            time.sleep(chance.uniform(0.0, 3.0))
            children = list(find_children(served.process.pid).values())
        kill(served.process.pid)
        if target == "all":
            for pid in children:
                kill(pid)
        served.process.wait()
        load.stop()
        heads.append(Head(*ask(folder, "SELECT seq, hash FROM trail ORDER BY seq DESC LIMIT 1")[0]))

    served = start_room("assistance", folder=folder)
    served.token = token
    unready = (
        "SELECT count(*) FROM image_case c WHERE state = 'received' OR state = 'ready' AND NOT "
        "EXISTS (SELECT 1 FROM prediction WHERE case_id = c.id)"
    )
    wait_for(lambda: ask(folder, unready) == [(0,)], "every result", 600)
    assert served.stop() == 0
    check_promises(folder, promises, heads)
    ((n_lines, n_attempts),) = ask(
        folder, "SELECT (SELECT count(*) FROM trail), (SELECT max(attempts) FROM job)"
    )
    print(  # noqa: T201 - the figures are what the test is run for
        f"\n{KILLS} kills ({targets}): {len(promises.images)} images and {len(promises.readings)} "
        f"readings acknowledged, {promises.n_cut} requests cut off; {n_lines} lines of the trail "
        f"verified, {n_attempts} attempts at a job at most"
    )


def wait_for_work(folder: Path, table: str) -> None:
    """Wait until the room has begun to read, or its model to answer, or not at all."""
    if table == "nothing":  # its processes are still starting
        return
    counted = f"SELECT count(*) FROM {table}"  # noqa: S608 - one of our own tables
    before = ask(folder, counted)
    wait_for(lambda: ask(folder, counted) > before, f"a {table}")


def check_promises(folder: Path, promises: Promises, heads: list[Head]) -> None:
    assert promises.contradictions == []
    assert len(promises.images) >= KILLS
    assert promises.readings
    cases = {
        row[0]: row[1:]
        for row in ask(
            folder,
            "SELECT digest, id, state, (SELECT count(*) FROM prediction WHERE case_id = c.id), "
            "(SELECT count(*) FROM trail WHERE subject = c.id AND action = 'image-checked'), "
            "(SELECT count(*) FROM trail WHERE subject = c.id AND action = 'predicted') "
            "FROM image_case c",
        )
    }
    for digest, case_id in promises.images.items():
        assert cases[digest] == (case_id, "ready", 1, 1, 1)
        data = (folder / "originals" / case_id[:2] / case_id).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
    # An image that was stored and not acknowledged is whole as well.
    assert {one[1:] for one in cases.values()} == {("ready", 1, 1, 1)}
    told = dict(
        ask(
            folder,
            "SELECT r.case_id, w.text FROM reading r JOIN words w ON w.hash = r.words "
            "WHERE r.kind = 'final'",
        )
    )
    assert {key: told.get(key) for key in promises.readings} == promises.readings
    room = join_room(folder)
    with room.database.read() as connection:
        for head in heads:
            assert verify(connection, head).fault is None
    assert sweep(room) == 0
    assert list(room.places.incoming.iterdir()) == []
    room.database.close()
