import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrlens.imaging import write_whole
from cxrlens.vocabulary import OutputError

DIE_WHILE_WRITING = """
import resource, signal, sys
from pathlib import Path
from cxrlens.imaging.files import write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_DFL if sys.argv[2] == "die" else signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_whole(Path(sys.argv[1]), b"n" * 5000)
"""


def write_too_much(path: Path, how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DIE_WHILE_WRITING, str(path), how],
        capture_output=True,
        text=True,
        check=False,
    )


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for data in (b"", b"first", b"x" * 100_000):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a.bin"]


def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    assert write_too_much(path, "die").returncode < 0
    assert path.read_bytes() == b"old"


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    done = write_too_much(path, "fail")
    assert "OutputError: cannot write" in done.stderr
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "missing" / "a.bin"):
        with pytest.raises(OutputError, match=path.name):
            write_whole(path, b"data")
    assert os.listdir(tmp_path) == ["folder"]
