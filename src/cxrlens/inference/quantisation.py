"""A network learns to multiply in whole numbers of 8 bits.

SPDX-License-Identifier: Apache-2.0
"""

import io
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from cxrlens.inference.engine import ImageBatch
from cxrlens.inference.openvino_engine import convert_network
from cxrlens.inference.quantised_network import GRAPH_FILE, WEIGHTS_FILE, QuantisedNetwork
from cxrlens.inference.silent_openvino import import_nncf, openvino
from cxrlens.network import MapClassifier


def quantise_network(
    network: MapClassifier, input_size: tuple[int, int], sample: ImageBatch
) -> QuantisedNetwork:
    """Quantise a network after training, by NNCF.

    Weights by channel, activations by tensor, symmetric, with fast bias correction: NNCF's
    defaults. What answers like the network does not follow from it; that has to be checked.

    Args:
        network: in eval mode, on the CPU; left as it is.
        input_size: (height, width) of its input in pixels.
        sample: N x H x W in [0, 1], of the images that it will see; some hundred are usual.

    Returns:
        The quantised network.

    Source: B. Jacob et al., Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference, CVPR 2018; A. Kozlov et al., Neural Network Compression
    Framework for fast model inference, 2020.
    """
    images = [image[None, None] for image in sample]
    with _quietly():
        nncf = import_nncf()
        model = nncf.quantize(
            convert_network(network, input_size),
            nncf.Dataset(images),
            subset_size=len(images),
        )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / GRAPH_FILE
        openvino.save_model(model, path, compress_to_fp16=False)
        return QuantisedNetwork(path.read_bytes(), (path.parent / WEIGHTS_FILE).read_bytes())


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what NNCF says: progress on standard output, where only results belong."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(level)
