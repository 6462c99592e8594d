"""How long work tells how far it is.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Is told of every step; draws it, or does nothing."""

    def advance(self, task: str, done: int, total: int) -> None:
        """Take note that `done` of `total` steps of a task are done."""
        ...


class Silence:
    """Draws nothing."""

    def advance(self, task: str, done: int, total: int) -> None:
        """Do nothing."""
