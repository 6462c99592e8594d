"""The processes that work for a room are killed, and nothing is lost or done twice.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.serving.jobs import MOST_ATTEMPTS

from .conftest import ServedRoom, StartRoom, wait_for
from .processes import ask, find_children, kill

pytestmark = pytest.mark.slow

CHECKER, PREDICTOR = "check_worker", "predict_worker"


def kill_while(served: ServedRoom, worker: str, asked: str, times: int) -> list[int]:
    """Kill a process whenever something is so in the database, and give who was killed."""
    killed: list[int] = []

    def watch() -> None:
        end = time.monotonic() + 240
        while len(killed) < times and time.monotonic() < end:
            pid = find_children(served.process.pid).get(worker)
            if pid is not None and pid not in killed and ask(served.folder, asked) and kill(pid):
                killed.append(pid)
            time.sleep(0.002)

    threading.Thread(target=watch, daemon=True).start()
    return killed


def count_results(served: ServedRoom) -> list[tuple[str, str, int, int]]:
    return ask(
        served.folder,
        "SELECT id, state, (SELECT count(*) FROM prediction WHERE case_id = c.id), (SELECT "
        "count(*) FROM trail WHERE subject = c.id AND action IN ('image-checked', 'predicted')) "
        "FROM image_case c ORDER BY number",
    )


@pytest.fixture(scope="module")
def served(start_room: StartRoom) -> ServedRoom:
    return start_room("assistance")


@pytest.mark.parametrize("worker", [CHECKER, PREDICTOR])
def test_a_process_that_is_killed_at_work_leaves_one_result(
    served: ServedRoom, phantoms: list[Path], worker: str
) -> None:
    kind = {CHECKER: "check", PREDICTOR: "predict"}[worker]
    chosen = phantoms[:24] if worker == CHECKER else phantoms[24:48]
    asked = f"SELECT 1 FROM job WHERE kind = '{kind}' AND state = 'running'"  # noqa: S608
    killed = kill_while(served, worker, asked, 2)
    ids = served.upload(chosen)
    served.wait_predicted(ids)
    assert 1 <= len(killed) <= 2
    told = {one[0]: one[1:] for one in count_results(served)}
    assert [told[one] for one in ids] == [("ready", 1, 2)] * len(ids)
    wait_for(lambda: served.ask("GET", "/room").status_code == 200, "the room")


def make_large(phantom: Path) -> bytes:
    """A radiograph that takes a while to check."""
    pixels = np.asarray(Image.open(phantom).convert("L").resize((3500, 3500)))
    noise = np.random.default_rng(0).integers(0, 40, pixels.shape)
    made = io.BytesIO()
    Image.fromarray(np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)).save(made, "PNG")
    return made.getvalue()


def test_an_image_that_kills_its_process_is_refused_and_others_proceed(
    served: ServedRoom, phantoms: list[Path], tmp_path: Path
) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(make_large(phantoms[48]))
    asked = (
        "SELECT 1 FROM job JOIN image_case c ON c.id = case_id WHERE kind = 'check' AND "
        "job.state = 'running' AND n_bytes > 1000000"
    )
    killed = kill_while(served, CHECKER, asked, MOST_ATTEMPTS)
    poison, *others = served.upload([large, *phantoms[49:60]])
    served.wait_predicted(others)
    assert served.case(poison)["line"]["state"] == "received"  # others did not wait for it
    served.wait_checked([poison])
    told = served.case(poison)
    assert (told["line"]["state"], told["line"]["reason"]) == ("refused", "unreadable")
    assert f"{MOST_ATTEMPTS} times" in told["message"]
    assert len(killed) == MOST_ATTEMPTS
    assert {one[1:] for one in count_results(served) if one[0] in others} == {("ready", 1, 2)}


def test_a_process_that_hangs_is_ended(served: ServedRoom, phantoms: list[Path]) -> None:
    hung: list[int] = []

    def hang() -> None:
        end = time.monotonic() + 120
        while not hung and time.monotonic() < end:
            pid = find_children(served.process.pid).get(CHECKER)
            asked = "SELECT 1 FROM job WHERE kind = 'check' AND state = 'running'"
            if pid is not None and ask(served.folder, asked):
                os.kill(pid, signal.SIGSTOP)
                hung.append(pid)
            time.sleep(0.002)

    thread = threading.Thread(target=hang)
    thread.start()
    ids = served.upload(phantoms[60:66])
    thread.join()
    # Nobody waits until the lease runs out: it is said to have.
    with closing(sqlite3.connect(served.folder / "room.db", timeout=30)) as other:
        other.execute("UPDATE job SET lease_until = 0 WHERE state = 'running' AND kind = 'check'")
        other.commit()
    served.wait_predicted(ids)
    assert not Path(f"/proc/{hung[0]}").exists()
    told = {one[0]: one[1:] for one in count_results(served)}
    assert [told[one] for one in ids] == [("ready", 1, 2)] * len(ids)


def test_processes_end_with_their_server(start_room: StartRoom) -> None:
    served = start_room("assistance")
    wait_for(lambda: len(find_children(served.process.pid)) == 2, "both processes")
    children = find_children(served.process.pid)
    kill(served.process.pid)  # at once: the one with the model is still loading it
    served.process.wait()
    wait_for(
        lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in children.values()),
        "its processes to end", 60,
    )  # fmt: skip


def test_in_human_only_no_process_holds_the_model(served: ServedRoom) -> None:
    wait_for(lambda: PREDICTOR in find_children(served.process.pid), "the model's process")
    served.set_level("human-only")
    wait_for(lambda: PREDICTOR not in find_children(served.process.pid), "it to end", 10)
    assert CHECKER in find_children(served.process.pid)
    assert served.ask("GET", "/room").json()["level"] == "human-only"
    maps = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert "libtorch" not in maps
