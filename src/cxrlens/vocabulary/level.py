"""How much a room leaves to the machine.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Literal

Level = Literal["human-only", "shadow", "assistance", "partial", "full"]
"""The spectrum from no machine to nobody but the machine.

- `human-only`: the model does not run.
- `shadow`: it answers in silence, and nobody sees the answer before their own is committed.
- `assistance`: it is shown to the reader, who decides.
- `partial`: it decides the cases that a certificate covers.
- `full`: it decides every accepted case.
"""

LEVELS: tuple[Level, ...] = ("human-only", "shadow", "assistance", "partial", "full")
"""In ascending order."""


def lower_level(first: Level, second: Level) -> Level:
    """Give the level of two that leaves less to the machine.

    Example:
        >>> lower_level("assistance", "shadow")
        'shadow'
    """
    return min(first, second, key=LEVELS.index)
