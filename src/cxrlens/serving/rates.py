"""How often one client may ask.

SPDX-License-Identifier: Apache-2.0
"""

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from cxrlens.serving.problem import Problem

MOST_KEYS = 10_000
"""Clients that are remembered; the one that asked longest ago is forgotten first."""

ROUNDING = 1e-6
"""Seconds by which a token may be early: sums of times are not exact."""


class TokenBuckets:
    """A bucket of tokens for each client: a request takes one, and they come back at a rate.

    Each bucket is kept as the time at which it will be full again (the generic cell rate
    algorithm), so that a client is one number. To forget a client is to fill its bucket. Safe to
    be used by several threads.

    Args:
        rate: tokens a second that come back; above 0.
        burst: tokens in a full bucket, at least 1.
        clock: seconds.
        most_keys: remembered at once.

    Source:
        ITU-T I.371, Annex A: the algorithm as virtual scheduling.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._gap = 1 / rate
        self._burst = burst
        self._clock = clock
        self._most_keys = most_keys
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> int:
        """Take a token, if there is one.

        Args:
            key: whose: a user, or a client by `find_address_key`.

        Returns:
            0 where a token was taken; else after how many whole seconds there will be one, at
            least 1, and nothing was taken.
        """
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(key, now), now)
            wait = full_at + self._gap - self._burst * self._gap - now
            if wait > ROUNDING:
                self._full_at.move_to_end(key)
                return math.ceil(wait)
            self._full_at[key] = full_at + self._gap
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._most_keys:
                self._full_at.popitem(last=False)
            return 0


def find_address_key(address: str) -> str:
    """Find what stands for all the addresses that one client can have.

    Args:
        address: of the client, IPv4 or IPv6; anything else stands for itself.

    Returns:
        The address; of IPv6 its network of 64 bits, within which a client takes any; one that
        holds an IPv4 address is that.

    Example:
        >>> find_address_key("2001:db8::1:2")
        '2001:db8::/64'
        >>> find_address_key("::ffff:192.0.2.1")
        '192.0.2.1'
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a Unix socket's client, or a proxy's word
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))


def describe_too_many(seconds: int) -> Problem:
    """Send a client away that asks too often.

    Args:
        seconds: after which it may ask again, whole.

    Returns:
        A problem of status 429.
    """
    return Problem(
        429,
        "too-many-requests",
        "Too many requests",
        "too many requests in too short a time",
        "wait for as many seconds as the header Retry-After says",
        seconds,
    )
