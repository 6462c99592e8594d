"""The compact network: stride 8, and each cell over its own part of the input.

SPDX-License-Identifier: Apache-2.0
"""

import pytest
import torch

from cxrlens.network.compact import CompactNetwork


def _build(width: int = 32, seed: int = 0) -> CompactNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CompactNetwork(1, width).eval()


@torch.no_grad()
def test_size_stride_and_sign() -> None:
    network = _build()
    features = network.forward_features(torch.rand(2, 1, 160, 96))
    assert features.shape == (2, network.num_features, 20, 12)
    assert features.min() >= 0
    count = sum(p.numel() for p in network.parameters())
    assert 1e5 < count < 4e5


@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_a_blob_over_a_cell_moves_that_cell_most(seed: int) -> None:
    network = _build(seed=seed)
    grey = torch.full((1, 1, 80, 96), 0.2)
    at_rest = network.forward_features(grey)
    # Cells whose reach is inside the image: padding treats the border differently.
    for row, col in ((4, 5), (5, 4), (5, 7)):
        blob = grey.clone()
        blob[0, 0, 8 * row + 2 : 8 * row + 6, 8 * col + 2 : 8 * col + 6] = 1.0
        moved = (network.forward_features(blob) - at_rest).square().sum(dim=1)[0].sqrt()
        assert divmod(int(moved.argmax()), moved.shape[1]) == (row, col)


@torch.no_grad()
def test_reach_is_symmetric_about_the_cell() -> None:
    """A cell sees as far to every side: not one pixel askew.

    Three 3 x 3 convolutions reach three cells of 8 pixels; two before them two cells of 4.
    """
    network = _build(width=4)
    for parameter in network.parameters():
        parameter.abs_()  # nothing cancels, no ReLU closes: whatever is connected shows
    side, cell = 8 * 17, 8
    image = torch.rand(1, 1, side, side) + 0.5
    image.requires_grad_()
    with torch.enable_grad():
        network.forward_features(image)[0, :, cell, cell].sum().backward()
    rows = (image.grad[0, 0] != 0).any(dim=1).nonzero().flatten()
    cols = (image.grad[0, 0] != 0).any(dim=0).nonzero().flatten()
    expected = list(range(8 * (cell - 4), 8 * (cell + 5)))
    assert rows.tolist() == cols.tolist() == expected


@pytest.mark.parametrize("width", [0, -3])
def test_a_width_that_is_none_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=str(width)):
        CompactNetwork(1, width)
