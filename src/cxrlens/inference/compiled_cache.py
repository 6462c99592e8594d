"""Compiled networks are kept beside their bundle.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cxrlens.imaging import write_whole
from cxrlens.vocabulary import OutputError, digest_lines

_DIGITS = 64
"""Of a SHA-256."""


@dataclass(frozen=True)
class CompiledCache:
    """Where the compiled forms of one network are kept.

    An entry is the SHA-256 of its name and of what follows, then what the engine exported: it is
    given back only if not one bit has changed, since an engine does not check that itself. A place
    that cannot be read or written is no fault: the network is then compiled again.
    """

    folder: Path
    """Made when something is kept."""

    model: str
    """SHA-256 of all that the network is: its bundle's digest. The weights alone do not tell how
    pixels are normalised, or which activation stands between them."""

    def read(self, facts: Sequence[str]) -> bytes | None:
        """Give what was kept.

        Args:
            facts: all that it depends on beside the model, such as the engine's version.

        Returns:
            The bytes; None where there are none, or they are damaged.
        """
        place = self._place(facts)
        try:
            data = place.read_bytes()
        except OSError:
            return None
        stated, blob = data[:_DIGITS], data[_DIGITS:]
        return blob if stated == _sign(place, blob) else None

    def write(self, facts: Sequence[str], blob: bytes) -> None:
        """Keep what an engine exported, where that is possible.

        Args:
            facts: as for `read`.
            blob: the bytes.
        """
        with suppress(OutputError, OSError):
            self.folder.mkdir(exist_ok=True)
            place = self._place(facts)
            write_whole(place, _sign(place, blob) + blob)

    def _place(self, facts: Sequence[str]) -> Path:
        name = digest_lines([self.model, *facts])[:32]
        return self.folder / f"{name}.compiled"


def _sign(place: Path, blob: bytes) -> bytes:
    known = sha256(place.name.encode())
    known.update(blob)  # not joined: a large network would be copied
    return known.hexdigest().encode()
