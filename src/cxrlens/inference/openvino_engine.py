"""A trained network runs in OpenVINO on the processor.

SPDX-License-Identifier: Apache-2.0
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version

import torch
from torch import nn

from cxrlens.inference.compiled_cache import CompiledCache
from cxrlens.inference.engine import EngineOutput, ImageBatch, NetworkSource, TorchEngine
from cxrlens.inference.fixed_batches import FixedBatches, count_streams
from cxrlens.inference.precision import Precision
from cxrlens.inference.quantised_network import QuantisedNetwork
from cxrlens.inference.silent_openvino import FrontEndManager, TorchFXPythonDecoder, openvino
from cxrlens.inference.tracing import TRACED, EngineGraph, without_shape_checks
from cxrlens.network import MapClassifier
from cxrlens.vocabulary import InputError

_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""What OpenVINO calls them; of int8, what is left between its whole numbers."""


class OpenVinoEngine(TorchEngine):
    """Runs the network in OpenVINO; what needs gradients runs in PyTorch, in float32.

    Compiled when it is first asked (`FixedBatches`), for as many threads as PyTorch has when it is
    made (`torch.get_num_threads`).

    Args:
        network: stays on the processor, in eval mode; of what gives it nothing is asked while the
            cache has what was compiled.
        input_size: (height, width) of its input in pixels.
        precision: of the arithmetic. Answers in bfloat16 differ from the reference: by how much
            `benchmarks/engine_speed.py` prints.
        cache: where the compiled network is kept; None compiles it anew.
        quantised: what runs in int8, made from `network`.

    Raises:
        InputError: if the processor has no bfloat16, so that it would be emulated.
        ValueError: if the precision is int8 and there is nothing quantised, or the other way round.
    """

    name = "openvino"

    def __init__(
        self,
        network: NetworkSource,
        input_size: tuple[int, int],
        precision: Precision = "float32",
        cache: CompiledCache | None = None,
        quantised: QuantisedNetwork | None = None,
    ) -> None:
        super().__init__(network, "cpu")
        if (precision == "int8") != (quantised is not None):
            raise ValueError(f"precision {precision} and quantised={quantised is not None}")
        if precision == "bfloat16" and not has_bfloat16():
            raise InputError(
                "precision bfloat16 is asked for, which this processor does not have; take float32"
            )
        self.precision = precision
        self._quantised = quantised
        self._input_size, self._cache = input_size, cache
        self._settings = set_up_compilation(precision)
        self._core = openvino.Core()
        self._batches = FixedBatches(self._compile, count_streams())

    def run(self, images: ImageBatch) -> EngineOutput:
        """Compute logits, maps and features of a batch.

        Args:
            images: N x H x W in [0, 1], N from 1.

        Returns:
            Logits N x K, maps N x K x rows x cols and features N x F.
        """
        return EngineOutput(*self._batches.run(images[:, None]))

    def _compile(self, size: int, streams: int) -> openvino.CompiledModel:
        settings = {**self._settings, "NUM_STREAMS": streams}
        processor = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        threads = self._settings["INFERENCE_NUM_THREADS"]
        sizes = map(str, (threads, streams, size, *self._input_size))
        facts = (version("cxrlens"), openvino.__version__, processor, *capabilities,
                 *EngineOutput._fields, *self._name_precision(), *sizes)  # fmt: skip
        cache = self._cache
        compiled = None
        if cache is not None:
            compiled = _read_compiled(self._core, cache.read(facts), settings)
        if compiled is None:
            model = self._translated
            model.reshape([size, 1, *self._input_size])
            compiled = self._core.compile_model(model, "CPU", settings)
            if cache is not None:
                cache.write(facts, compiled.export_model().getvalue())
        return compiled

    def _name_precision(self) -> list[str]:
        digests = {} if self._quantised is None else self._quantised.digests
        return [self.precision, *digests.values()]

    @cached_property
    def _translated(self) -> openvino.Model:
        if self._quantised is not None:
            return self._quantised.open()
        return convert_network(self.network, self._input_size)


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
    """Give OpenVINO's settings: as many threads in all as PyTorch has at this moment."""
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }


def convert_network(network: MapClassifier, input_size: tuple[int, int]) -> openvino.Model:
    """Translate a network, with any number of images at once.

    Args:
        network: in eval mode, on the CPU; left as it is.
        input_size: (height, width) in pixels.

    Returns:
        A model of N x 1 x height x width that gives what `EngineOutput` holds, in its order.
    """
    return convert_module(EngineGraph(network), input_size)


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
    example = torch.zeros(TRACED, 1, *input_size)
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


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back OpenVINO's log of the operations that this PyTorch does not have."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
