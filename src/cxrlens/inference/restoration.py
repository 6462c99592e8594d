"""The bytes of a bundle's weights become the network that its record names.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from cxrlens.network import MapClassifier, NetworkSpec, build_classifier
from cxrlens.vocabulary import BundleError, RecipeError


def restore_network(
    spec: NetworkSpec, n_classes: int, input_size: tuple[int, int], weights: bytes, folder: Path
) -> MapClassifier:
    """Build a network and give it its weights, which must fit it exactly.

    Args:
        spec: as the bundle's record names it.
        n_classes: outputs.
        input_size: (height, width) in pixels.
        weights: of a safetensors file.
        folder: of the bundle, for the message.

    Returns:
        The network in eval mode on the CPU.

    Raises:
        BundleError: if the network cannot be built, the weights are no safetensors, do not fit
            it (the message names what it needs and what they hold), or are not finite.
    """
    # It may be asked for in the middle of an answer: it must be fit for gradients then too, and its
    # first, random weights must not be drawn from what the asker draws from.
    with torch.inference_mode(mode=False), torch.random.fork_rng(devices=[]):
        return _restore(spec, n_classes, input_size, weights, folder)


def _restore(
    spec: NetworkSpec, n_classes: int, input_size: tuple[int, int], weights: bytes, folder: Path
) -> MapClassifier:
    named = f"{folder} names the network {spec.backbone!r} for {n_classes} classes"
    try:
        network = build_classifier(spec, n_classes, input_size).eval()
    except RecipeError as error:
        raise BundleError(f"{named}, which cannot be built: {error}") from error
    try:
        state = load_safetensors(weights)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise BundleError(
            f"{folder} has weights that are no safetensors file, or a damaged one ({error}); "
            "copy the bundle again from where it was made"
        ) from error
    misfit = _find_misfit(network.state_dict(), state)
    if misfit:
        raise BundleError(f"{named}, {misfit}: they belong to another network")
    network.load_state_dict(state)
    # By numpy: torch would wake all its threads for each of some hundred small tensors.
    bad = [key for key, value in state.items() if not np.isfinite(value.numpy()).all()]
    if bad:
        raise BundleError(f"{folder} has weights that are not finite in {bad[0]!r}; train it again")
    return network


def _find_misfit(
    wanted: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]
) -> str | None:
    """Phrase the first difference between what a network needs and what the weights hold."""
    for key, value in wanted.items():
        need = f"which needs {key!r} of shape {tuple(value.shape)}; its weights hold"
        if key not in state:
            other = next((name for name in state if name not in wanted), None)
            return f"{need} no such tensor (but {other!r})"
        if state[key].shape != value.shape or state[key].dtype != value.dtype:
            return f"{need} shape {tuple(state[key].shape)} ({state[key].dtype})"
    extra = sorted(set(state) - set(wanted))
    return f"which has no {extra[0]!r}; its weights hold one" if extra else None
