"""A network is traced, with sizes that stay free.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import config
from torch import Tensor, nn

from cxrlens.network import MapClassifier

TRACED = 3
"""Images that a network is traced with; of one the batch would be fixed at one."""


class EngineGraph(nn.Module):
    """What an engine gives, without what only training needs.

    Args:
        network: in eval mode; used as it is, not copied.
    """

    def __init__(self, network: MapClassifier) -> None:
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give logits, maps and pooled features of N x 1 x H x W images."""
        output = self.network(images)
        return output.logits, output.maps, output.features


@contextmanager
def without_shape_checks() -> Iterator[None]:
    """Switch jaxtyping's checks off for a block, where they are on.

    While a network is traced its sizes are symbols; whoever compares them makes them numbers.
    """
    was_off = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", was_off)
