"""What a table takes from the header of one DICOM file.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cxrlens.data.cell_words import read_sex, read_view
from cxrlens.imaging import read_dicom_header, read_head, recognise
from cxrlens.vocabulary import ImageRefused, show_name

SUFFIXES = (".dcm", ".dicom", ".dic")
"""Files called so must be DICOM; any other file is one if its content says so."""

_OTHERS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class DicomFile:
    """What is kept of one header."""

    path: str
    """The file."""

    sop_uid: str | None
    """Tells the image from all others."""

    series_uid: str | None
    """Of its series."""

    study_uid: str | None
    """Of its study."""

    patient: str | None
    """As the header has it; never shown."""

    view: str
    """`PA`, `AP`, `lateral` or `unknown`."""

    sex: str | None
    """`M`, `F`, or None."""

    age: float | None
    """In years; None where unknown."""

    tags: Mapping[str, str | None] = field(default_factory=dict)
    """The values asked for, by DICOM keyword."""


def is_dicom(path: str) -> bool:
    """Whether a file is DICOM by its content; what cannot be opened is not."""
    try:
        return recognise(read_head(path)).name == "DICOM"
    except ImageRefused:
        return False


def read_dicom_file(path: str, keywords: Sequence[str] = ()) -> DicomFile:
    """Read the header of a file that should be a DICOM image.

    Args:
        path: the file.
        keywords: DICOM keywords whose values are wanted.

    Returns:
        What a table needs; empty values as None.

    Raises:
        ImageRefused: if it is none, is broken, or holds no image.
    """
    header = read_dicom_header(path)
    if not header.has_pixels:
        raise ImageRefused(
            "no-image", f"{show_name(path)!r} is a DICOM object without an image: leave it out"
        )
    return DicomFile(
        path,
        header.sop_uid,
        header.series_uid,
        header.study_uid,
        header.patient_id,
        read_view(header.view),
        read_sex(header.sex or ""),
        header.age,
        {keyword: header.get(keyword) for keyword in keywords},
    )


def read_dicom_facts(paths: Iterable[str]) -> list[DicomFile | None]:
    """Read the headers of those files that are DICOM; of others, and of broken ones, give None.

    Args:
        paths: the files; those with a suffix of another format are not opened.

    Returns:
        One entry a file.
    """
    return [None if path.lower().endswith(_OTHERS) else _try_read(path) for path in paths]


def _try_read(path: str) -> DicomFile | None:
    try:
        return read_dicom_file(path) if is_dicom(path) else None
    except ImageRefused:  # it is refused by the same reason when it is read
        return None
