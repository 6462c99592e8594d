"""The header of a DICOM file as pydicom reads it, without pydicom's many errors and warnings.

SPDX-License-Identifier: Apache-2.0
"""

import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import DataElement, Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from cxrlens.imaging.dicom.layout import Layout
from cxrlens.imaging.library_warnings import hold_back_warnings
from cxrlens.vocabulary import ImageRefused

_FAULTS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    struct.error,
    BytesLengthException,
    InvalidDicomError,
)
"""What pydicom raises on damaged files: its own errors, and many of Python's."""


def read_dataset(name: str, data: bytes, layout: Layout) -> Dataset:
    """Read the header.

    Args:
        name: the file as messages call it.
        data: the file's bytes, at least as far as the pixels.
        layout: where its parts lie.

    Returns:
        The data set without the pixels.

    Raises:
        ImageRefused: `undecodable`.
    """
    with refusing(name, "its header cannot be read"):
        return dcmread(io.BytesIO(data[: layout.header_end]))


def read_text(name: str, dataset: Dataset, keyword: str) -> str:
    """Give an element's value as text, several values joined by a backslash.

    Args:
        name: the file as messages call it.
        dataset: where the element is looked for.
        keyword: the element.

    Returns:
        The text without spaces around; empty where the element is absent, empty, a sequence or
        bytes.

    Raises:
        ImageRefused: `undecodable`.
    """
    with refusing(name, f"the element {keyword} cannot be read"):
        value = dataset.get(keyword)
        if value is None or isinstance(value, (bytes, Sequence)):
            return ""
        if isinstance(value, (MultiValue, list)):
            return "\\".join(str(one) for one in value)
        return str(value).strip("\0 \t\r\n")


def read_numbers(dataset: Dataset, keyword: str | tuple[int, int]) -> tuple[float, ...] | None:
    """Give an element's values as finite numbers.

    Args:
        dataset: where the element is looked for.
        keyword: the element, by its keyword or its tag.

    Returns:
        The numbers, none where the element is absent or empty; None where they are none.
    """
    try:
        with hold_back_warnings():
            value = dataset.get(keyword)
            if isinstance(value, DataElement):  # what a tag gives
                value = value.value
            if value is None or value == "":
                return ()
            values = value if isinstance(value, (MultiValue, list)) else [value]
            numbers = tuple(float(one) for one in values)
    except _FAULTS:
        return None
    return numbers if all(math.isfinite(one) for one in numbers) else None


def read_integer(name: str, dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """Give an element's value as an integer.

    Args:
        name: the file as messages call it.
        dataset: where the element is looked for.
        keyword: the element.
        default: what is given where it is absent or empty; None if it must be there.

    Returns:
        The integer.

    Raises:
        ImageRefused: `inconsistent-header`, if it is missing or no integer.
    """
    numbers = read_numbers(dataset, keyword)
    if numbers == () and default is not None:
        return default
    if not numbers or len(numbers) != 1 or not numbers[0].is_integer():
        fault = "lacks" if numbers == () else "has no integer in"
        raise ImageRefused(
            "inconsistent-header",
            f"{name} {fault} the element {keyword}, without which its pixels cannot be read: "
            "copy the file again",
        )
    return int(numbers[0])


def read_items(name: str, dataset: Dataset, keyword: str) -> list[Dataset]:
    """Give the items of a sequence.

    Args:
        name: the file as messages call it.
        dataset: where the sequence is looked for.
        keyword: the sequence.

    Returns:
        Its items; none where it is absent or no sequence.

    Raises:
        ImageRefused: `undecodable`.
    """
    with refusing(name, f"the sequence {keyword} cannot be read"):
        value = dataset.get(keyword)
        return list(value) if isinstance(value, Sequence) else []


@contextmanager
def refusing(name: str, fault: str) -> Iterator[None]:
    """Turn pydicom's errors into a refusal and hold back its warnings.

    The error's own words stay out of the message: they may hold a patient's name.

    Args:
        name: the file as messages call it.
        fault: what went wrong then.

    Raises:
        ImageRefused: `undecodable`.
    """
    try:
        with hold_back_warnings():
            yield
    except _FAULTS as error:
        raise ImageRefused(
            "undecodable", f"{name} is damaged: {fault} ({type(error).__name__})"
        ) from error
