"""OpenVINO runs batches of a fixed size, up to a third faster than those of any.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Iterator
from threading import Lock

import numpy as np
from jaxtyping import Float32

from cxrlens.inference.silent_openvino import openvino

MANY = 16
"""Images that go through the network together where there are many."""

_PADDED_FROM = 8
"""So many left over are filled up to `MANY`; fewer go through one by one, which costs less."""

Images = Float32[np.ndarray, "n 1 h w"]
"""As a network takes them."""


class FixedBatches:
    """Any number of images through networks compiled for `MANY` images and for one.

    Args:
        compile: compiles the network for a number of images; called when that is first needed.
    """

    def __init__(self, compile: Callable[[int], openvino.CompiledModel]) -> None:  # noqa: A002
        self._compile = compile
        self._requests: dict[int, openvino.InferRequest] = {}
        # A request keeps its outputs until it is asked again: threads have to take turns.
        self._turn = Lock()

    def run(self, images: Images) -> list[np.ndarray]:
        """Run the network.

        Args:
            images: N x 1 x H x W, N from 1, laid out in any way.

        Returns:
            Its outputs, each with N rows.
        """
        parts = []
        for start, n in divide(len(images)):
            size = 1 if n == 1 else MANY
            # A copy where the array is not laid out row by row (mapped, or running backwards).
            batch = np.ascontiguousarray(images[start : start + n])
            if n < size:
                batch = np.concatenate([batch, np.zeros((size - n, *batch.shape[1:]), np.float32)])
            with self._turn:
                outputs = self._open(size).infer([batch])
                parts.append([np.array(output[:n]) for output in outputs.values()])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def _open(self, size: int) -> openvino.InferRequest:
        if size not in self._requests:
            self._requests[size] = self._compile(size).create_infer_request()
        return self._requests[size]


def divide(n: int) -> Iterator[tuple[int, int]]:
    """Give start and length of each batch of `n` images.

    A length other than 1 goes through with `MANY`, filled up where it is less.

    Example:
        >>> list(divide(26)), list(divide(18))
        ([(0, 16), (16, 10)], [(0, 16), (16, 1), (17, 1)])
    """
    start = 0
    while start < n:
        left = n - start
        length = min(left, MANY) if left >= _PADDED_FROM else 1
        yield start, length
        start += length
