"""Which column of a table of labels stands for what.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cxrlens.data.label_file import LabelFile
from cxrlens.data.study_table import LABEL_PREFIX
from cxrlens.data.table_options import ROLES
from cxrlens.vocabulary import TableError, show_name, suggest

_USUAL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "image": (
            "imagepath", "path", "filepath", "image", "imagefile", "imagefilename", "filename",
            "file", "imagename", "imageindex", "imageid", "img", "imgpath", "imgid", "dicompath",
            "dicomfile", "dicom", "dicomid",
        ),
        "label": (
            "label", "labels", "class", "classname", "target", "finding", "findings",
            "findinglabel", "findinglabels", "diagnosis", "disease", "category",
        ),
        "patient": (
            "patientid", "patient", "patientnumber", "subjectid", "subject", "subjectnumber",
        ),
        "view": ("view", "viewposition", "projection", "appa", "viewpositiondicom"),
        "source": ("source", "dataset", "hospital", "site", "institution", "centre", "center"),
        "split": ("split", "subset", "partition", "part", "phase", "set"),
        "mask": ("mask", "maskpath", "maskfile", "lesionmask"),
        "sex": ("sex", "gender", "patientsex", "patientgender", "patientsexdicom"),
        "age": ("age", "patientage", "ageyears"),
    }
)  # fmt: skip
"""Names in lower case without spaces and signs, the likeliest first."""

_ANATOMY = {"lung", "lungs", "heart", "rib", "ribs", "clavicle", "clavicles", "body", "thorax"}
"""A mask of these shows where an organ lies, not where a finding does."""

Roles = dict[str, tuple[str, ...]]
"""The columns of each role that has any."""


def choose_columns(
    file: LabelFile,
    given: Mapping[str, Sequence[str]],
    known: Mapping[str, str | None] = MappingProxyType({}),
) -> Roles:
    """Find the column of each role: as given, else as the format has it, else by usual names.

    Case, spaces and signs play no part in usual names. Columns whose names begin with
    `LABEL_PREFIX` are label columns, one a class.

    Args:
        file: the table.
        given: `TableOptions.columns`.
        known: for a known format, the column of a role, or None where it has none.

    Returns:
        The columns of each role; roles without one are left out.

    Raises:
        TableError: if a role is not known, a named column is not there, or a role that takes one
            column gets several.
    """
    roles: Roles = {}
    for role, names in given.items():
        if role not in ROLES:
            raise TableError(f"{role!r} is no role of a column; {suggest(role, ROLES)}")
        if len(names) > 1 and role != "label":
            raise TableError(f"only one column can be the {role}; got {', '.join(names)}")
        if names:
            roles[role] = tuple(_find_given(file, role, name) for name in names)
    for role in ROLES:
        if role in roles:
            continue
        taken = {name for names in roles.values() for name in names}
        found = known[role] if role in known else _find_usual(file, role, taken)
        if role == "label" and (prefixed := _find_prefixed(file)):
            roles[role] = prefixed
        elif found is not None:
            roles[role] = (found,)
    return roles


def _find_prefixed(file: LabelFile) -> tuple[str, ...]:
    return tuple(name for name in file.header if name.startswith(LABEL_PREFIX))


def _find_given(file: LabelFile, role: str, name: str) -> str:
    if name in file.header:
        return name
    same = [one for one in file.header if simplify(one) == simplify(name)]
    if len(same) == 1:
        return same[0]
    raise TableError(
        f"{file.name} has no column {name!r} for the {role}; {suggest(name, file.header)} "
        f"(it has: {show_columns(file)})"
    )


def _find_usual(file: LabelFile, role: str, taken: set[str]) -> str | None:
    by_name = {simplify(name): name for name in reversed(file.header) if name not in taken}
    found = next((by_name[name] for name in _USUAL[role] if name in by_name), None)
    if found is None and role == "mask":
        masks = [one for one in find_masks(file) if one not in taken]
        return masks[0] if len(masks) == 1 else None
    return found


def find_masks(file: LabelFile) -> list[str]:
    """Columns named as masks of findings, such as `ptx_mask`; not those of organs."""
    return [
        name
        for name in file.header
        if name.lower().endswith("_mask") and not _ANATOMY & set(re.split(r"[\W_]+", name.lower()))
    ]


def simplify(name: str) -> str:
    """Take away case, spaces and signs, so that `Image Index` is `imageindex`."""
    return re.sub(r"[\W_]+", "", name).lower()


def show_columns(file: LabelFile) -> str:
    """The columns of a table, for a message."""
    shown = [show_name(name) for name in file.header[:40]]
    more = len(file.header) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
