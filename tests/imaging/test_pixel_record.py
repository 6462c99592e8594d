"""A record of a decoded image proves itself.

SPDX-License-Identifier: Apache-2.0
"""

import struct
import sys
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.imaging.pixel_record import RecordFormat, list_addresses, read_record_facts

FORMAT = RecordFormat("a key", (3, 5))
PIXELS = np.arange(15, dtype=np.uint16).reshape(3, 5)
ADDRESS = bytes(range(32))


def test_the_bytes_are_those_of_the_description() -> None:
    facts = b'{"a": 1}'
    rest = struct.pack("=I32s4056s15H", len(facts), ADDRESS, facts, *range(15))
    record = FORMAT.pack(ADDRESS, facts, PIXELS)
    assert record == zlib.crc32(b"a key" + rest).to_bytes(4, sys.byteorder) + rest
    assert FORMAT.dtype.itemsize == len(record) == 4096 + 30


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 2**32 - 1))
def test_what_was_packed_comes_back(address: bytes, facts: bytes, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 2**16, (3, 5), dtype=np.uint16)
    record = FORMAT.pack(address, facts, pixels)
    assert record is not None
    records = np.frombuffer(record * 2, FORMAT.dtype)
    assert FORMAT.is_intact(records[1:])
    assert list_addresses(records) == [address, address]
    assert read_record_facts(records[1:]) == facts
    assert np.array_equal(records["pixels"][1], pixels)


@given(st.integers(0, 8 * (4096 + 30) - 1))
def test_a_flipped_bit_is_seen_wherever_it_is(bit: int) -> None:
    record = bytearray(FORMAT.pack(ADDRESS, b"facts", PIXELS) or b"")
    record[bit // 8] ^= 1 << bit % 8
    assert not FORMAT.is_intact(np.frombuffer(bytes(record), FORMAT.dtype))


def test_zeros_and_records_of_another_shard_are_not_intact() -> None:
    record = FORMAT.pack(ADDRESS, b"facts", PIXELS) or b""
    assert not FORMAT.is_intact(np.zeros(1, FORMAT.dtype))
    assert not RecordFormat("other", (3, 5)).is_intact(np.frombuffer(record, FORMAT.dtype))


def test_facts_that_do_not_fit_make_no_record() -> None:
    assert FORMAT.pack(ADDRESS, bytes(4056), PIXELS) is not None
    assert FORMAT.pack(ADDRESS, bytes(4057), PIXELS) is None
