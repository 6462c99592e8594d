"""What the figures were measured on.

SPDX-License-Identifier: Apache-2.0
"""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version

import torch

from cxrlens.inference import openvino

PACKAGES = ("cxrlens", "torch", "openvino", "onnxruntime", "numpy", "pillow")


@dataclass(frozen=True)
class Machine:
    """Processor and versions."""

    processor: str
    """Its name, as it gives it."""

    n_cores: int
    """Those that this process may use."""

    n_threads: int
    """Those that PyTorch and the engines take."""

    capabilities: tuple[str, ...]
    """Arithmetic that OpenVINO finds in it, such as BF16."""

    largest_instructions: str
    """The largest instruction set that PyTorch uses, such as AMX."""

    load: float
    """Processes that wanted a core in the minute before."""

    gpu: str
    """Its name; `none`: then nothing was measured on one."""

    versions: dict[str, str]
    """Of the packages that do the work."""

    @property
    def words(self) -> str:
        """All of it in a line or two."""
        told = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self.processor}, {self.n_cores} cores, {self.n_threads} threads, "
            f"{' '.join(self.capabilities)} (OpenVINO), {self.largest_instructions} (PyTorch); "
            f"GPU: {self.gpu}; load before {self.load:.1f}; Python {platform.python_version()}, "
            f"{told}"
        )


def describe_machine() -> Machine:
    """Look at the machine."""
    core = openvino.Core()
    return Machine(
        processor=core.get_property("CPU", "FULL_DEVICE_NAME"),
        n_cores=len(os.sched_getaffinity(0)),
        n_threads=torch.get_num_threads(),
        capabilities=tuple(sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))),
        largest_instructions=torch.backends.cpu.get_cpu_capability(),
        load=os.getloadavg()[0],
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        versions={name: version(name) for name in PACKAGES},
    )
