"""A moment that is written down, and read again.

SPDX-License-Identifier: Apache-2.0
"""

from datetime import UTC, datetime

from cxrlens.vocabulary import InputError


def write_moment(moment: datetime) -> str:
    """Write a moment in UTC, to the second.

    Args:
        moment: with its time zone.

    Raises:
        InputError: if it has no time zone.

    Example:
        >>> write_moment(datetime(2026, 11, 29, 12, tzinfo=UTC))
        '2026-11-29T12:00:00+00:00'
    """
    if moment.tzinfo is None:
        raise InputError(f"the moment {moment.isoformat()} has no time zone; give it in UTC")
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def read_moment(text: str) -> datetime:
    """Read a moment.

    Args:
        text: ISO 8601 with a time zone, such as `2026-11-29T12:00:00+00:00`.

    Raises:
        InputError: if it is none, or has no time zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is no moment; write it like 2026-11-29T12:00:00+00:00"
        ) from error
    if moment.tzinfo is None:
        raise InputError(f"the moment {text!r} has no time zone; write it with +00:00 for UTC")
    return moment
