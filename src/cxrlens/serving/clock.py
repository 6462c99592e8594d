"""The time, as a room writes it down.

SPDX-License-Identifier: Apache-2.0
"""

import time
from datetime import UTC, datetime, timedelta


def tell_time(after: timedelta = timedelta(0)) -> str:
    """Give the time in UTC, ISO 8601 with microseconds.

    Args:
        after: from now.
    """
    return (datetime.now(UTC) + after).isoformat(timespec="microseconds")


def count_seconds() -> float:
    """Give seconds since the machine started: the same for all processes, moved by no clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
