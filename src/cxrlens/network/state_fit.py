"""Tensors by name are held against what a network needs.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping

import torch

from cxrlens.network.foreign_checkpoint import StateDict
from cxrlens.vocabulary import WeightsError

COUNTER = "num_batches_tracked"
"""Of BatchNorms: older files lack it, and it moves no answer."""


def select_fitting(
    state: StateDict, wanted: Mapping[str, torch.Tensor], source: object, network: str
) -> StateDict:
    """Select what a network needs.

    Args:
        state: under the network's names.
        wanted: the network's own state dict.
        source: the file, for the message.
        network: what it is called in the message, such as `backbone`.

    Raises:
        WeightsError: if a tensor is missing, has another shape, or is not finite.
    """
    needed = [key for key in wanted if not key.endswith(COUNTER)]
    missing = [key for key in needed if key not in state]
    if missing:
        first = next(iter(state), "none")
        raise WeightsError(
            f"weights file {source} lacks {len(missing)} of {len(needed)} tensors of the "
            f"{network} (first: {missing[0]!r}; the file's first is {first!r}); "
            "it belongs to another architecture"
        )
    for key in needed:
        if state[key].shape != wanted[key].shape:
            raise WeightsError(
                f"weights file {source}: {key!r} has shape {tuple(state[key].shape)}, the "
                f"{network} needs {tuple(wanted[key].shape)}; it belongs to another architecture"
            )
        refuse_bad_values(state[key], key, source)
    return {key: state[key] for key in wanted if key in state}


def refuse_bad_values(tensor: torch.Tensor, key: str, source: object) -> None:
    """Check that a tensor holds finite numbers.

    Raises:
        WeightsError: if it does not.
    """
    if not tensor.isfinite().all():
        raise WeightsError(
            f"weights file {source}: {key!r} holds values that are not finite; fetch it again"
        )
