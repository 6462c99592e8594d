"""Compiled networks are kept beside their bundle.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cxrlens.imaging import write_whole
from cxrlens.vocabulary import OutputError, digest, digest_lines

_DIGITS = 64
"""Of a SHA-256."""


@dataclass(frozen=True)
class CompiledCache:
    """Where the compiled forms of one network are kept.

    An entry is the SHA-256 of what follows, then what the engine exported: it is given back only
    if not one bit has changed, since an engine does not check that itself. A place that cannot be
    read or written is no fault: the network is then compiled again.
    """

    folder: Path
    """Made when something is kept."""

    weights: str
    """SHA-256 of the network's weights."""

    def read(self, facts: Sequence[str]) -> bytes | None:
        """Give what was kept.

        Args:
            facts: all that it depends on beside the weights, such as the engine's version.

        Returns:
            The bytes; None where there are none, or they are damaged.
        """
        try:
            data = self._place(facts).read_bytes()
        except OSError:
            return None
        stated, blob = data[:_DIGITS], data[_DIGITS:]
        return blob if stated == digest(blob).encode() else None

    def write(self, facts: Sequence[str], blob: bytes) -> None:
        """Keep what an engine exported, where that is possible.

        Args:
            facts: as for `read`.
            blob: the bytes.
        """
        with suppress(OutputError, OSError):
            self.folder.mkdir(exist_ok=True)
            write_whole(self._place(facts), digest(blob).encode() + blob)

    def _place(self, facts: Sequence[str]) -> Path:
        name = digest_lines([self.weights, *facts])[:32]
        return self.folder / f"{name}.compiled"
