"""The bucket in one number does what a bucket of tokens does.

SPDX-License-Identifier: Apache-2.0
"""

import math
import threading
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.serving.rates import TokenBuckets, describe_too_many, find_address_key


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SlowBuckets:
    """A second writing: the tokens themselves, in fractions."""

    def __init__(self, rate: Fraction, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self.buckets: dict[str, tuple[Fraction, Fraction]] = {}

    def take(self, key: str, now: Fraction) -> int:
        tokens, then = self.buckets.get(key, (Fraction(self.burst), now))
        tokens = min(Fraction(self.burst), tokens + max(now - then, Fraction(0)) * self.rate)
        if tokens >= 1:
            self.buckets[key] = tokens - 1, now
            return 0
        self.buckets[key] = tokens, now
        return math.ceil((1 - tokens) / self.rate)


# gaps between tokens and between requests are multiples of 1/64 s, which doubles hold exactly
steps = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 640)), max_size=80)


@given(st.integers(1, 256), st.integers(1, 12), steps)
def test_as_tokens_do(gap: int, burst: int, requests: list[tuple[str, int]]) -> None:
    hand = Hand()
    buckets = TokenBuckets(64 / gap, burst, hand)
    buckets._gap = gap / 64  # the inverse of its inverse, exactly
    slow = SlowBuckets(Fraction(64, gap), burst)
    for key, later in requests:
        hand.now += later / 64
        assert buckets.take(key) == slow.take(key, Fraction(hand.now))


@given(st.floats(0.01, 100), st.integers(1, 20), st.integers(0, 10**9))
def test_who_waits_as_told_gets_in(rate: float, burst: int, start: int) -> None:
    hand = Hand()
    hand.now = float(start)
    buckets = TokenBuckets(rate, burst, hand)
    granted = 0
    while buckets.take("a") == 0:
        granted += 1
    assert granted == burst
    hand.now += buckets.take("a")
    assert buckets.take("a") == 0


def test_one_client_costs_another_nothing() -> None:
    buckets = TokenBuckets(1.0, 2, Hand())
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]
    assert buckets.take("b") == 0


def test_a_clock_that_jumps_back_gives_nothing_and_takes_nothing() -> None:
    hand = Hand()
    buckets = TokenBuckets(0.5, 1, hand)
    assert buckets.take("a") == 0
    hand.now -= 100
    assert buckets.take("a") == 102
    assert buckets.take("b") == 0


def test_memory_is_bounded_and_the_busiest_are_kept() -> None:
    hand = Hand()
    buckets = TokenBuckets(0.001, 1, hand, most_keys=100)
    assert buckets.take("guesser") == 0
    for number in range(10_000):
        assert buckets.take(str(number)) == 0
        assert buckets.take("guesser") > 0
    assert len(buckets._full_at) == 100


def test_threads_take_no_token_twice() -> None:
    buckets = TokenBuckets(1e-6, 1000, Hand())
    granted: list[int] = []

    def take() -> None:
        granted.append(sum(buckets.take("a") == 0 for _ in range(500)))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 1000


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_keys(address: str, key: str) -> None:
    assert find_address_key(address) == key


def test_problem() -> None:
    problem = describe_too_many(4)
    assert (problem.status, problem.retry_after) == (429, 4)
