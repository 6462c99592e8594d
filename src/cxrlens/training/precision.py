"""Whether bfloat16 is faster than float32 here.

SPDX-License-Identifier: Apache-2.0
"""

import time

import torch

from cxrlens.training.recipe import Optimisation

_ENOUGH = 1.3
"""bfloat16 must be this many times faster to be worth its rounding."""

_RUNS = 25
"""Timings of each kind; the fastest counts, so that other work on the machine does not."""


def choose_precision(optimisation: Optimisation, device: str) -> str:
    """Resolve `auto`.

    A processor's flags do not tell it: bfloat16 is several times faster with AMX and several
    times slower where it is emulated, or where an environment variable limits the instruction
    set. So a convolution is timed both ways (about a tenth of a second).

    Args:
        optimisation: holds what the recipe asks for.
        device: `cpu` or `cuda`.

    Returns:
        `float32` or `bfloat16`.
    """
    if optimisation.precision != "auto":
        return optimisation.precision
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if measure_bfloat16_speedup() > _ENOUGH else "float32"


def measure_bfloat16_speedup() -> float:
    """Time a convolution in float32 and in bfloat16 on one core of the processor.

    Returns:
        Time of float32 over time of bfloat16, from the fastest of several interleaved runs.
    """
    # The layer's weights are drawn, and a measurement must not move the training's own chance.
    with torch.random.fork_rng(devices=[]):
        layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
    images = torch.zeros(2, 64, 40, 40).contiguous(memory_format=torch.channels_last)
    fastest = {False: float("inf"), True: float("inf")}
    threads = torch.get_num_threads()
    # Two threads would wait for each other on a busy machine, and blur the comparison.
    torch.set_num_threads(1)
    try:
        for _ in range(_RUNS):
            for is_bfloat16 in (False, True):
                seconds = _time_layer(layer, images, is_bfloat16)
                fastest[is_bfloat16] = min(fastest[is_bfloat16], seconds)
    finally:
        torch.set_num_threads(threads)
    return fastest[False] / fastest[True]


def _time_layer(layer: torch.nn.Module, images: torch.Tensor, is_bfloat16: bool) -> float:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, is_bfloat16):
        start = time.perf_counter()
        layer(images)
        return time.perf_counter() - start
