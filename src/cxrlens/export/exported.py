"""An exported model answers, in the runtime that it was made for.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
import torch

from cxrlens.export.graph import INPUT, OUTPUTS
from cxrlens.inference import openvino
from cxrlens.vocabulary import GreyImage, InputError, show_name

Runtime = Literal["onnxruntime", "openvino"]
"""What runs an exported file; OpenVINO reads ONNX as well as its own."""

Answer = Mapping[str, np.ndarray]
"""The outputs by name, for a batch of one image."""


def open_exported(path: Path, runtime: Runtime) -> Callable[[GreyImage], Answer]:
    """Open an exported model on the processor, in float32.

    Args:
        path: as `export_bundle` gives it.
        runtime: which.

    Returns:
        A function of one image (height x width in [0, 1]) that gives the outputs by name.

    Raises:
        InputError: if the file cannot be read, or the runtime refuses it.
    """
    run = _open_onnxruntime if runtime == "onnxruntime" else _open_openvino
    try:
        return run(path)
    except Exception as error:  # both raise types of their own, which derive from nothing else
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{runtime} cannot open '{show_name(str(path))}': {line}; export it again"
        ) from error


def _open_onnxruntime(path: Path) -> Callable[[GreyImage], Answer]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )

    def answer(grey: GreyImage) -> Answer:
        outputs = session.run(list(OUTPUTS), {INPUT: grey[None]})
        return dict(zip(OUTPUTS, map(np.asarray, outputs), strict=True))

    return answer


def _open_openvino(path: Path) -> Callable[[GreyImage], Answer]:
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    compiled = openvino.Core().compile_model(path, "CPU", settings)

    def answer(grey: GreyImage) -> Answer:
        outputs = compiled({INPUT: grey[None]})
        return {name: np.array(outputs[name]) for name in OUTPUTS}

    return answer
