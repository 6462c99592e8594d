"""Pretrained weights, by name or from a file, become the backbone's.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import cast
from urllib.request import Request, urlopen

import timm
from huggingface_hub import hf_hub_url, try_to_load_from_cache
from torch import nn

from cxrlens.network.backbone import Backbone, create_timm_network
from cxrlens.network.foreign_checkpoint import StateDict, first_line, read_state_dict
from cxrlens.network.specification import COMPACT, RESIDUAL, NetworkSpec
from cxrlens.network.state_fit import select_fitting
from cxrlens.network.torchvision_names import has_torchvision_names, rename_tensors
from cxrlens.vocabulary import WeightsError, digest

NO_WEIGHTS = "none"
"""Asks for a start from random weights."""

NAMED_WEIGHTS = ("imagenet",)
"""What timm's own hub code can fetch by name."""

_HUB_FILE = "model.safetensors"
_HUB_TIMEOUT_SECONDS = 10.0


def load_backbone_weights(backbone: Backbone, spec: NetworkSpec, weights: str) -> str:
    """Give a backbone the weights that a recipe asks for.

    Args:
        backbone: changed in place.
        spec: what it was built from.
        weights: `none`, `imagenet`, or the path of a `.safetensors` file or a torch file of
            tensors. Names are timm's, or torchvision's for MobileNetV2, EfficientNet and ConvNeXt.
            A classifier in the file is left out.

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


def _read_bytes(path: Path) -> bytes:
    told = f"weights must be {NO_WEIGHTS!r}, {NAMED_WEIGHTS[0]!r} or a file that can be read"
    try:
        # A device or a pipe may never end.
        if path.exists() and not path.is_file():
            raise WeightsError(f"{told}; got {str(path)!r}, which is no file")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{told}; got {str(path)!r} ({error.strerror})") from error


def _match_names(state: StateDict, backbone: Backbone, weights: str) -> StateDict:
    """Select what the backbone needs, under its own names.

    Raises:
        WeightsError: if a tensor is missing or has another shape.
    """
    wanted = backbone.network.state_dict()
    if has_torchvision_names(state) and not has_torchvision_names(wanted):
        state = rename_tensors(state, wanted)
    return select_fitting(state, wanted, weights, "backbone")


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
            f"({first_line(error)}); {hint}"
        ) from error
    return f"imagenet ({repository})"
