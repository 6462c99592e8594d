"""A trained network runs in OpenVINO on the processor.

SPDX-License-Identifier: Apache-2.0
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from threading import Lock

import numpy as np
import torch
from torch import Tensor, nn

from cxrlens.inference.compiled_cache import CompiledCache
from cxrlens.inference.engine import EngineOutput, ImageBatch, TorchEngine
from cxrlens.inference.precision import Precision
from cxrlens.inference.silent_openvino import FrontEndManager, TorchFXPythonDecoder, openvino
from cxrlens.inference.tracing import without_shape_checks
from cxrlens.network import MapClassifier
from cxrlens.vocabulary import InputError

_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16"}

_TRACED = 3
"""Images that the network is traced with; the batch stays free."""

_AT_ONCE = 8
"""Images that go through the network together: more do not fit the processor's caches."""


class OpenVinoEngine(TorchEngine):
    """Runs logits and maps in OpenVINO; what needs gradients runs in PyTorch, in float32.

    As many threads as PyTorch has (`torch.get_num_threads`) when it is made.

    Args:
        network: stays on the processor, in eval mode.
        input_size: (height, width) of its input in pixels.
        precision: of the arithmetic. Answers in bfloat16 differ from the reference: by how much
            `benchmarks/engine_speed.py` prints.
        cache: where the compiled network is kept; None compiles it anew.

    Raises:
        InputError: if the processor has no bfloat16, so that it would be emulated.
    """

    name = "openvino"

    def __init__(
        self,
        network: MapClassifier,
        input_size: tuple[int, int],
        precision: Precision = "float32",
        cache: CompiledCache | None = None,
    ) -> None:
        super().__init__(network, "cpu")
        core = openvino.Core()
        if precision == "bfloat16" and not has_bfloat16():
            raise InputError(
                "precision bfloat16 is asked for, which this processor does not have; take float32"
            )
        self.precision = precision
        settings = set_up_compilation(precision)
        threads = settings["INFERENCE_NUM_THREADS"]
        processor = core.get_property("CPU", "FULL_DEVICE_NAME")
        facts = (version("cxrlens"), openvino.__version__, processor, precision, str(threads),
                 *map(str, input_size))  # fmt: skip
        compiled = None if cache is None else _read_compiled(core, cache.read(facts), settings)
        if compiled is None:
            model = convert_network(self.network, input_size)
            compiled = core.compile_model(model, "CPU", settings)
            if cache is not None:
                cache.write(facts, compiled.export_model().getvalue())
        self._request = compiled.create_infer_request()
        # A request keeps its outputs until it is asked again: threads have to take turns.
        self._turn = Lock()

    def run(self, images: ImageBatch) -> EngineOutput:
        """Compute logits and maps of a batch.

        Args:
            images: N x H x W in [0, 1], N from 1.

        Returns:
            Logits N x K and maps N x K x rows x cols.
        """
        parts = []
        for start in range(0, len(images), _AT_ONCE):
            # A copy where the array is not laid out row by row (mapped, or running backwards).
            batch = np.ascontiguousarray(images[start : start + _AT_ONCE, None])
            with self._turn:
                outputs = self._request.infer([batch])
                parts.append((np.array(outputs[0]), np.array(outputs[1])))
        logits, maps = zip(*parts, strict=True)
        return EngineOutput(np.concatenate(logits), np.concatenate(maps))


def _read_compiled(
    core: openvino.Core, blob: bytes | None, settings: dict[str, object]
) -> openvino.CompiledModel | None:
    """Take up what was compiled; None where there is nothing, or OpenVINO refuses it."""
    if blob is None:
        return None
    try:
        return core.import_model(blob, "CPU", settings)
    except RuntimeError:  # of another build, perhaps: it is compiled again
        return None


def set_up_compilation(precision: Precision) -> dict[str, object]:
    """Give OpenVINO's settings: one stream, with as many threads as PyTorch has at this moment."""
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
    }


def convert_network(network: MapClassifier, input_size: tuple[int, int]) -> openvino.Model:
    """Translate a network, with any number of images at once.

    Args:
        network: in eval mode, on the CPU; left as it is.
        input_size: (height, width) in pixels.

    Returns:
        A model of N x 1 x height x width that gives logits and maps.
    """
    return convert_module(_LogitsAndMaps(network), input_size)


def convert_module(module: nn.Module, input_size: tuple[int, int]) -> openvino.Model:
    """Translate what takes grey images, with any number of them at once.

    OpenVINO's `convert_model` would do the same, and would bring its telemetry: nothing here
    calls out.

    Args:
        module: takes N x 1 x height x width; in eval mode, on the CPU; left as it is.
        input_size: (height, width) in pixels.

    Returns:
        A model that gives what the module gives.
    """
    example = torch.zeros(_TRACED, 1, *input_size)
    with without_shape_checks(), _quietly(), torch.no_grad():
        program = torch.export.export(
            module, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
        )
        decoder = TorchFXPythonDecoder.from_exported_program(program)
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    model.reshape([-1, 1, *input_size])
    return model


def has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 itself."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class _LogitsAndMaps(nn.Module):
    """What an engine gives, without what only training needs."""

    def __init__(self, network: MapClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        output = self.network(images)
        return output.logits, output.maps


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back OpenVINO's log of the operations that this PyTorch does not have."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
