"""So many failures in so long a time, and no way around.

SPDX-License-Identifier: Apache-2.0
"""

import math
import threading

from hypothesis import given
from hypothesis import strategies as st

from cxrlens.serving.lockout import LockOut, describe_locked_out


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SlowLockOut:
    """A second writing: every attempt that ever was, in a list."""

    def __init__(self, failures: int, seconds: int) -> None:
        self.failures, self.seconds = failures, seconds
        self.log: list[tuple[str, float]] = []

    def attempt(self, key: str, now: float) -> int:
        recent = [then for who, then in self.log if who == key and then > now - self.seconds]
        if len(recent) >= self.failures:
            return math.ceil(min(recent) + self.seconds - now)
        self.log.append((key, now))
        return 0

    def succeed(self, key: str, now: float) -> None:
        own = [place for place, (who, then) in enumerate(self.log)
               if who == key and then > now - self.seconds]  # fmt: skip
        if own:
            del self.log[own[-1]]


steps = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 160), st.booleans()), max_size=60)


@given(st.integers(1, 6), st.integers(1, 40), steps)
def test_as_the_list_says(failures: int, seconds: int, taken: list[tuple[str, int, bool]]) -> None:
    hand = Hand()
    lock, slow = LockOut(failures, float(seconds), hand), SlowLockOut(failures, seconds)
    for key, later, succeeds in taken:
        hand.now += later / 16
        wait = lock.attempt(key)
        assert wait == slow.attempt(key, hand.now)
        if succeeds and wait == 0:
            lock.succeed(key)
            slow.succeed(key, hand.now)


def test_five_in_five_minutes() -> None:
    hand = Hand()
    lock = LockOut(clock=hand)
    for _ in range(5):
        assert lock.attempt("a") == 0
        hand.now += 10
    assert lock.attempt("a") == 250
    assert lock.attempt("b") == 0
    hand.now += 250
    assert lock.attempt("a") == 0
    assert lock.attempt("a") == 10


def test_asking_while_locked_out_makes_it_no_longer() -> None:
    hand = Hand()
    lock = LockOut(1, 10.0, hand)
    assert lock.attempt("a") == 0
    for left in range(10, 0, -1):
        assert lock.attempt("a") == left
        hand.now += 1
    assert lock.attempt("a") == 0


def test_an_account_of_ones_own_is_no_way_around() -> None:
    lock = LockOut(clock=Hand())
    guesses = 0
    for _ in range(100):
        while lock.attempt("a") == 0 and guesses < 100:
            guesses += 1
            if guesses % 4 == 0:
                lock.succeed("a")
    assert guesses < 10


def test_many_at_once_are_no_way_around() -> None:
    lock = LockOut(clock=Hand())
    let_in: list[int] = []
    threads = [threading.Thread(target=lambda: let_in.append(lock.attempt("a"))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert let_in.count(0) == 5


def test_memory_is_bounded() -> None:
    lock = LockOut(clock=Hand(), most_keys=10)
    for number in range(1000):
        lock.attempt(str(number))
    assert len(lock._attempts) == 10
    for number in range(990, 1000):
        lock.succeed(str(number))
    assert len(lock._attempts) == 0
    lock.succeed("nobody")


def test_problem() -> None:
    problem = describe_locked_out(9)
    assert (problem.status, problem.retry_after) == (429, 9)
    assert "token" in problem.hint
    assert "password" not in problem.hint
