"""A checkpoint is read as it was written, or refused; it is never half there.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pickle
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from cxrlens.training.checkpoint import (
    Checkpoint,
    Place,
    Progression,
    Tally,
    read_checkpoint,
    write_checkpoint,
)
from cxrlens.vocabulary import Epoch, OutputError, digest

IDENTITY = {"recipe": "a" * 64, "split": "b" * 64}


@pytest.fixture
def checkpoint() -> Checkpoint:
    epoch = Epoch(1, 0.1 + 0.2, 1 / 3, None, 1e-30, True, "head", learning_rates={"rest": 0.1})
    return Checkpoint(
        Progression(IDENTITY, "float32", Place(1, 2, 3), Tally(1 / 7, 3, 5, 8), (epoch,)),
        {"a": torch.rand(3, 4, 2, 2).to(memory_format=torch.channels_last), "n": torch.tensor(7)},
        {"a": torch.rand(3, 4, 2, 2), "n": torch.tensor(7)},
        {"0.step": torch.tensor(3.0), "0.exp_avg": torch.rand(3)},
    )


def assert_equal(one: Checkpoint, other: Checkpoint) -> None:
    assert one.progression == other.progression
    for ours, theirs in (
        (one.network, other.network),
        (one.best, other.best),
        (one.optimiser, other.optimiser),
    ):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
        assert all(ours[key].dtype == theirs[key].dtype for key in ours)


def test_it_is_read_as_it_was_written(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    for one in (
        checkpoint,
        replace(checkpoint, best={}),
        replace(checkpoint, best=checkpoint.network),
        replace(checkpoint, optimiser={}),
    ):
        write_checkpoint(path, one)
        found = read_checkpoint(path, IDENTITY)
        assert found is not None
        assert_equal(one, found)
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint"]


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "checkpoint", IDENTITY) is None


def test_every_cut_and_flip_is_noticed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    write_checkpoint(path, checkpoint)
    data = path.read_bytes()
    for place in range(0, len(data), 41):
        flipped = bytearray(data)
        flipped[place] ^= 1
        for spoilt in (bytes(flipped), data[:place]):
            if spoilt[65:] == data[65:] and spoilt[:64] == data[:64]:
                continue  # the newline between both says nothing
            path.write_bytes(spoilt)
            with pytest.raises(OutputError, match="was damaged"):
                read_checkpoint(path, IDENTITY)


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, (f"touch {self.canary}",))


@pytest.mark.parametrize("content", [b"", b"<!doctype html><html>404</html>", b"f" * 63])
def test_what_is_no_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=f"is none, or was damaged .{len(content)} bytes"):
        read_checkpoint(path, IDENTITY)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(OutputError, match="cannot be read"):
        read_checkpoint(tmp_path / "checkpoint", IDENTITY)


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_pickle_is_never_loaded(tmp_path: Path, is_signed: bool) -> None:
    path, canary = tmp_path / "checkpoint", tmp_path / "canary"
    torch.save({"network": Malicious(canary)}, path)
    for data in (path.read_bytes(), pickle.dumps(Malicious(canary))):
        path.write_bytes(sign(data) if is_signed else data)
        with pytest.raises(OutputError, match=r"not of this version|is none"):
            read_checkpoint(path, IDENTITY)
    assert not canary.exists()
    pickle.loads(pickle.dumps(Malicious(canary)))  # noqa: S301 (the attack is a real one)
    assert canary.exists()


def sign(content: bytes) -> bytes:
    return f"{digest(content)}\n".encode() + content


RECORDS = [torch.tensor([1.5]), torch.frombuffer(bytearray(b"[1]"), dtype=torch.uint8)]


@pytest.mark.parametrize(
    "content",
    [
        b"nothing",
        struct.pack("<Q", 2**64 - 1) + b"{}",
        struct.pack("<Q", 2**40) + b"{}",
        save({}),
        *(save({"record": record}) for record in RECORDS),
    ],
)
def test_what_another_program_signed_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint").write_bytes(sign(content))
    with pytest.raises(OutputError, match="not of this version"):
        read_checkpoint(tmp_path / "checkpoint", IDENTITY)


def test_another_architecture_is_refused_and_both_are_told(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    write_checkpoint(path, checkpoint)
    assert read_checkpoint(path, IDENTITY, checkpoint.network) is not None
    other = {**checkpoint.network, "a": torch.rand(3, 5, 2, 2)}
    with pytest.raises(OutputError, match=r"'a' has shape \(3, 4, 2, 2\), .*\(3, 5, 2, 2\)"):
        read_checkpoint(path, IDENTITY, other)
    for network in ({"n": other["n"]}, {**checkpoint.network, "b": other["a"]}):
        with pytest.raises(OutputError, match=r"of another architecture: .* none"):
            read_checkpoint(path, IDENTITY, network)


@pytest.mark.parametrize("name", list(IDENTITY))
def test_that_of_another_training_is_refused_by_name(
    checkpoint: Checkpoint, tmp_path: Path, name: str
) -> None:
    write_checkpoint(tmp_path / "checkpoint", checkpoint)
    with pytest.raises(OutputError, match=f"another training: its {name} is"):
        read_checkpoint(tmp_path / "checkpoint", {**IDENTITY, name: "c" * 64})


def test_a_place_that_cannot_be_written_leaves_the_old_one(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "checkpoint", checkpoint)
    before = (tmp_path / "checkpoint").read_bytes()
    with pytest.raises(OutputError, match="cannot write"):
        write_checkpoint(tmp_path / "no" / "checkpoint", checkpoint)
    assert (tmp_path / "checkpoint").read_bytes() == before
