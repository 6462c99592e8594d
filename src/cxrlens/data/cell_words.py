"""What a cell says about a patient, a view, a part of a split, or a finding.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import pandas as pd

from cxrlens.data.layout import PART_NAMES

T = TypeVar("T")

_MISSING = {"", "nan", "na", "n/a", "<na>", "null"}
_UNKNOWN = {*_MISSING, "none", "unknown", "?", "-"}
_STATES = {
    "1": 1.0, "true": 1.0, "yes": 1.0, "y": 1.0, "positive": 1.0, "present": 1.0,
    "0": 0.0, "false": 0.0, "no": 0.0, "n": 0.0, "negative": 0.0, "absent": 0.0,
    "-1": -1.0, "uncertain": -1.0,
}  # fmt: skip
_LATERAL = {"LATERAL", "LAT", "LL", "RL"}
_FRONTAL = {
    "PA": "PA", "POSTEROANTERIOR": "PA",
    "AP": "AP", "ANTEROPOSTERIOR": "AP",
}  # fmt: skip
_MAX_AGE = 120
_UNITS = {"y": 1.0, "m": 1 / 12, "w": 7 / 365.25, "d": 1 / 365.25, "": 1.0}

LATERAL = "lateral"
"""What `read_view` gives for a view from the side."""


def read_cells(cells: Iterable[str], read: Callable[[str], T]) -> list[T]:
    """Read each cell of a column; equal cells are read once.

    Args:
        cells: text.
        read: gives the value of a cell.

    Returns:
        One value a cell.
    """
    codes, unique = pd.factorize(np.array(list(cells), dtype=object))
    values = [read(str(cell)) for cell in unique]
    return [values[code] for code in codes]


def is_missing(cell: str) -> bool:
    """Whether a cell is blank, or says `NaN`, `n/a` or `null`."""
    return cell.strip().lower() in _MISSING


def read_known(cell: str) -> str | None:
    """Give a cell's text; None where it is blank or says `unknown`, `none` or the like."""
    text = cell.strip()
    return None if text.lower() in _UNKNOWN else text


def read_state(cell: str) -> float | None:
    """Read whether a finding is there: 1, 0, -1 uncertain, NaN blank; None for any other word."""
    text = cell.strip().lower()
    if text in _MISSING:
        return float("nan")
    return _STATES.get(re.sub(r"[.,]0*$", "", text))


def read_part(cell: str) -> str | None:
    """Read train, val or test; None for any other word, and for a blank cell."""
    return PART_NAMES.get(cell.strip().lower())


def read_view(cell: str) -> str:
    """Read a view: `PA`, `AP`, `lateral`, or `unknown` for all else, and where it is in doubt.

    `AP Supine` and `AP Erect` are AP. A decubitus view is taken from the front, but its
    projection is not stated: unknown.

    Source:
        DICOM PS3.3, C.8.1.1 (View Position: PA, AP, LL, RL, RLD, LLD, RLO, LLO).

    Example:
        >>> read_view("AP Supine"), read_view("LL"), read_view("AP?")
        ('AP', 'lateral', 'unknown')
    """
    if "?" in cell:
        return "unknown"
    words = set(re.split(r"[^A-Z]+", cell.upper()))
    found = {_FRONTAL[word] for word in words if word in _FRONTAL}
    if words & _LATERAL and not found and "DECUBITUS" not in words:
        return LATERAL
    return found.pop() if len(found) == 1 and not words & _LATERAL else "unknown"


def read_sex(cell: str) -> str | None:
    """Read `M` or `F`; None for all else.

    Example:
        >>> read_sex("Female"), read_sex("m"), read_sex("Unknown")
        ('F', 'M', None)
    """
    return {"m": "M", "male": "M", "f": "F", "female": "F"}.get(cell.strip().lower())


def read_age(cell: str) -> float | None:
    """Read an age in years; None for what is none, or beyond 120 years.

    Source:
        DICOM PS3.5, 6.2 (AS: three digits and D, W, M or Y).

    Example:
        >>> read_age("058Y"), read_age("58"), read_age("006M"), read_age("412Y")
        (58.0, 58.0, 0.5, None)
    """
    found = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*([ymwd]?)(?:ears?)?", cell.strip().lower())
    if found is None:
        return None
    years = float(found[1].replace(",", ".")) * _UNITS[found[2]]
    return years if years <= _MAX_AGE else None
