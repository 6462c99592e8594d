"""Where a result comes from: digests and versions.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

NOT_A_DEVICE = "Research software, not a medical device: not for diagnosis or treatment."
"""Stands wherever a result is shown."""

PHANTOM_MODEL = (
    "This model was trained on drawn radiographs: its answers say nothing about patients."
)
"""Stands wherever a model that was trained on phantoms answers."""

UNKNOWN_TRAINING = (
    "This model was imported: what it was trained on is not known, so copies of its training "
    "images cannot be recognised."
)
"""Stands wherever a model that was trained elsewhere is judged."""

_RECORDED = ("cxrlens", "torch", "timm", "lightning", "numpy", "scikit-learn", "pillow")


def digest(data: bytes) -> str:
    """Give the SHA-256 of some bytes as 64 hexadecimal digits.

    Example:
        >>> digest(b"")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def digest_lines(lines: Iterable[str]) -> str:
    """Give the SHA-256 of lines of text, in the order given, each ended by a newline.

    File names that are not valid UTF-8 keep their bytes (surrogate escapes).
    """
    text = "".join(f"{line}\n" for line in lines)
    return digest(text.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Provenance:
    """What made a result, and when."""

    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    """Time of making, UTC, ISO 8601."""

    python: str = field(default_factory=platform.python_version)
    """Version of Python."""

    machine: str = field(default_factory=platform.machine)
    """Processor architecture, such as `x86_64`."""

    versions: dict[str, str] = field(
        default_factory=lambda: {name: version(name) for name in _RECORDED}
    )
    """Version of every package that can change a figure."""
