"""The state of a training between two steps, in one file that is whole or not there.

SPDX-License-Identifier: Apache-2.0

The file is 64 hexadecimal digits (SHA-256 of what follows), a newline, and a safetensors file whose
tensor `record` holds JSON as bytes. Nothing is ever unpickled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from cxrlens.imaging import write_whole
from cxrlens.vocabulary import Epoch, OutputError, digest, to_plain

_DIGITS = 64
_HEXADECIMAL = b"0123456789abcdef"


@dataclass(frozen=True)
class Place:
    """How far a training is; the next step starts here."""

    stage: int = 0
    """Index of the stage."""

    epoch: int = 0
    """Epochs of the stage that are done."""

    step: int = 0
    """Steps of the epoch that are done."""


@dataclass(frozen=True)
class Tally:
    """What the steps of an epoch have come to so far."""

    loss: float = 0.0
    """Sum of the steps' losses."""

    n_steps: int = 0
    """Steps in the sum."""

    n_right: int = 0
    """Targets decided rightly."""

    n_decided: int = 0
    """Targets that are known."""


@dataclass(frozen=True)
class Progression:
    """All of a training's state that is no tensor."""

    identity: dict[str, str]
    """What is trained on what: digests by what they are of."""

    precision: str
    """Of the arithmetic: measured once, and kept."""

    place: Place
    """Where it is."""

    tally: Tally
    """Of the epoch under way."""

    history: tuple[Epoch, ...]
    """The epochs done."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The whole state of a training; its chance follows from its place."""

    progression: Progression
    """Where it is and how it came there."""

    network: dict[str, Tensor]
    """Weights and statistics."""

    best: dict[str, Tensor]
    """Those of the best epoch; empty before the first."""

    optimiser: dict[str, Tensor]
    """What the stage's optimiser has gathered."""


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside, flush it, and let it take the old one's place.

    Args:
        path: the file.
        checkpoint: the state.

    Raises:
        OutputError: if it cannot be written; the old one stays.
    """
    network = checkpoint.network
    # Where most of a network is frozen, most of the best weights are the present ones.
    best = {k: v for k, v in checkpoint.best.items() if not torch.equal(v, network[k])}
    parts = {"network": network, "best": best, "optimiser": checkpoint.optimiser}
    tensors = {
        f"{part}/{key}": value.detach().cpu().contiguous().clone()
        for part, of_part in parts.items()
        for key, value in of_part.items()
    }
    record = {**_as_dict(checkpoint.progression), "has_best": bool(checkpoint.best)}
    text = json.dumps(record, allow_nan=False).encode()
    tensors["record"] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    data = save_safetensors(tensors)
    write_whole(path, f"{digest(data)}\n".encode() + data)


def read_checkpoint(
    path: Path, identity: Mapping[str, str], network: Mapping[str, Tensor] | None = None
) -> Checkpoint | None:
    """Read a checkpoint of the same training.

    Args:
        path: the file.
        identity: what is trained on what.
        network: tensors of the network that goes on, by name; None does not compare them.

    Returns:
        The state; None where there is no file.

    Raises:
        OutputError: if the file is damaged, or of another training or architecture (naming what
            differs).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"checkpoint {path} cannot be read ({error.strerror})") from error
    content = _check_digest(data, path)
    tensors, progression, has_best = _parse(content, path)
    _check_identity(progression.identity, identity, path)
    weights = _select(tensors, "network/")
    if network is not None:
        _check_architecture(weights, network, path)
    best = {**weights, **_select(tensors, "best/")} if has_best else {}
    return Checkpoint(progression, weights, best, _select(tensors, "optimiser/"))


def _check_digest(data: bytes, path: Path) -> bytes:
    """Give what follows the digest, if the digest is its own."""
    stated, content = data[:_DIGITS], data[_DIGITS + 1 :]
    if len(stated) < _DIGITS or not all(digit in _HEXADECIMAL for digit in stated):
        raise OutputError(
            f"checkpoint {path} is none, or was damaged ({len(data)} bytes that start with "
            f"{data[:12]!r}); remove it to start this training anew"
        )
    if digest(content) != stated.decode():
        raise OutputError(
            f"checkpoint {path} was damaged (SHA-256 {digest(content)[:12]}…, it says "
            f"{stated.decode()[:12]}…); remove it to start this training anew"
        )
    return content


def _parse(content: bytes, path: Path) -> tuple[dict[str, Tensor], Progression, bool]:
    try:
        tensors = load_safetensors(content)
        record = json.loads(tensors["record"].numpy().tobytes())
        has_best = bool(record.pop("has_best"))
        return tensors, TypeAdapter(Progression).validate_python(record), has_best
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise OutputError(
            f"checkpoint {path} is not of this version of cxrlens; resume with the one that wrote "
            "it, or remove it to start this training anew"
        ) from error


def _check_identity(found: Mapping[str, str], wanted: Mapping[str, str], path: Path) -> None:
    for name, value in wanted.items():
        if found.get(name) != value:
            raise OutputError(
                f"checkpoint {path} is of another training: its {name} is "
                f"{found.get(name, 'unknown')[:12]}…, this one's {value[:12]}…; give the same "
                "data and options, or another --out"
            )


def _check_architecture(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path
) -> None:
    """Identities cover what was asked for; another version may build another network from it."""
    theirs, ours = (
        {key: tuple(one.shape) for key, one in part.items()} for part in (found, wanted)
    )
    odd = sorted(key for key in theirs | ours if theirs.get(key) != ours.get(key))
    if odd:
        raise OutputError(
            f"checkpoint {path} is of another architecture: its {odd[0]!r} has shape "
            f"{theirs.get(odd[0], 'none')}, this one's {ours.get(odd[0], 'none')}; resume with the "
            "version of cxrlens that wrote it, or remove it to start this training anew"
        )


def _select(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }


def _as_dict(progression: Progression) -> dict[str, object]:
    plain = to_plain(progression)
    return plain if isinstance(plain, dict) else {}
