"""A full disk is told apart from other faults, keeps nothing half, and is got over.

SPDX-License-Identifier: Apache-2.0
"""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxrlens.serving.database import OutOfSpace
from cxrlens.serving.disk import minding_space
from cxrlens.serving.intake import sweep
from cxrlens.serving.room import join_room
from cxrlens.serving.trail import verify

from .conftest import StartRoom, wait_for
from .pictures import vary
from .processes import ask


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_is_its_own_error(number: int) -> None:
    with pytest.raises(OutOfSpace, match="free some space"), minding_space():
        raise OSError(number, "no space")


def test_another_fault_of_the_disk_is_none_of_ours() -> None:
    with pytest.raises(PermissionError), minding_space():
        raise PermissionError(errno.EACCES, "no")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_got_over(
    start_room: StartRoom, small_disk: Path, phantoms: list[Path]
) -> None:
    served = start_room("assistance", folder=small_disk / "room")
    accepted = served.upload(phantoms[:3])
    served.wait_predicted(accepted)
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - 400_000))
    refused = 0
    for _ in range(200):  # until nothing fits any more, and a while on
        answer = served.ask("POST", "/images", files={"file": ("a.png", vary(phantoms[3]))})
        if answer.status_code == 202:
            line = answer.json()["images"][0]
            assert line["status"] == "accepted", line
            accepted.append(line["id"])
        else:
            assert answer.status_code == 507, answer.text
            assert answer.json()["code"] == "disk-full"
            assert int(answer.headers["retry-after"]) > 0
            refused += 1
            if refused == 20:
                break
    assert refused == 20
    assert served.case(accepted[0])["machine"] is not None  # what is there can be read
    assert list((served.folder / "incoming").iterdir()) == []

    ballast.unlink()
    more = served.ask("POST", "/images", files={"file": ("a.png", vary(phantoms[3]))})
    assert more.status_code == 202
    accepted.append(more.json()["images"][0]["id"])
    served.wait_predicted(accepted)  # nothing was given up meanwhile
    wait_for(lambda: served.ask("GET", "/room").status_code == 200, "the room")
    assert served.stop() == 0
    states = ask(served.folder, "SELECT state, count(*) FROM image_case GROUP BY state")
    assert states == [("ready", len(accepted))]
    assert ask(served.folder, "SELECT count(*) FROM prediction") == [(len(accepted),)]
    room = join_room(served.folder)
    with room.database.read() as connection:
        assert verify(connection).fault is None
    assert sweep(room) == 0
    room.database.close()
