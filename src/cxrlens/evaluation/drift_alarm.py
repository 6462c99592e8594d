"""A change that a chart saw.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class DriftAlarm:
    """A change that a chart saw: what voids a certificate."""

    chart: str
    """Which chart, such as `scores`, `brightness` or `agreement`."""

    case: int
    """After how many watched cases, from 1, it was raised."""

    why: str
    """What was seen, in words."""
