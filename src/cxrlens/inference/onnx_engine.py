"""A trained network runs in ONNX Runtime on the processor.

SPDX-License-Identifier: Apache-2.0
"""

from importlib import import_module
from importlib.metadata import version

import numpy as np
import torch

from cxrlens.inference.compiled_cache import CompiledCache
from cxrlens.inference.engine import EngineOutput, ImageBatch, NetworkSource, TorchEngine
from cxrlens.inference.tracing import TRACED, EngineGraph, without_shape_checks
from cxrlens.network import MapClassifier

_INPUT, _OUTPUTS = "images", list(EngineOutput._fields)

_AT_ONCE = 16
"""Images that go through the network together."""


class OnnxEngine(TorchEngine):
    """Runs the network in ONNX Runtime, float32; what needs gradients runs in PyTorch.

    As many threads as PyTorch has (`torch.get_num_threads`) when it is made.

    Args:
        network: stays on the processor, in eval mode; of what gives it nothing is asked while the
            cache has what was translated.
        input_size: (height, width) of its input in pixels.
        cache: where the translated network is kept; None translates it anew.
    """

    name = "onnxruntime"

    def __init__(
        self,
        network: NetworkSource,
        input_size: tuple[int, int],
        cache: CompiledCache | None = None,
    ) -> None:
        super().__init__(network, "cpu")
        versions = [version(package) for package in ("cxrlens", "torch", "onnxscript")]
        facts = ("onnx", *versions, *_OUTPUTS, *map(str, input_size))
        graph = None if cache is None else cache.read(facts)
        if graph is None:
            graph = translate_network(self.network, input_size)
            if cache is not None:
                cache.write(facts, graph)
        # Imported when it is asked for: it would add 0.3 s to the start of every command.
        onnxruntime = import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors; it warns of what it tidies up
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def run(self, images: ImageBatch) -> EngineOutput:
        """Compute logits, maps and features of a batch.

        Args:
            images: N x H x W in [0, 1], N from 1.

        Returns:
            Logits N x K, maps N x K x rows x cols and features N x F.
        """
        parts = []
        for start in range(0, len(images), _AT_ONCE):
            batch = np.ascontiguousarray(images[start : start + _AT_ONCE, None])
            parts.append(self._session.run(_OUTPUTS, {_INPUT: batch}))
        return EngineOutput(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def translate_network(network: MapClassifier, input_size: tuple[int, int]) -> bytes:
    """Give a network as an ONNX graph, with any number of images at once.

    Args:
        network: in eval mode, on the CPU; left as it is.
        input_size: (height, width) in pixels.

    Returns:
        The serialised graph of N x 1 x height x width that gives what `EngineOutput` holds.
    """
    example = torch.zeros(TRACED, 1, *input_size)
    with without_shape_checks():
        program = torch.onnx.export(
            EngineGraph(network), (example,), dynamo=True, verbose=False,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            input_names=[_INPUT], output_names=_OUTPUTS,
        )  # fmt: skip
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    graph: bytes = program.model_proto.SerializeToString()
    return graph
