"""Why an answer about an image comes with a reservation.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageWarning:
    """Something about an image that was used, and that its user must know."""

    reason: str
    """A short machine-readable word, such as `inverted`; warnings are counted by it."""

    message: str
    """One sentence for people: what was measured and what was done about it."""

    figure: float | None = None
    """The figure that was measured, in the unit that the message names; None where the file's
    header says it."""
