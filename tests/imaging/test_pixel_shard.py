"""One file of decoded images: what is found in it is right, whatever happened to the file.

SPDX-License-Identifier: Apache-2.0
"""

import fcntl
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrlens.imaging import pixel_shard
from cxrlens.imaging.pixel_record import RecordFormat, StoredImage
from cxrlens.imaging.pixel_shard import PixelShard

FORMAT = RecordFormat("key", (8, 6))
N_BYTES = FORMAT.dtype.itemsize


def draw(number: int) -> StoredImage:
    return np.random.default_rng(number).integers(0, 2**16, FORMAT.size, dtype=np.uint16)


def address(number: int) -> bytes:
    return number.to_bytes(32, "big")


def open_shard(path: Path) -> PixelShard:
    return PixelShard(path, FORMAT, lambda _: None)


def add(shard: PixelShard, *numbers: int) -> list[int | None]:
    return [shard.keep(address(one), str(one).encode(), draw(one)) for one in numbers]


def list_found(shard: PixelShard, numbers: range) -> list[int]:
    """Those that are found, after a look at whether they are right."""
    found = []
    for number in numbers:
        one = shard.find(address(number))
        if one is not None:
            assert one.facts == str(number).encode()
            assert np.array_equal(one.pixels, draw(number))
            assert np.array_equal(shard.view(one.row, one.row + 1)[0], one.pixels)
            found.append(number)
    return found


def test_what_is_kept_is_found_here_and_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    one, other = open_shard(path), open_shard(path)
    assert list_found(one, range(3)) == []
    assert add(one, 0, 1) == [0, 1]
    assert list_found(other, range(3)) == [0, 1]
    assert add(other, 1, 2, 0) == [1, 2, 0]
    assert add(one, 2, 3) == [2, 3]
    assert path.stat().st_size == 4 * N_BYTES
    view = one.view(1, 4)
    assert np.array_equal(view, [draw(1), draw(2), draw(3)])
    assert not view.flags.writeable
    assert not view.flags.owndata
    path.unlink()
    del one, other
    assert np.array_equal(view, [draw(1), draw(2), draw(3)])


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(["flip", "cut", "tail"]), st.integers(0, 10**9)), max_size=4)
)
def test_damage_is_never_used_and_is_made_good(damages: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard"
        add(open_shard(path), *range(4))
        data = bytearray(path.read_bytes())
        for kind, number in damages:
            if kind == "flip" and data:
                data[number // 8 % len(data)] ^= 1 << number % 8
            elif kind == "cut":
                del data[number % (len(data) + 1) :]
            else:
                data += bytes(number % N_BYTES)
        path.write_bytes(data)
        shard = open_shard(path)
        list_found(shard, range(4))
        add(shard, *range(5))
        assert list_found(shard, range(5)) == list(range(5))
        assert list_found(open_shard(path), range(5)) == list(range(5))


def test_each_image_is_proved_once_in_a_process(tmp_path: Path) -> None:
    """A bit that flips before the first use is seen; an image once proved is not read again."""
    path = tmp_path / "shard"
    add(open_shard(path), 0, 1)
    shard = open_shard(path)
    assert shard.find(address(0)) is not None
    with path.open("r+b") as file:
        for place in (0, N_BYTES):
            file.seek(place + 4096)
            file.write(b"\0\0\0\0")
    assert shard.find(address(0)) is not None
    assert shard.find(address(1)) is None
    assert open_shard(path).find(address(0)) is None


def test_facts_that_are_too_long_are_no_fault(tmp_path: Path) -> None:
    shard = open_shard(tmp_path / "shard")
    assert shard.keep(address(0), bytes(5000), draw(0)) is None
    assert shard.fault is None
    assert add(shard, 1) == [0]


def test_no_room_is_a_fault_and_what_is_there_stays(tmp_path: Path) -> None:
    rooms = [None, "it is full"]
    shard = PixelShard(tmp_path / "shard", FORMAT, lambda n: rooms.pop(0) if n == N_BYTES else "?")
    assert add(shard, 0, 1, 2) == [0, None, None]
    assert shard.fault == "it is full"
    assert list_found(shard, range(3)) == [0]


def test_a_full_disk_leaves_half_a_record_that_the_next_writes_over(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    shard = open_shard(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * N_BYTES + 1000, limits[1]))
    try:
        assert add(shard, 0, 1, 2, 3) == [0, 1, None, None]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert shard.fault == "File too large"
    assert list_found(shard, range(4)) == [0, 1]
    assert path.stat().st_size == 2 * N_BYTES + 1000
    again = open_shard(path)
    assert add(again, 2, 3) == [2, 3]
    assert list_found(again, range(4)) == [0, 1, 2, 3]


def test_a_lock_that_is_never_given_back_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_shard, "_PATIENCE_SECONDS", 0.05)
    path = tmp_path / "shard"
    add(open_shard(path), 0)
    shard = open_shard(path)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert add(shard, 0, 1) == [None, None]
        assert shard.fault == "another process does not let go of it"
        assert list_found(shard, range(2)) == [0]
    assert add(open_shard(path), 0, 1) == [0, 1]


def test_a_file_that_was_deleted_takes_no_more(tmp_path: Path) -> None:
    shard = open_shard(tmp_path / "shard")
    add(shard, 0)
    (tmp_path / "shard").unlink()
    assert list_found(shard, range(1)) == [0]
    assert add(shard, 1, 2) == [None, None]
    assert shard.fault == "it was deleted meanwhile"
    assert list_found(shard, range(3)) == [0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_others_cut_short_is_let_be(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    shard = open_shard(path)
    add(shard, 0, 1, 2)
    assert list_found(shard, range(3)) == [0, 1, 2]
    os.truncate(path, N_BYTES)
    assert shard.find(address(0)) is shard.find(address(2)) is None
    assert shard.fault == "it was cut short by another program"
    assert add(shard, 3) == [None]
    with pytest.raises(OSError, match="cut short"):
        shard.view(0, 3)


@pytest.mark.parametrize("kind", ["folder", "link", "nowhere"])
def test_a_place_that_is_no_file_finds_and_keeps_nothing(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "shard"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "other").write_bytes(b"other")
        path.symlink_to(tmp_path / "other")
    shard = open_shard(path if kind != "nowhere" else path / "deeper")
    assert shard.find(address(0)) is None
    assert add(shard, 0) == [None]
    assert shard.fault
    assert shard.view(0, 0).shape == (0, 8, 6)
    assert kind != "link" or (tmp_path / "other").read_bytes() == b"other"


KILL = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from cxrlens.imaging.pixel_record import RecordFormat
from cxrlens.imaging.pixel_shard import PixelShard

path, rng = Path(sys.argv[1]), np.random.default_rng(0)
record_format = RecordFormat("key", (900, 800))
pixels = rng.integers(0, 2**16, (900, 800), dtype=np.uint16)

def address(number):
    return number.to_bytes(32, "big")

def write():
    shard, number = PixelShard(path, record_format, lambda _: None), 0
    while shard.keep(address(number), b"%d" % number, pixels + np.uint16(number)) is not None:
        number += 1

n, halves = 0, 0
for _ in range(20):
    child = os.fork()
    if child == 0:
        write()
        os._exit(1)
    time.sleep(rng.uniform(0.01, 0.1))
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    shard = PixelShard(path, record_format, lambda _: None)
    before, (n, half) = n, divmod(path.stat().st_size, record_format.dtype.itemsize)
    halves += half > 0
    assert n >= before
    for number in range(n):
        found = shard.find(address(number))
        assert found.row == number and found.facts == b"%d" % number
        assert np.array_equal(found.pixels, pixels + np.uint16(number))
assert shard.find(address(n)) is None
assert shard.keep(address(n), b"", pixels) == n
assert path.stat().st_size == (n + 1) * record_format.dtype.itemsize
print(n, "records and", halves, "halves")
"""


def test_a_writer_that_is_killed_harms_nobody(tmp_path: Path) -> None:
    """At moments that fall into the middle of records, on a shard that grows over all rounds."""
    told = subprocess.run(
        [sys.executable, "-c", KILL, str(tmp_path / "shard")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert int(told.split()[0]) > 0
