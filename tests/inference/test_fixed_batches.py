"""Batches side by side: nothing is lost, whatever fails.

SPDX-License-Identifier: Apache-2.0
"""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.inference import openvino
from cxrlens.inference.fixed_batches import MOST_STREAMS, FixedBatches, count_streams, divide


class Failing(openvino.InferRequest):
    """Fails once it is waited for; a real one cannot be made to."""

    def __init__(self, real: openvino.InferRequest) -> None:
        super().__init__(real)
        self.is_running = False

    def start_async(self, *_: Any) -> None:  # noqa: ANN401
        assert not self.is_running
        self.is_running = True

    def wait(self) -> None:
        self.is_running = False
        raise RuntimeError("out of order")


def compile_doubling(size: int, streams: int) -> openvino.CompiledModel:
    ops = import_module("openvino.opset13")
    images = ops.parameter([size, 1, 1, 1], np.float32)
    model = openvino.Model([ops.multiply(images, np.float32(2))], [images])
    return openvino.Core().compile_model(model, "CPU", {"NUM_STREAMS": streams})


class Broken(openvino.CompiledModel):
    """Every request of it fails."""

    def __init__(self) -> None:
        super().__init__(compile_doubling(4, 4))

    def create_infer_request(self) -> openvino.InferRequest:
        return Failing(super().create_infer_request())


DOUBLING = {n: FixedBatches(compile_doubling, n) for n in range(1, MOST_STREAMS + 1)}


@given(n=st.integers(1, 90), streams=st.sampled_from([*DOUBLING]))
def test_every_image_once_and_in_order(n: int, streams: int) -> None:
    images = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1)
    (found,) = DOUBLING[streams].run(images)
    np.testing.assert_array_equal(found, 2 * images)


@given(n=st.integers(1, 90), size=st.integers(1, 16))
def test_the_parts_are_the_whole(n: int, size: int) -> None:
    parts = list(divide(n, size))
    assert [start for start, _ in parts] == np.cumsum([0, *(m for _, m in parts)])[:-1].tolist()
    assert sum(m for _, m in parts) == n
    assert all(m == 1 or size / 2 <= m <= size for _, m in parts)


def test_several_failures_at_once_lose_no_request() -> None:
    batches = FixedBatches(lambda *_: Broken(), 4)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="out of order"):
            batches.run(np.zeros((64, 1, 1, 1), dtype=np.float32))
        assert [idle.qsize() for idle in batches._idle.values()] == [4]


@given(st.integers(1, 256))
def test_few_threads_stand_idle(threads: int) -> None:
    streams = count_streams(threads)
    used = streams * (threads // streams)
    assert 1 <= streams <= MOST_STREAMS
    assert used == max(n * (threads // n) for n in range(1, MOST_STREAMS + 1)) == threads
