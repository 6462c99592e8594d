"""One decoded image as bytes of a fixed number that prove themselves.

SPDX-License-Identifier: Apache-2.0

A record is a head of 4,096 bytes and the pixels, row by row:

| bytes | what |
|---|---|
| 4 | CRC-32 of the shard's key and all that follows |
| 4 | length of the facts |
| 32 | address: the SHA-256 that the image is looked up by |
| 4056 | facts as JSON, then zeros |
| 2 x height x width | pixels, 0…65535 |

Numbers are in the machine's own order of bytes; the key names the machine.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped, UInt16

from cxrlens.imaging.image_identity import ADDRESS_BYTES

StoredPixels = UInt16[np.ndarray, "n h w"]
"""Pixels in 0…65535, that is [0, 1]; one image a row."""

StoredImage = UInt16[np.ndarray, "h w"]
"""One image of it."""

Records = Shaped[np.ndarray, " n"]
"""Of the type that `RecordFormat.dtype` gives."""

_HEAD_BYTES = 4096
_MAX_FACTS = _HEAD_BYTES - 8 - ADDRESS_BYTES


@dataclass(frozen=True)
class RecordFormat:
    """How the records of one shard are laid out and proved."""

    key: str
    """What the shard's pixels were made by; a record of another shard does not prove itself."""

    size: tuple[int, int]
    """(height, width) of the pixels."""

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The layout of a record."""
        return np.dtype(
            [
                ("checksum", np.uint32),
                ("n_facts", np.uint32),
                ("address", np.uint8, ADDRESS_BYTES),
                ("facts", np.uint8, _MAX_FACTS),
                ("pixels", np.uint16, self.size),
            ]
        )

    def pack(self, address: bytes, facts: bytes, pixels: StoredImage) -> bytes | None:
        """Make a record.

        Args:
            address: 32 bytes.
            facts: JSON.
            pixels: height x width of `size`.

        Returns:
            Its bytes; None where the facts are too long for its head.
        """
        if len(facts) > _MAX_FACTS:
            return None
        records = np.zeros(1, dtype=self.dtype)
        records["n_facts"] = len(facts)
        records["address"] = np.frombuffer(address, np.uint8)
        records["facts"][0, : len(facts)] = np.frombuffer(facts, np.uint8)
        records["pixels"] = pixels
        records["checksum"] = self._sum(records)
        return records.tobytes()

    def is_intact(self, records: Records) -> bool:
        """Say whether a record is to the bit what was packed.

        Args:
            records: one.
        """
        return int(records["checksum"][0]) == self._sum(records)

    def _sum(self, records: Records) -> int:
        return zlib.crc32(records.view(np.uint8)[4:].data, zlib.crc32(self.key.encode()))


def read_record_facts(records: Records) -> bytes:
    """Give the facts of one intact record.

    Args:
        records: one.
    """
    return bytes(records["facts"][0, : int(records["n_facts"][0])])


def list_addresses(records: Records) -> list[bytes]:
    """Give the address of each record, in order."""
    joined = records["address"].tobytes()
    return [joined[at : at + ADDRESS_BYTES] for at in range(0, len(joined), ADDRESS_BYTES)]
