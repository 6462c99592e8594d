"""OpenVINO and NNCF without their telemetry: the only place where they are imported.

SPDX-License-Identifier: Apache-2.0

`import openvino` reports itself to Google Analytics unless a file in the user's home forbids it.
Where its telemetry package cannot be found OpenVINO falls back to a stub that sends nothing: so
it is hidden while OpenVINO is imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

_TELEMETRY = "openvino_telemetry"


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Let the import of a package fail that has not been imported yet."""
    if name in sys.modules:
        yield
        return
    hidden: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    hidden[name] = None
    try:
        yield
    finally:
        del sys.modules[name]


def import_nncf() -> ModuleType:
    """Import NNCF, which quantises networks; only when it is asked for, since it takes a second.

    It tells Google Analytics of every quantisation by the same package.
    """
    with _without(_TELEMETRY):
        return import_module("nncf")


with _without(_TELEMETRY):
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

__all__ = ["FrontEndManager", "TorchFXPythonDecoder", "import_nncf", "openvino"]
