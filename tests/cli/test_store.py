"""`--store`: decoded images that commands share.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import pytest

from cxrlens.cli.options import DEFAULT_STORE_LIMIT
from cxrlens.imaging import DEFAULT_LIMIT_GB

SMALL = ["--recipe", "phantom", "height=32", "width=32", "network.options.width=4"]
COMMANDS = ("train", "evaluate", "compare", "calibrate", "explain-card", "find-lr")


def read_state(folder: Path) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def test_a_second_command_takes_what_the_first_kept(cxrlens, phantom_folder, elsewhere) -> None:
    arguments = ["find-lr", phantom_folder, *SMALL, "precision=float32"]
    states = []
    for name in ("first", "second"):
        assert cxrlens(*arguments, "--out", name, "--store", "kept").code == 0
        states.append(read_state(elsewhere / "kept"))
    assert len(states[0]) == 1
    assert states[0] == states[1]
    tables = [(elsewhere / name / "learning-rate.csv").read_bytes() for name in ("first", "second")]
    assert tables[0] == tables[1]


def test_what_it_could_not_keep_is_told(
    cxrlens, bundle, phantom_folder, elsewhere, monkeypatch
) -> None:
    """The folder and the limit are those of the environment."""
    monkeypatch.setenv("CXRLENS_STORE", "kept")
    monkeypatch.setenv("CXRLENS_STORE_LIMIT", "0.00001")
    outcome = cxrlens("evaluate", bundle, phantom_folder, "--no-images")
    assert outcome.code == 0
    assert "The store 'kept' could not keep all decoded images (its limit of 1e-05 GB" in (
        outcome.err
    )
    (file,) = (elsewhere / "kept").iterdir()
    assert file.stat().st_size <= 10_000


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_that_decode_tables_have_the_option(cxrlens, command) -> None:
    told = " ".join(cxrlens(command, "--help").out.split())
    for words in ("--store FOLDER", "--store-limit GB", "CXRLENS_STORE]", "CXRLENS_STORE_LIMIT;"):
        assert words in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--store", "kept", "--store-limit", "0"], "limit must be above 0 GB; got 0"),
        (["--store", "file"], "cannot make the store 'file': File exists"),
    ],
)
def test_wrong_use_is_one_sentence(cxrlens, phantom_folder, elsewhere, options, words) -> None:
    (elsewhere / "file").touch()
    outcome = cxrlens("find-lr", phantom_folder, *SMALL, *options)
    assert outcome.code == 2
    assert words in outcome.err


def test_the_default_is_the_library_s() -> None:
    assert DEFAULT_STORE_LIMIT == DEFAULT_LIMIT_GB
