"""The bytes of a foreign weight file become tensors by name; code in them is never run.

SPDX-License-Identifier: Apache-2.0
"""

import io
import pickle
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from cxrlens.network.pickled_names import list_pickled_names
from cxrlens.vocabulary import WeightsError, digest

StateDict = dict[str, torch.Tensor]
"""Tensors by name."""

_STATE_KEYS = (
    "state_dict", "model_state_dict", "model", "model.state_dict", "model_state", "net", "network",
    "weights",
)  # fmt: skip
"""Where checkpoint dictionaries keep their state dict, in the order in which they are asked."""

_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What DataParallel, torch.compile and classes around a network put before every name."""

_DAMAGES = (
    AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError,
    ValueError, struct.error,
)  # fmt: skip
"""What torch raises on damaged files (found by flipping and cutting 12,000 of them)."""

_MAX_NAMED = 12
"""Classes of objects that a message lists."""


@dataclass(frozen=True, eq=False)
class ForeignCheckpoint:
    """What a file of weights holds: tensors, and what stands beside them."""

    path: Path
    """Where it was read from, for messages."""

    digest: str
    """SHA-256 of the file."""

    state: StateDict
    """The tensors, in the file's order; what wrappers put before every name is taken off."""

    beside: Mapping[str, Any]
    """The other entries of a checkpoint dictionary, such as `epoch` or `class_to_idx`: tensors and
    plain values."""


def read_checkpoint(data: bytes, path: Path) -> ForeignCheckpoint:
    """Read tensors by name and what stands beside them, never running code from the file.

    Args:
        data: the file's bytes: safetensors, or a torch file of a state dict or of a checkpoint
            dictionary that holds one, such as under `state_dict`, `model_state_dict` or `model`.
        path: where they come from, for the message.

    Raises:
        WeightsError: if the bytes are neither, are damaged, or hold anything but tensors and plain
            values (Python objects are named and refused, not loaded).
    """
    if not data:
        raise WeightsError(f"weights file {path} is empty (0 bytes); fetch it again")
    content = _load_torch(data, path) if _is_torch_file(data) else _load_safetensors(data, path)
    beside: dict[str, Any] = {}
    for key in _STATE_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            beside |= {str(other): value for other, value in content.items() if other != key}
            content = content[key]
    return ForeignCheckpoint(path, digest(data), _unwrap(_check_state(content, path)), beside)


def read_state_dict(data: bytes, path: Path) -> StateDict:
    """Read tensors by name: the state of `read_checkpoint`, which raises what this raises."""
    return read_checkpoint(data, path).state


def _check_state(content: object, path: Path) -> StateDict:
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(
            f"weights file {path} holds a {type(content).__name__}, not tensors by name"
        )
    odd = [key for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise WeightsError(
            f"weights file {path} holds something else than a tensor under {odd[0]!r}; a "
            f"checkpoint dictionary keeps its tensors under one of {', '.join(_STATE_KEYS)}"
        )
    for key, value in content.items():
        if not _is_plain(value):
            raise WeightsError(
                f"weights file {path}: {key!r} is no dense tensor of real numbers (it is "
                f"{value.dtype}, {value.layout}, on {value.device}); save such tensors as float32"
            )
    return {str(key): value for key, value in content.items()}


def _is_plain(tensor: torch.Tensor) -> bool:
    """Tell numbers that can be copied from sparse, quantised, complex and empty ones."""
    is_dense = tensor.layout == torch.strided and tensor.device.type == "cpu"
    return is_dense and not tensor.is_quantized and not tensor.is_complex()


def _unwrap(state: StateDict) -> StateDict:
    for prefix in _WRAPPERS * 2:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _is_torch_file(data: bytes) -> bool:
    """Tell torch's two formats (zip, bare pickle) from safetensors and from anything else."""
    # A safetensors header of 640, 896, … bytes begins like a pickle: its own brace tells it.
    is_safetensors = data[8:9] == b"{"
    magics = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
    return data.startswith(magics) and not is_safetensors


def _load_safetensors(data: bytes, path: Path) -> object:
    try:
        return load_safetensors(data)
    except (SafetensorError, ValueError, OverflowError) as error:
        start = data[:12]
        raise WeightsError(
            f"weights file {path} is no safetensors or torch file, or is damaged "
            f"({len(data)} bytes that start with {start!r}); fetch it again"
        ) from error


def _load_torch(data: bytes, path: Path) -> object:
    try:
        with warnings.catch_warnings():
            # Either it can be read all the same, or our own sentence says why not.
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(_phrase_objects(data, path)) from error
    except _DAMAGES as error:
        if "TorchScript" in str(error):
            raise WeightsError(
                f"weights file {path} is a TorchScript archive, which holds code; save the state "
                "dict of the model that it was made from: torch.save(model.state_dict(), "
                "'plain.pth')"
            ) from error
        raise WeightsError(
            f"weights file {path} is damaged or cut off ({first_line(error)}); fetch it again"
        ) from error


def _phrase_objects(data: bytes, path: Path) -> str:
    """Name the classes in a refused file, and the line of Python that leaves them out."""
    names = list_pickled_names(data)
    told = ", ".join(names[:_MAX_NAMED])
    if len(names) > _MAX_NAMED:
        told += f" and {len(names) - _MAX_NAMED} more"
    return (
        f"weights file {path} holds Python objects beside tensors ({told or 'not named'}) and was "
        "refused, since loading them could run code; in the notebook that has the model, save it "
        "plainly and try again: "
        'import torch; torch.save({"state_dict": model.state_dict(), '
        '"class_to_idx": {"NORMAL": 0, "PNEUMONIA": 1}}, "plain.pth")'
    )


def first_line(error: Exception) -> str:
    """Shorten what a library says to its first line."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
