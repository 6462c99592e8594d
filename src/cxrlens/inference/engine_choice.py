"""Which engine answers, and in which precision.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Literal

from cxrlens.inference.compiled_cache import CompiledCache
from cxrlens.inference.engine import NetworkSource, TorchEngine, choose_device
from cxrlens.inference.onnx_engine import OnnxEngine
from cxrlens.inference.openvino_engine import OpenVinoEngine
from cxrlens.inference.precision import Precision
from cxrlens.inference.quantised_network import QuantisedNetwork
from cxrlens.vocabulary import InputError

EngineName = Literal["auto", "openvino", "torch", "onnxruntime"]
"""`auto`: PyTorch on a GPU, OpenVINO on a processor."""


def open_engine(
    network: NetworkSource,
    input_size: tuple[int, int],
    engine: EngineName = "auto",
    precision: Precision = "float32",
    cache: CompiledCache | None = None,
    quantised: QuantisedNetwork | None = None,
) -> TorchEngine:
    """Make the engine that answers for a network.

    Args:
        network: in eval mode; or what gives it.
        input_size: (height, width) of its input in pixels.
        engine: which.
        precision: of its arithmetic.
        cache: where compiled forms are kept.
        quantised: the network in int8, where that is asked for.

    Returns:
        The engine.

    Raises:
        InputError: if there is no such engine on this machine, or not in that precision.
    """
    name = resolve_engine(engine, precision)
    if name == "openvino":
        return OpenVinoEngine(network, input_size, precision, cache, quantised)
    return TorchEngine(network) if name == "torch" else OnnxEngine(network, input_size, cache)


def resolve_engine(engine: EngineName, precision: Precision) -> str:
    """Say which engine `auto` is on this machine.

    Args:
        engine: which is asked for.
        precision: which is asked for.

    Returns:
        `openvino`, `torch` or `onnxruntime`.

    Raises:
        InputError: if the engine does not run in that precision.
    """
    name: str = engine
    if engine == "auto":
        # What torch does not do is asked of the one that does, on a GPU too.
        on_gpu = choose_device() == "cuda" and precision == "float32"
        name = "torch" if on_gpu else "openvino"
    if name != "openvino" and precision != "float32":
        raise InputError(
            f"engine {name} answers in float32 alone; for {precision} take engine openvino"
        )
    return name
