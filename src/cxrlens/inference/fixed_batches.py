"""OpenVINO runs batches of a fixed size side by side, up to a third faster than those of any.

SPDX-License-Identifier: Apache-2.0
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32

from cxrlens.inference.silent_openvino import openvino

MANY = 16
"""Images that are computed at the same time where there are many."""

MOST_STREAMS = 4
"""Batches that run side by side, however many threads there are: smaller ones cost more each."""

Images = Float32[np.ndarray, "n 1 h w"]
"""As a network takes them."""


Idle = SimpleQueue[openvino.InferRequest]
"""Requests of one compiled network that nobody uses."""

Compile = Callable[[int, int], openvino.CompiledModel]
"""Compiles a network for a number of images and a number of streams."""


class FixedBatches:
    """Any number of images through networks compiled for several images and for one.

    `MANY` images are computed at the same time, divided into batches that run side by side: up to
    four threads each have one of their own (a stream). Threads that share a batch wait for each
    other after every layer, the more so while others decode beside them. It may be asked by several
    threads at once.

    Args:
        compile: compiles the network for a number of images, with a number of streams; called when
            that is first needed.
        streams: batches that may run side by side.
    """

    def __init__(self, compile: Compile, streams: int) -> None:  # noqa: A002
        self._compile, self._streams = compile, streams
        self._size = -(-MANY // streams)
        self._idle: dict[int, Idle] = {}
        self._opening = Lock()

    def run(self, images: Images) -> list[np.ndarray]:
        """Run the network.

        Args:
            images: N x 1 x H x W, N from 1, laid out in any way.

        Returns:
            Its outputs, each with N rows.
        """
        parts: list[list[np.ndarray]] = []
        running: deque[_Running] = deque()
        try:
            for start, n in divide(len(images), self._size):
                size = 1 if n == 1 else self._size
                # A copy where the array is not laid out row by row (mapped, or backwards).
                batch = np.ascontiguousarray(images[start : start + n])
                if n < size:
                    rest = np.zeros((size - n, *batch.shape[1:]), np.float32)
                    batch = np.concatenate([batch, rest])
                idle = self._open(size)
                while (request := _take(idle, is_waiting=not running)) is None:
                    parts.append(running.popleft().finish())
                running.append(_Running(request, idle, n))
                request.start_async([batch])
            while running:
                parts.append(running.popleft().finish())
        finally:  # after a failure, which is told: what still runs is not wanted, its place is
            for one in running:
                with suppress(RuntimeError):
                    one.finish()
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def _open(self, size: int) -> Idle:
        with self._opening:
            if size not in self._idle:
                streams = 1 if size == 1 else self._streams
                compiled = self._compile(size, streams)
                self._idle[size] = SimpleQueue()
                for _ in range(streams):
                    self._idle[size].put(compiled.create_infer_request())
            return self._idle[size]


def _take(idle: Idle, *, is_waiting: bool) -> openvino.InferRequest | None:
    """Take a request that nobody uses; None where there is none and it is not waited for.

    Who holds one must not wait for another: two threads that held one each would wait for ever.
    """
    try:
        return idle.get(block=is_waiting)
    except Empty:
        return None


class _Running(NamedTuple):
    """A batch that is being computed."""

    request: openvino.InferRequest
    idle: Idle
    n: int

    def finish(self) -> list[np.ndarray]:
        """Wait for it, copy its outputs, and let others have the request."""
        try:
            self.request.wait()
            return [np.array(output[: self.n]) for output in self.request.results.values()]
        finally:
            self.idle.put(self.request)


def count_streams(threads: int | None = None) -> int:
    """Choose how many batches run side by side.

    A stream has a whole number of threads: what does not divide would stand idle.

    Args:
        threads: of all streams together; None takes as many as PyTorch has at this moment.

    Example:
        >>> [count_streams(threads) for threads in (1, 2, 4, 5, 6, 7, 8, 64)]
        [1, 2, 4, 1, 3, 1, 4, 4]
    """
    n = torch.get_num_threads() if threads is None else threads
    return max(range(1, MOST_STREAMS + 1), key=lambda streams: (streams * (n // streams), streams))


def divide(n: int, size: int) -> Iterator[tuple[int, int]]:
    """Give start and length of each batch of `n` images.

    What is left over goes through filled up to `size` where it is half of it or more, and else one
    by one, which costs less.

    Example:
        >>> list(divide(26, 16)), list(divide(18, 16))
        ([(0, 16), (16, 10)], [(0, 16), (16, 1), (17, 1)])
    """
    start = 0
    while start < n:
        left = n - start
        length = min(left, size) if 2 * left >= size else 1
        yield start, length
        start += length
