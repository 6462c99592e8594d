"""One run folder, one process; nothing is ever overwritten.

SPDX-License-Identifier: Apache-2.0
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cxrlens.training import claim_run, claim_run_folder, claim_unfinished_run
from cxrlens.vocabulary import OutputError

# `cxrlens.training` alone would import torch: another process starts faster with this module only.
CLAIM = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("run_folder", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
folder = None if sys.argv[2] == "-" else Path(sys.argv[2])
with module.claim_run_folder(folder, "covid") as claimed:
    print(claimed, flush=True)
    sys.stdin.readline()
    (claimed / "result").write_text("done")
"""
MODULE = sys.modules[claim_run_folder.__module__].__file__ or ""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts another process that claims a folder and holds it until it is told to go on."""
    with ExitStack() as stack:

        def start_one(folder: Path | str, cwd: Path = tmp_path) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CLAIM, MODULE, str(folder)],
                    cwd=cwd, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )
            )  # fmt: skip
            stack.callback(process.kill)
            return process

        yield start_one


def _read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_second_process_is_told_the_first(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = start(folder)
    assert _read_line(first) == str(folder)
    with (
        pytest.raises(OutputError, match=f"{folder} is in use by process {first.pid};"),
        claim_run_folder(folder, "x"),
    ):
        pass
    # Also once the first has begun to write.
    (folder / "recipe.yaml").write_text("")
    with (
        pytest.raises(OutputError, match=f"in use by process {first.pid};"),
        claim_run_folder(folder, "x"),
    ):
        pass
    first.communicate("\n", timeout=30)
    assert first.returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["recipe.yaml", "result"]


def test_a_killed_owner_does_not_block(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = start(folder)
    _read_line(first)
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=30)
    assert (folder / ".lock").read_text() == f"{first.pid}\n"
    with claim_run_folder(folder, "x") as claimed:
        assert (claimed / ".lock").read_text() == f"{os.getpid()}\n"
    assert list(folder.iterdir()) == []


def test_what_a_killed_owner_left_is_not_overwritten(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = start(folder)
    _read_line(first)
    (folder / "split.csv").write_text("half")
    first.kill()
    first.wait(timeout=30)
    with (
        pytest.raises(OutputError, match=r"not empty \(it holds 'split.csv'\)"),
        claim_run_folder(folder, "x"),
    ):
        pass
    assert (folder / "split.csv").read_text() == "half"


def test_a_folder_whose_owner_was_killed_in_its_first_write_is_free(
    start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    owner = start(folder)
    _read_line(owner)
    (folder / ".0123456789abcdef.part").write_text("name: def")
    owner.send_signal(signal.SIGKILL)
    owner.wait(timeout=30)
    with claim_run_folder(folder, "x"):
        assert [path.name for path in folder.iterdir()] == [".lock"]


def test_halves_in_a_strangers_folder_are_not_touched(tmp_path: Path) -> None:
    half = tmp_path / ".0123456789abcdef.part"
    half.write_text("a download of somebody's")
    with pytest.raises(OutputError, match="is not empty"), claim_run_folder(tmp_path, "x"):
        pass
    assert half.exists()


def test_a_folder_with_files_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with (
        pytest.raises(OutputError, match=r"not empty \(it holds 'mine.txt'\)"),
        claim_run_folder(tmp_path, "x"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_run_is_seen_to_be_unfinished(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"

    def fail() -> None:
        with claim_run_folder(folder, "x"):
            (folder / "begun").write_text("half")
            raise KeyError("anything")

    with pytest.raises(KeyError, match="anything"):
        fail()
    assert (folder / ".lock").exists()


@pytest.mark.parametrize("exists", [True, False])
def test_a_run_that_wrote_nothing_leaves_no_trace(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "out"
    if exists:
        folder.mkdir()

    def fail() -> None:
        with claim_run_folder(folder, "x"):
            raise KeyError("anything")

    with pytest.raises(KeyError, match="anything"):
        fail()
    assert folder.exists() == exists
    assert not (folder / ".lock").exists()


def test_an_empty_folder_may_be_given(tmp_path: Path) -> None:
    with claim_run_folder(tmp_path, "x") as claimed:
        assert claimed == tmp_path


def test_counting_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for expected in ("covid", "covid2", "covid3"):
        with claim_run_folder(None, "covid") as claimed:
            assert claimed == Path("runs") / expected
    (tmp_path / "runs" / "covid2").rmdir()
    (tmp_path / "runs" / "covid").rmdir()
    (tmp_path / "runs" / "covid").write_text("a file is in the way")
    with claim_run_folder(None, "covid") as claimed:
        assert claimed == Path("runs/covid2")


def test_counting_up_from_several_processes(start: Start) -> None:
    processes = [start("-") for _ in range(6)]
    claimed = [_read_line(process) for process in processes]
    assert sorted(claimed) == ["runs/covid", *(f"runs/covid{n}" for n in range(2, 7))]
    for process in processes:
        process.communicate("\n", timeout=30)
        assert process.returncode == 0


def test_one_folder_for_several_processes_at_once(start: Start, tmp_path: Path) -> None:
    processes = [start(tmp_path / "out") for _ in range(5)]
    claimed = [_read_line(process) for process in processes]
    assert sorted(claimed) == ["", "", "", "", str(tmp_path / "out")]


@pytest.mark.parametrize("folder", ["file", "file/out", "file/deep/out"])
def test_a_file_in_the_way(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match=f"{folder} cannot be written"),
        claim_run_folder(tmp_path / folder, "x"),
    ):
        pass


def test_runs_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("")
    with (
        pytest.raises(OutputError, match="runs/covid cannot be written"),
        claim_run_folder(None, "covid"),
    ):
        pass


DROP = """
import os, sys
from pathlib import Path
from cxrlens.vocabulary import OutputError
import importlib.util
spec = importlib.util.spec_from_file_location("run_folder", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
if os.getuid() == 0:
    os.chown(sys.argv[2], 65534, 65534)
    os.setgid(65534)
    os.setuid(65534)
try:
    with module.claim_run_folder(Path(sys.argv[3]), "x"):
        print("claimed")
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("mode", "inner"),
    [(0o555, ""), (0o555, "out"), (0o000, ""), (0o000, "out"), (0o311, "")],
)
def test_a_folder_without_the_right_to_write(mode: int, inner: str) -> None:
    """In a process of its own, as another user where this one may do anything."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        place = Path(folder)
        place.chmod(mode)
        told = subprocess.run(
            [sys.executable, "-c", DROP, MODULE, folder, str(place / inner)],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        place.chmod(0o755)
        assert f"{place / inner} cannot be written (Permission denied)" in told
        assert list(place.iterdir()) == []


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
""" + DROP.replace("if os.getuid() == 0:", "if False:")


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_is_told_and_no_trace_left(tmp_path: Path, exists: bool) -> None:
    """No file may hold a byte in that process."""
    folder = tmp_path / "out"
    if exists:
        folder.mkdir()
    told = subprocess.run(
        [sys.executable, "-c", FULL, MODULE, str(tmp_path), str(folder)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f"output folder {folder} cannot be written (File too large); free" in told
    assert folder.exists() == exists
    assert not (folder / ".lock").exists()


# Going on


def test_an_unfinished_run_is_claimed_as_it_was_left(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = start(folder)
    _read_line(first)
    (folder / "split.csv").write_text("whole")
    (folder / ".0123.part").write_text("half")
    (folder / "fold1" / ".bundle.xyz").mkdir(parents=True)
    with (
        pytest.raises(OutputError, match=f"in use by process {first.pid};"),
        claim_unfinished_run(folder),
    ):
        pass
    first.kill()
    first.wait(timeout=30)
    with claim_unfinished_run(folder) as claimed:
        assert claimed == folder
        assert (folder / ".lock").read_text() == f"{os.getpid()}\n"
        assert sorted(entry.name for entry in folder.rglob("*")) == [".lock", "fold1", "split.csv"]
    assert not (folder / ".lock").exists()


def test_what_fails_again_stays_unfinished(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("")

    def fail() -> None:
        with claim_unfinished_run(tmp_path):
            raise KeyError("anything")

    with pytest.raises(KeyError, match="anything"):
        fail()
    assert (tmp_path / ".lock").exists()


@pytest.mark.parametrize("folder", ["none", "finished"])
def test_what_is_no_unfinished_run_is_told(tmp_path: Path, folder: str) -> None:
    (tmp_path / "finished").mkdir()
    with (
        pytest.raises(OutputError, match=f"{folder} is no unfinished run"),
        claim_unfinished_run(tmp_path / folder),
    ):
        pass


def test_a_run_is_new_or_goes_on_in_its_own_folder(tmp_path: Path) -> None:
    with claim_run("x", tmp_path / "new") as claimed:
        assert claimed == tmp_path / "new"
    (tmp_path / "old").mkdir()
    for out in (None, tmp_path / "old"):
        (tmp_path / "old" / ".lock").write_text("")
        with claim_run("x", out, tmp_path / "old") as claimed:
            assert claimed == tmp_path / "old"
    with pytest.raises(OutputError, match="leave --out"):
        claim_run("x", tmp_path / "other", tmp_path / "old")
