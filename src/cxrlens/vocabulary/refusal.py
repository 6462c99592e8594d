"""Why one image was not used.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """One image that was refused; a batch goes on without it and lists it."""

    image: str
    """The file, as it was named by the user."""

    reason: str
    """A short machine-readable word; refusals are counted by it."""

    message: str
    """One sentence for people: the offending value and what to do."""

    figure: float | None = None
    """The figure that was measured, in the unit that the message names; None where there is
    none."""
