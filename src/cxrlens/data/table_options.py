"""How a collection is to be read, where its files do not say it.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROLES = ("image", "label", "patient", "view", "source", "split", "mask", "sex", "age")
"""What a column of a table of labels may stand for."""


@dataclass(frozen=True)
class TableOptions:
    """What a user may say about a collection; everything has a default that fits known formats."""

    images: Path | None = None
    """The folder under which the images of a table of labels lie; None: where the table lies."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The columns that stand for a role of `ROLES`. `label` may have several: one column a class.
    For DICOM files without a table of labels, `label` may be a DICOM keyword such as
    `StudyDescription`."""

    where: str | None = None
    """Keep the rows for which this holds, such as `task == "covid3" and view in ["PA", "AP"]`; in
    the words of `pandas.DataFrame.query`."""

    class_names: Mapping[str, str] = field(default_factory=dict)
    """New names for labels, old to new, such as `{"PNEUMONIA": "pneumonia"}`; two that get the
    same name become one class."""
