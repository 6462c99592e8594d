"""An array of labels, as files of arrays hold them, becomes classes.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.vocabulary import TableError, show_name

MAX_CLASSES = 1000
"""More columns, or a larger class number, are no classes but something else."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of n images."""

    classes: tuple[str, ...]
    """Their names, in the order of the numbers or columns; of words, in the order of the bytes."""

    words: list[str | None]
    """The class of each image where it has one; None where that is not known. Empty where an
    image may have several."""

    matrix: np.ndarray | None = None
    """n x classes, float32: 1, 0, -1 uncertain, NaN missing; None where an image has one class."""


def read_labels(
    where: str, array: np.ndarray, names: Sequence[str] | None = None, *, several: bool = False
) -> Labels:
    """Tell what an array of labels means.

    Args:
        where: the array as messages call it.
        array: n or n x 1 class numbers (-1 or NaN: missing) or words (empty: missing); or n x K
            numbers 0 and 1. If every row of these sums to one, an image has one class (one-hot);
            if not, it may have several, and then -1 is uncertain and NaN missing.
        names: the classes, in the order of the numbers or columns; None: `0`, `1` … .
        several: read n x K as several classes an image even if every row sums to one.

    Returns:
        The labels.

    Raises:
        TableError: if the array is not of such a form, or names and array do not fit.

    Example:
        >>> import numpy as np
        >>> read_labels("label", np.array([[1, 0], [0, 1]]), ["normal", "pneumothorax"]).words
        ['normal', 'pneumothorax']
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if names is not None and len(set(names)) < len(names):
        raise TableError(f"{where}: two classes have the same name; give each its own")
    if names is not None and "" in names:
        raise TableError(f"{where}: a class has an empty name; give each one a name")
    if array.dtype.kind in "OSU" and array.ndim == 1:
        return _read_words(where, array, names)
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2):
        raise TableError(
            f"{where} has the shape {array.shape} and the type {array.dtype}; labels are n or "
            "n x 1 class numbers or words, or n x K numbers 0 and 1"
        )
    if array.ndim == 1:
        return _read_numbers(where, array.astype(np.float64), names)
    return _read_columns(where, array.astype(np.float32), names, several=several)


def decode_words(array: np.ndarray) -> list[str | None]:
    """Give text or numbers as words; what is empty or NaN as None."""
    return [_decode(value) for value in array.tolist()]


def _decode(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, float):
        value = "" if np.isnan(value) else int(value) if value.is_integer() else value
    return str(value).strip() or None


def _read_words(where: str, array: np.ndarray, names: Sequence[str] | None) -> Labels:
    words = decode_words(array)
    found = {word for word in words if word is not None}
    if names is None:
        return Labels(tuple(sorted(found, key=os.fsencode)), words)
    strange = sorted(found.difference(names))
    if strange:
        raise TableError(
            f"{where} holds {show_name(strange[0])!r}, which is none of the classes that the file "
            f"names: {', '.join(map(show_name, names))}"
        )
    return Labels(tuple(names), words)


def _read_numbers(where: str, numbers: np.ndarray, names: Sequence[str] | None) -> Labels:
    known = numbers[~(np.isnan(numbers) | (numbers == -1))]
    limit = MAX_CLASSES if names is None else len(names)
    strange = known[(known != np.floor(known)) | (known < 0) | (known >= limit)]
    if len(strange):
        told = "class numbers" if names is None else f"numbers of the {limit} classes it names"
        raise TableError(f"{where} holds {strange[0]:g}; expected {told}, from 0 (-1: missing)")
    if names is None:
        classes = {int(number): str(int(number)) for number in np.unique(known)}
    else:
        classes = dict(enumerate(names))
    words = [classes.get(number) for number in numbers.tolist()]
    return Labels(tuple(classes.values()), words)


def _read_columns(
    where: str, matrix: np.ndarray, names: Sequence[str] | None, *, several: bool
) -> Labels:
    k = matrix.shape[1]
    if not 0 < k <= MAX_CLASSES or (names is not None and len(names) != k):
        told = f"1…{MAX_CLASSES}" if names is None else f"the {len(names)} classes it names"
        raise TableError(f"{where} has {k} columns; expected {told}")
    strange = matrix[~(np.isin(matrix, (-1, 0, 1)) | np.isnan(matrix))]
    if len(strange):
        raise TableError(
            f"{where} holds {strange[0]:g}; expected 1 (there), 0 (not there), -1 (uncertain) or "
            "NaN (missing) in each of its columns"
        )
    classes = tuple(names) if names is not None else tuple(map(str, range(k)))
    is_one_hot = bool(((matrix == 1).sum(axis=1) == 1).all() and np.isin(matrix, (0, 1)).all())
    if is_one_hot and not several:
        return Labels(classes, [classes[column] for column in matrix.argmax(axis=1).tolist()])
    return Labels(classes, [], matrix)
