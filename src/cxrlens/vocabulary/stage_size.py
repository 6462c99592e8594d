"""How much of a network a stage of its training moves.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class StageSize:
    """The parameters of one stage."""

    stage: str
    """Its name."""

    trainable: tuple[str, ...]
    """The recipe's patterns of what moves."""

    n_trainable: int
    """Numbers that move."""

    n_parameters: int
    """Numbers in all."""

    def __str__(self) -> str:
        """Say it as people read it."""
        return f"{self.stage} ({self.n_trainable:,} of {self.n_parameters:,} parameters)"
