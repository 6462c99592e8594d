"""Which engine answers, and in which precision.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Literal

from cxrlens.inference.compiled_cache import CompiledCache
from cxrlens.inference.engine import TorchEngine, choose_device
from cxrlens.inference.openvino_engine import OpenVinoEngine
from cxrlens.inference.precision import Precision
from cxrlens.network import MapClassifier
from cxrlens.vocabulary import InputError

EngineName = Literal["auto", "openvino", "torch"]
"""`auto`: PyTorch on a GPU, OpenVINO on a processor."""


def open_engine(
    network: MapClassifier,
    input_size: tuple[int, int],
    engine: EngineName = "auto",
    precision: Precision = "float32",
    cache: CompiledCache | None = None,
) -> TorchEngine:
    """Make the engine that answers for a network.

    Args:
        network: in eval mode.
        input_size: (height, width) of its input in pixels.
        engine: which.
        precision: of its arithmetic.
        cache: where compiled forms are kept.

    Returns:
        The engine.

    Raises:
        InputError: if there is no such engine on this machine, or not in that precision.
    """
    if resolve_engine(engine, precision) == "openvino":
        return OpenVinoEngine(network, input_size, precision, cache)
    return TorchEngine(network)


def resolve_engine(engine: EngineName, precision: Precision) -> str:
    """Say which engine `auto` is on this machine.

    Args:
        engine: which is asked for.
        precision: which is asked for.

    Returns:
        `openvino` or `torch`.

    Raises:
        InputError: if the engine does not run in that precision.
    """
    name = engine
    if engine == "auto":
        name = "torch" if choose_device() == "cuda" else "openvino"
    if name == "torch" and precision == "bfloat16":
        raise InputError(
            "engine torch answers in float32, the reference; for bfloat16 take engine openvino"
        )
    return name
