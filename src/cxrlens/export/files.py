"""A model leaves as an ONNX file, or as OpenVINO's two.

SPDX-License-Identifier: Apache-2.0
"""

import json
import tempfile
from pathlib import Path
from typing import Literal

import onnx
import torch

from cxrlens.export.graph import INPUT, OUTPUTS, AnsweringGraph, make_example
from cxrlens.imaging import write_whole
from cxrlens.inference import Bundle, TorchEngine, openvino, without_shape_checks
from cxrlens.vocabulary import NOT_A_DEVICE, PHANTOM_MODEL, to_plain

ExportFormat = Literal["onnx", "openvino"]
"""`onnx`: one file. `openvino`: a pair of files, `.xml` and `.bin`."""

ONNX_FILE, OPENVINO_FILE, OPENVINO_WEIGHTS = "model.onnx", "model.xml", "model.bin"

RT_INFO = "cxrlens"
"""Under this name OpenVINO's file keeps what the ONNX file keeps as its metadata."""


def export_bundle(bundle: Bundle, folder: Path, format_: ExportFormat) -> Path:
    """Write a model as a graph that needs nothing of ours to answer.

    Everything between the grey image and the decision is inside: resampling, normalisation, the
    network with its maps, calibration and operating point. Beside it, as metadata, stands what
    the bundle says of itself (`describe_export`).

    Args:
        bundle: left as it is.
        folder: exists; gets the file or files.
        format_: which.

    Returns:
        The file to open.

    Raises:
        InputError: if the bundle removes text first.
        OutputError: if the folder cannot be written.
    """
    data = make_onnx(bundle).SerializeToString()
    if format_ == "onnx":
        write_whole(folder / ONNX_FILE, data)
        return folder / ONNX_FILE
    model = openvino.Core().read_model(data)
    for key, value in describe_export(bundle).items():
        model.set_rt_info(value, [RT_INFO, key])
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / OPENVINO_FILE
        openvino.save_model(model, path, compress_to_fp16=False)
        # The file that is opened comes last: where it is, the other is.
        for name in (OPENVINO_WEIGHTS, OPENVINO_FILE):
            write_whole(folder / name, (path.parent / name).read_bytes())
    return folder / OPENVINO_FILE


def make_onnx(bundle: Bundle) -> onnx.ModelProto:
    """Build the ONNX graph of a model.

    Args:
        bundle: left as it is.

    Returns:
        A checked model with the input `INPUT` and the outputs `OUTPUTS`, float32, with the
        metadata of `describe_export`.

    Raises:
        InputError: if the bundle removes text first.
    """
    # An engine puts its network on a GPU; the graph is traced on the processor.
    TorchEngine(bundle.network, "cpu")
    graph = AnsweringGraph(bundle).eval()
    any_size = dict.fromkeys(range(3), torch.export.Dim.DYNAMIC)
    with without_shape_checks():
        program = torch.onnx.export(
            graph, (make_example(bundle),), dynamo=True, dynamic_shapes=(any_size,),
            verbose=False, input_names=[INPUT], output_names=list(OUTPUTS),
        )  # fmt: skip
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    model: onnx.ModelProto = program.model_proto
    onnx.helper.set_model_props(model, describe_export(bundle))
    model.doc_string = NOT_A_DEVICE
    onnx.checker.check_model(model)
    return model


def describe_export(bundle: Bundle) -> dict[str, str]:
    """Say what a file must tell of itself wherever it goes.

    Args:
        bundle: any.

    Returns:
        Texts by name: `notice`, `classes` (a JSON list in the order of the outputs), `bundle`
        (its digest), `digests`, `preprocessing`, `network`, `is_multilabel`, `calibration`,
        `operating_point`, `data` and `provenance` (JSON, as in `bundle.json`).
    """
    record = bundle.record
    notice = f"{NOT_A_DEVICE} {PHANTOM_MODEL}" if record.data.is_phantom else NOT_A_DEVICE
    told = ("classes", "digests", "preprocessing", "network", "is_multilabel", "calibration",
            "operating_point", "data", "provenance")  # fmt: skip
    facts = {name: json.dumps(to_plain(getattr(record, name))) for name in told}
    return {"notice": notice, "bundle": record.digest, **facts}
