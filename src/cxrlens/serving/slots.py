"""A few places at a time, and a queue of bounded length before them.

SPDX-License-Identifier: Apache-2.0
"""

import asyncio
import math
import random
import time
from collections.abc import Callable

MAX_RETRY_SECONDS = 60
"""Nobody is sent away for longer."""

WEIGHT = 0.1
"""Of the newest stay in the mean, which is the exponentially weighted one."""


class Slots:
    """Places that are taken in the order of arrival; for one event loop.

    Args:
        places: taken at once, at most; above 0.
        waiting: in the queue, at most; may be 0.
        wait_seconds: in the queue, at most.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        places: int,
        waiting: int,
        wait_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._most_waiting = waiting
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._semaphore = asyncio.Semaphore(places)
        self._waiting = 0
        self._mean_stay = 0.0
        self._spread = random.Random()  # noqa: S311 - no secret, only so that not all come at once

    @property
    def waiting(self) -> int:
        """How many wait for a place now."""
        return self._waiting

    async def take(self) -> "Slot | None":
        """Take a place, or wait for one.

        Returns:
            The place, to be given back; None if the queue is full or the wait was too long.
        """
        if self._semaphore.locked():
            if self._waiting >= self._most_waiting:
                return None
            self._waiting += 1
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._semaphore.acquire()
            except TimeoutError:
                return None
            finally:
                self._waiting -= 1
        else:
            await self._semaphore.acquire()
        return Slot(self)

    def guess_wait(self) -> int:
        """Guess after how many seconds another try makes sense.

        Returns:
            About as long as the queue takes at the pace of late, give or take a half so that those
            who were sent away do not come back all at once; 1 to `MAX_RETRY_SECONDS`.
        """
        seconds = (self._waiting + self._places) * self._mean_stay / self._places
        spread = seconds * self._spread.uniform(0.5, 1.5)
        return min(max(math.ceil(spread), 1), MAX_RETRY_SECONDS)

    def _free(self, seconds: float) -> None:
        """Give a place to the next."""
        if self._mean_stay:
            self._mean_stay += WEIGHT * (seconds - self._mean_stay)
        else:
            self._mean_stay = seconds
        self._semaphore.release()


class Slot:
    """A place that is taken until it is given back."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._since = slots._clock()
        self._is_taken = True

    def give_back(self) -> None:
        """Let the next one in; once, however often it is called."""
        if self._is_taken:
            self._is_taken = False
            self._slots._free(self._slots._clock() - self._since)
