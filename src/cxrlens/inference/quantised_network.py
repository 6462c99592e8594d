"""A network whose weights are whole numbers of 8 bits, in two files.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass
from pathlib import Path

from cxrlens.inference.silent_openvino import openvino
from cxrlens.vocabulary import BundleError, digest, show_name

GRAPH_FILE, WEIGHTS_FILE = "model.xml", "model.bin"


@dataclass(frozen=True)
class QuantisedNetwork:
    """A network with 8-bit weights and the scales of its activations, as OpenVINO's two files."""

    graph: bytes
    """The `.xml`."""

    weights: bytes
    """The `.bin`."""

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file by its name."""
        return {GRAPH_FILE: digest(self.graph), WEIGHTS_FILE: digest(self.weights)}

    def open(self) -> openvino.Model:
        """Give OpenVINO's model of it, which takes N x 1 x height x width."""
        return openvino.Core().read_model(self.graph, self.weights)


def read_quantised(folder: Path, digests: dict[str, str]) -> QuantisedNetwork:
    """Read a quantised network.

    Args:
        folder: that holds its two files.
        digests: that they must have.

    Raises:
        BundleError: if a file is missing or is another.
    """
    try:
        found = QuantisedNetwork(
            (folder / GRAPH_FILE).read_bytes(), (folder / WEIGHTS_FILE).read_bytes()
        )
    except OSError as error:
        raise BundleError(
            f"'{show_name(str(folder))}' is no quantised network: {error.strerror}; quantise again"
        ) from error
    if found.digests != digests:
        raise BundleError(
            f"'{show_name(str(folder))}' is damaged: a file is not the one that was checked; "
            "quantise again"
        )
    return found
