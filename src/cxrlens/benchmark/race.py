"""Several ways to do the same work are timed in turns.

SPDX-License-Identifier: Apache-2.0
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary import InputError

FEWEST_REPEATS = 3
"""Of fewer there are no quartiles."""

_LEAST = 1e-9
"""Seconds that a turn takes at least: clocks do not tell less."""

Quartiles = tuple[float, float, float]
"""25 %, median, 75 %."""


@dataclass(frozen=True)
class Rate:
    """How fast one side was."""

    name: str
    """Of the side."""

    turns: tuple[float, ...]
    """Items a second, turn by turn."""

    on_processor: tuple[float, ...]
    """Items a second of processor time, all threads together, turn by turn: what else the machine
    does hardly strikes it, and threads that wait for each other do not either."""

    @property
    def per_second(self) -> Quartiles:
        """Items a second."""
        return _quartiles(np.array(self.turns))

    def over(self, other: "Rate") -> Quartiles:
        """Give this rate as a multiple of another's, turn by turn.

        What else the machine did struck both.

        Args:
            other: a side of the same race.
        """
        return _quartiles(np.array(self.turns) / np.array(other.turns))

    def on_processor_over(self, other: "Rate") -> Quartiles:
        """Give the same by processor time.

        Args:
            other: a side of the same race.
        """
        return _quartiles(np.array(self.on_processor) / np.array(other.on_processor))


def race(
    sides: Mapping[str, Callable[[], int]],
    repeats: int = 7,
    clock: Callable[[], float] = time.perf_counter,
    processor: Callable[[], float] = time.process_time,
) -> dict[str, Rate]:
    """Time several sides in turns, after one turn of each that does not count.

    Args:
        sides: each does its work and gives the number of items that it was; by name.
        repeats: turns of each.
        clock: gives seconds.
        processor: gives seconds of processor time.

    Returns:
        The rates by name, in their order.

    Raises:
        InputError: if there are fewer than 3 repeats.

    Example:
        >>> ticks = iter(range(100))
        >>> rates = race({"a": lambda: 4, "b": lambda: 2}, 3, lambda: next(ticks))
        >>> rates["a"].over(rates["b"])
        (2.0, 2.0, 2.0)
    """
    if repeats < FEWEST_REPEATS:
        raise InputError(f"a race needs {FEWEST_REPEATS} repeats or more; got {repeats}")
    for work in sides.values():
        work()
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, work in sides.items():
            begun, start = processor(), clock()
            n = work()
            seconds, used = clock() - start, processor() - begun
            turns[name].append((n / seconds, n / max(used, _LEAST)))
    return {name: Rate(name, *zip(*own, strict=True)) for name, own in turns.items()}


def _quartiles(values: np.ndarray) -> Quartiles:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)
