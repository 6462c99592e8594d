"""OpenVINO without its telemetry: the only place where it is imported.

SPDX-License-Identifier: Apache-2.0

`import openvino` reports itself to Google Analytics unless a file in the user's home forbids it.
Where its telemetry package cannot be found OpenVINO falls back to a stub that sends nothing: so
it is hidden while OpenVINO is imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


with _without(_TELEMETRY):
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

__all__ = ["FrontEndManager", "TorchFXPythonDecoder", "openvino"]
