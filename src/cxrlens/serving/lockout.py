"""Whoever fails to sign in too often must wait.

SPDX-License-Identifier: Apache-2.0
"""

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from cxrlens.serving.problem import Problem
from cxrlens.serving.rates import MOST_KEYS


class LockOut:
    """Counts the sign-ins that failed of late, by client.

    An attempt counts as failed from its beginning until it is known to have succeeded, so that
    many at once are no way around. Safe to be used by several threads.

    Args:
        failures: within `seconds` after which there is no further attempt, at least 1.
        seconds: for which a failure counts.
        clock: seconds.
        most_keys: remembered at once.
    """

    def __init__(
        self,
        failures: int = 5,
        seconds: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._most_keys = most_keys
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def attempt(self, key: str) -> int:
        """Ask for an attempt, before the token is looked at.

        Args:
            key: whose: a client by `find_address_key`.

        Returns:
            0 where it may try, and the attempt counts; else after how many whole seconds it may,
            at least 1, and nothing is counted.
        """
        with self._lock:
            now = self._clock()
            attempts = self._attempts.setdefault(key, deque())
            self._attempts.move_to_end(key)
            while attempts and now - attempts[0] >= self._seconds:
                attempts.popleft()
            if len(attempts) >= self._failures:
                return max(math.ceil(attempts[0] + self._seconds - now), 1)
            attempts.append(now)
            if len(self._attempts) > self._most_keys:
                self._attempts.popitem(last=False)
            return 0

    def succeed(self, key: str) -> None:
        """Take back the newest attempt, which was none of a stranger.

        The earlier failures stay: else whoever has an account could guess others' for ever.

        Args:
            key: as given to `attempt`.
        """
        with self._lock:
            attempts = self._attempts.get(key)
            if attempts:
                attempts.pop()
            if not attempts:
                self._attempts.pop(key, None)


def describe_locked_out(seconds: int) -> Problem:
    """Send a client away that failed to sign in too often.

    Args:
        seconds: after which it may try again, whole.

    Returns:
        A problem of status 429.
    """
    return Problem(
        429,
        "sign-in-locked",
        "Too many failed sign-ins",
        "too many sign-ins from this address have failed",
        "wait for as many seconds as the header Retry-After says; an admin can make a new token",
        seconds,
    )
