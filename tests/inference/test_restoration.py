"""Weights become the network that they belong to, and no other.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from cxrlens.inference import Bundle
from cxrlens.inference.restoration import restore_network
from cxrlens.vocabulary import BundleError

HERE = Path("some/bundle")


def test_the_network_comes_back_in_eval_mode(bundle: Bundle) -> None:
    state = bundle.network.state_dict()
    network = restore_network(bundle.record.network, 2, (64, 64), save(state), HERE)
    assert not network.training
    again = network.state_dict()
    assert state.keys() == again.keys()
    assert all(torch.equal(state[key], again[key]) for key in state)


@pytest.mark.parametrize("n_classes", [1, 3])
def test_another_number_of_classes_tells_both(n_classes: int, bundle: Bundle) -> None:
    weights = save(bundle.network.state_dict())
    with pytest.raises(BundleError, match=rf"{n_classes} classes.*\({n_classes}, 16\).*\(2, 16\)"):
        restore_network(bundle.record.network, n_classes, (64, 64), weights, HERE)


@pytest.mark.parametrize("data", [b"", b"\x80\x04.", b"<html>", b"\xff" * 64])
def test_what_is_no_safetensors_is_refused(data: bytes, bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="some/bundle has weights that are no safetensors"):
        restore_network(bundle.record.network, 2, (64, 64), data, HERE)
