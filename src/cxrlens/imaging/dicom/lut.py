"""The lookup tables that a DICOM header may hold.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from pydicom import Dataset
from pydicom.multival import MultiValue

from cxrlens.imaging.dicom.dataset import read_numbers, refusing
from cxrlens.vocabulary import ImageRefused

Values = Float[np.ndarray, " n"]
"""One number for every number that can be stored, in their order."""


@dataclass(frozen=True, eq=False)
class LookupTable:
    """An item of a Modality LUT Sequence or VOI LUT Sequence."""

    first: int
    """The input that the first entry stands for."""

    entries: Values
    """The output for this and the following inputs."""

    highest: int
    """The largest output that the bits of an entry can hold; the smallest is 0."""

    def apply(self, values: Values) -> Values:
        """Look numbers up; what lies outside takes the first or the last entry.

        Args:
            values: the inputs.

        Returns:
            The outputs, in [0, `highest`].
        """
        places = np.rint(values) - self.first
        inside = np.clip(places, 0, len(self.entries) - 1).astype(np.int64)
        return np.asarray(self.entries[inside])


def read_lookup_table(name: str, item: Dataset, *, is_signed: bool, is_big: bool) -> LookupTable:
    """Read a lookup table.

    Args:
        name: the file as messages call it.
        item: the item of the sequence.
        is_signed: whether its inputs may be negative.
        is_big: whether the file's words are big-endian.

    Returns:
        The table.

    Raises:
        ImageRefused: `inconsistent-header`, if it is not as its descriptor says.

    Source:
        DICOM PS3.3, C.11.1.1 and C.11.2.1.1 (LUT Descriptor, LUT Data).
    """
    descriptor = read_numbers(item, "LUTDescriptor") or ()
    if len(descriptor) != 3 or not 8 <= descriptor[2] <= 16 or not 0 <= descriptor[0] < 65536:
        raise _refuse(name, "has a bad descriptor")
    n, first, bits = int(descriptor[0]) or 65536, int(descriptor[1]), int(descriptor[2])
    if is_signed and first > 32767:
        first -= 65536  # a negative number whose sign was lost
    if not is_signed and first < 0:
        first += 65536
    entries = _read_entries(name, item, n, is_big=is_big)
    highest = (1 << bits) - 1
    if len(entries) < n or entries[:n].max() > highest:
        raise _refuse(name, f"has not {n} entries of {bits} bits")
    return LookupTable(first, entries[:n], highest)


def _read_entries(name: str, item: Dataset, n: int, *, is_big: bool) -> Values:
    with refusing(name, "a lookup table cannot be read"):
        data = item.get("LUTData")
        if isinstance(data, bytes):
            kind = np.dtype(np.uint8 if len(data) in (n, n + 1) else (">u2" if is_big else "<u2"))
            entries = np.frombuffer(data, kind, len(data) // kind.itemsize)
        else:
            values = data if isinstance(data, (MultiValue, list)) else [data]
            entries = np.array([int(one) & 0xFFFF for one in values if one is not None], "<u2")
            if len(entries) < n <= 2 * len(entries):  # entries of 8 bits, two in a word
                entries = entries.view(np.uint8)
        return entries.astype(np.float64)


def _refuse(name: str, fault: str) -> ImageRefused:
    return ImageRefused(
        "inconsistent-header", f"{name} has a lookup table that {fault}: copy the file again"
    )
