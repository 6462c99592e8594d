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
from cxrlens.serving.disk import LEAST_FREE_BYTES, minding_space
from cxrlens.serving.intake import sweep
from cxrlens.serving.room import join_room
from cxrlens.serving.verifying import verify

from .conftest import ServedRoom, StartRoom
from .pictures import vary
from .processes import ask


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_is_its_own_error(number: int) -> None:
    with pytest.raises(OutOfSpace, match="free some space"), minding_space():
        raise OSError(number, "no space")


def test_another_fault_of_the_disk_is_none_of_ours() -> None:
    with pytest.raises(PermissionError), minding_space():
        raise PermissionError(errno.EACCES, "no")


MEGABYTE = 2**20


class SmallDisk:
    """A disk of its own that can be filled."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    def leave_free(self, n_bytes: int) -> None:
        """Fill it, but for so much."""
        self._ballast.unlink(missing_ok=True)
        free = os.statvfs(self.place)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - n_bytes)

    def make_room(self) -> None:
        """Somebody frees some space."""
        self._ballast.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of its own, a little larger than what must stay free."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    size = LEAST_FREE_BYTES // MEGABYTE + 64
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield SmallDisk(place)
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(served: ServedRoom, phantom: Path) -> list[str]:
    """Hand in images until nothing is taken any more, and give the ids of those that were."""
    accepted: list[str] = []
    n_refused = 0
    while n_refused < 10:
        answer = served.ask("POST", "/images", files={"file": ("a.png", vary(phantom))})
        if answer.status_code == 202:
            line = answer.json()["images"][0]
            assert line["status"] == "accepted", line
            accepted.append(line["id"])
        else:
            assert answer.status_code == 507, answer.text
            assert answer.json()["code"] == "disk-full"
            assert int(answer.headers["retry-after"]) > 0
            n_refused += 1
    assert list((served.folder / "incoming").iterdir()) == []
    return accepted


@pytest.mark.slow
def test_a_full_disk_is_got_over(
    start_room: StartRoom, small_disk: SmallDisk, phantoms: list[Path]
) -> None:
    served = start_room("assistance", folder=small_disk.place / "room")
    accepted = served.upload(phantoms[:3])
    served.wait_predicted(accepted)
    small_disk.leave_free(LEAST_FREE_BYTES + MEGABYTE)
    accepted += fill(served, phantoms[3])
    served.read(accepted[0], "normal")  # what is left is for those who read

    # And if others take the last of it: nothing is half, and what is there can be looked at.
    small_disk.leave_free(0)
    statuses = set()
    for _ in range(400):
        body = served.ask(
            "PUT", "/room/level", json={"level": "assistance", "reason": "to fill the disk"}
        )
        statuses.add(body.status_code)
        if body.status_code != 200:
            break
    assert 507 in statuses
    assert statuses <= {200, 507}
    assert served.case(accepted[0])["machine"] is not None

    small_disk.make_room()
    accepted += served.upload([phantoms[4]])
    served.wait_predicted(accepted)  # nothing was given up meanwhile
    served.read(accepted[1], "covid")
    assert served.stop() == 0
    states = ask(served.folder, "SELECT state, count(*) FROM image_case GROUP BY state")
    assert states == [("ready", len(accepted))]
    assert ask(served.folder, "SELECT count(*) FROM prediction") == [(len(accepted),)]
    assert ask(served.folder, "SELECT count(*) FROM reading") == [(2,)]
    room = join_room(served.folder)
    with room.database.read() as connection:
        assert verify(connection).fault is None
    assert sweep(room) == 0
    room.database.close()
