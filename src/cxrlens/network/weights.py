"""Pretrained weights, by name or from a file, become the backbone's.

SPDX-License-Identifier: Apache-2.0
"""

import io
import pickle
import struct
import warnings
from pathlib import Path
from typing import cast
from urllib.request import Request, urlopen

import timm
import torch
from huggingface_hub import hf_hub_url, try_to_load_from_cache
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import nn

from cxrlens.network.backbone import Backbone, create_timm_network
from cxrlens.network.specification import COMPACT, RESIDUAL, NetworkSpec
from cxrlens.vocabulary import WeightsError, digest

StateDict = dict[str, torch.Tensor]
"""Tensors by name."""

NO_WEIGHTS = "none"
"""Asks for a start from random weights."""

NAMED_WEIGHTS = ("imagenet",)
"""What timm's own hub code can fetch by name."""

_DAMAGES = (
    AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError,
    ValueError, struct.error,
)  # fmt: skip
"""What torch raises on damaged files (found by flipping and cutting 12,000 of them)."""

_LEAVES = ("weight", "bias", "running_mean", "running_var")
"""Tensors of a layer in the order in which it keeps them."""

_HUB_FILE = "model.safetensors"
_HUB_TIMEOUT_SECONDS = 10.0


def load_backbone_weights(backbone: Backbone, spec: NetworkSpec, weights: str) -> str:
    """Give a backbone the weights that a recipe asks for.

    Args:
        backbone: changed in place.
        spec: what it was built from.
        weights: `none`, `imagenet`, or the path of a `.safetensors` file or a torch file of
            tensors. Names are timm's, or torchvision's for MobileNetV2. A classifier in the file
            is left out.

    Returns:
        What was loaded, for the record: the name, or the file's name and SHA-256.

    Raises:
        WeightsError: if the file cannot be read or does not fit, or the name cannot be fetched.
    """
    if weights == NO_WEIGHTS:
        return NO_WEIGHTS
    if weights in NAMED_WEIGHTS:
        return _fetch_weights(backbone, spec)
    data = _read_bytes(Path(weights))
    state = _match_names(read_state_dict(data, Path(weights)), backbone, weights)
    backbone.network.load_state_dict(state, strict=False)
    return f"{Path(weights).name} sha256:{digest(data)}"


def read_state_dict(data: bytes, path: Path) -> StateDict:
    """Read tensors by name, never running code from the file.

    Args:
        data: the file's bytes: safetensors, or a torch file of a state dict or of a checkpoint
            dictionary that holds one under `state_dict`, `model_state_dict` or `model`.
        path: where they come from, for the message.

    Raises:
        WeightsError: if the bytes are neither, are damaged, or hold anything but plain tensors
            (a pickle with code in it is refused, not run).
    """
    if not data:
        raise WeightsError(f"weights file {path} is empty (0 bytes); fetch it again")
    content = _load_torch(data, path) if _is_torch_file(data) else _load_safetensors(data, path)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise WeightsError(
            f"weights file {path} holds a {type(content).__name__}, not tensors by name"
        )
    odd = [key for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise WeightsError(
            f"weights file {path} holds something else than a tensor under {odd[0]!r}"
        )
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"weights must be {NO_WEIGHTS!r}, {NAMED_WEIGHTS[0]!r} or a file that can be read; "
            f"got {str(path)!r} ({error.strerror})"
        ) from error


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
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"weights file {path} holds Python objects beside tensors and was refused, since "
            "loading them could run code; save model.state_dict() alone and try again"
        ) from error
    except _DAMAGES as error:
        raise WeightsError(
            f"weights file {path} is damaged or cut off ({_first_line(error)}); fetch it again"
        ) from error


def _match_names(state: StateDict, backbone: Backbone, weights: str) -> StateDict:
    """Select what the backbone needs, under its own names.

    Raises:
        WeightsError: if a tensor is missing or has another shape.
    """
    wanted = backbone.network.state_dict()
    if "features.18.1.weight" in state and "conv_stem.weight" in wanted:
        state = _rename_mobilenet(state, list(wanted))
    needed = [key for key in wanted if not key.endswith("num_batches_tracked")]
    missing = [key for key in needed if key not in state]
    if missing:
        raise WeightsError(
            f"weights file {weights} lacks {len(missing)} of {len(needed)} tensors of the backbone "
            f"(first: {missing[0]!r}; the file's first is {next(iter(state))!r}); "
            "it belongs to another architecture"
        )
    for key in needed:
        if state[key].shape != wanted[key].shape:
            raise WeightsError(
                f"weights file {weights}: {key!r} has shape {tuple(state[key].shape)}, the "
                f"backbone needs {tuple(wanted[key].shape)}; it belongs to another architecture"
            )
        if not state[key].isfinite().all():
            raise WeightsError(
                f"weights file {weights}: {key!r} holds values that are not finite; fetch it again"
            )
    return {key: state[key] for key in wanted if key in state}


def _rename_mobilenet(state: StateDict, wanted: list[str]) -> StateDict:
    """Rename torchvision's MobileNetV2: the same tensors as timm's in the same order.

    The order is that of the layers' numbers, not of the file: safetensors sorts by name.
    """

    def place(key: str) -> tuple[list[int], int]:
        *path, leaf = key.split(".")
        return [int(part) for part in path if part.isdecimal()], _LEAVES.index(leaf)

    theirs = [key for key in state if key.startswith("features.") and key.endswith(_LEAVES)]
    ours = [key for key in wanted if key.endswith(_LEAVES)]
    ordered = sorted(theirs, key=place)
    return {new: state[old] for new, old in zip(ours, ordered, strict=False)}


def _fetch_weights(backbone: Backbone, spec: NetworkSpec) -> str:
    """Fetch timm's default weights of this architecture to the user's hub cache."""
    if spec.backbone in (COMPACT, RESIDUAL):
        raise WeightsError(
            f"there are no pretrained weights for {spec.backbone!r}; use weights=none"
        )
    config = timm.models.get_pretrained_cfg(spec.backbone)
    repository = config.hf_hub_id if config is not None else None
    hint = (
        f"fetch {_HUB_FILE} of {repository} from the Hugging Face hub on a machine with network "
        "and pass its path as weights=PATH, or train from scratch with weights=none"
    )
    if not repository:
        raise WeightsError(
            f"timm has no pretrained weights for {spec.backbone!r}; use weights=none"
        )
    try:
        if not isinstance(try_to_load_from_cache(repository, _HUB_FILE), str):
            # timm retries for most of a minute; ask once, and tell at once.
            url = hf_hub_url(repository, _HUB_FILE)
            with urlopen(Request(url, method="HEAD"), timeout=_HUB_TIMEOUT_SECONDS):  # noqa: S310 (https)
                pass
        fetched = create_timm_network(spec, pretrained=True, **backbone.size_options)
        state = cast(nn.Module, fetched).state_dict()
        backbone.network.load_state_dict(state, strict=False)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"weights=imagenet for {spec.backbone!r} could not be fetched "
            f"({_first_line(error)}); {hint}"
        ) from error
    return f"imagenet ({repository})"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
