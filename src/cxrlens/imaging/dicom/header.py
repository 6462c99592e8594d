"""What tables want to know of a DICOM file: its header, without its pixels.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
from dataclasses import dataclass, field
from datetime import date

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from cxrlens.imaging.dicom.dataset import read_dataset, read_numbers, read_text
from cxrlens.imaging.dicom.layout import MAX_HEADER_BYTES, read_layout
from cxrlens.imaging.dicom.pixels import name_syntax
from cxrlens.imaging.dicom.view import read_view
from cxrlens.imaging.file_bytes import read_head
from cxrlens.imaging.file_kind import BARE_DICOM, DICOM, HEAD_BYTES, recognise
from cxrlens.vocabulary import ImageRefused, show_name

_FIRST_BYTES = 1 << 16
"""The headers of nearly all radiographs are shorter."""

_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25, "": 365.25}
"""The units of an age (PS3.5, 6.2, AS); public collections leave it out and mean years."""


@dataclass(frozen=True, eq=False)
class DicomHeader:
    """What tables want to know of a DICOM file; None where the file does not say."""

    sop_uid: str | None
    """SOP Instance UID: tells this image from all others."""

    study_uid: str | None
    """Study Instance UID."""

    series_uid: str | None
    """Series Instance UID."""

    patient_id: str | None
    """Patient ID; None where it is empty, which never means one patient."""

    patient_name: str | None
    """Patient's Name in its own writing: components by `^`, further writings by `=`."""

    sex: str | None
    """Patient's Sex: `M`, `F` or `O`."""

    age: float | None
    """Age in years at the study: as stated, or from the dates of birth and study."""

    modality: str | None
    """Modality, such as `CR`."""

    body_part: str | None
    """Body Part Examined."""

    view: str
    """`PA`, `AP`, `AP Supine`, `lateral` (all that is not frontal) or `unknown`."""

    study_date: date | None
    """Study Date; in the future, if the file says so."""

    rows: int | None
    """Height in pixels."""

    cols: int | None
    """Width in pixels."""

    syntax: str
    """The transfer syntax, by name."""

    photometric: str | None
    """Photometric Interpretation, such as `MONOCHROME1`."""

    n_frames: int
    """Number of frames."""

    has_pixels: bool
    """Whether the file holds pixels."""

    _dataset: Dataset = field(repr=False)

    def get(self, keyword: str) -> str | None:
        """Give the value of any element as text.

        Args:
            keyword: its DICOM keyword, such as `StudyDescription`.

        Returns:
            The value, several joined by a backslash; None where it is absent, empty, a sequence or
            bytes, cannot be read, or where DICOM knows no such keyword.
        """
        if tag_for_keyword(keyword) is None:
            return None
        return _read(self._dataset, keyword)


def read_dicom_header(path: str | os.PathLike[str]) -> DicomHeader:
    """Read the header of a DICOM file up to its pixels, which are not touched.

    What was imaged plays no part, nor whether there are pixels. A single element that cannot be
    read is None.

    Args:
        path: the file.

    Returns:
        Its header.

    Raises:
        ImageRefused: `not-a-file`, `unreadable`, `empty`, `too-large`, `unknown-format` (no
            DICOM), `unsupported-format` (deflated, or without file meta information),
            `truncated`, `undecodable` or `inconsistent-header`.
    """
    name = repr(show_name(os.fspath(path)))
    size = _FIRST_BYTES
    while True:
        data = read_head(path, size)
        _check_kind(name, data)
        layout = read_layout(name, data, is_whole=len(data) < size)
        if layout is not None:
            break
        size = min(size * 16, 2 * MAX_HEADER_BYTES)
    dataset = read_dataset(name, data, layout)
    return DicomHeader(
        sop_uid=_read(dataset, "SOPInstanceUID"),
        study_uid=_read(dataset, "StudyInstanceUID"),
        series_uid=_read(dataset, "SeriesInstanceUID"),
        patient_id=_read(dataset, "PatientID"),
        patient_name=_read(dataset, "PatientName"),
        sex=_read(dataset, "PatientSex"),
        age=_read_age(dataset),
        modality=_read(dataset, "Modality"),
        body_part=_read(dataset, "BodyPartExamined"),
        view=read_view(name, dataset),
        study_date=_read_date(dataset, "StudyDate"),
        rows=_read_integer(dataset, "Rows"),
        cols=_read_integer(dataset, "Columns"),
        syntax=name_syntax(layout.syntax),
        photometric=_read(dataset, "PhotometricInterpretation"),
        n_frames=_read_integer(dataset, "NumberOfFrames") or 1,
        has_pixels=layout.pixels is not None,
        _dataset=dataset,
    )


def _check_kind(name: str, data: bytes) -> None:
    if not data:
        raise ImageRefused("empty", f"{name} is empty (0 bytes): copy the file again")
    kind = recognise(data[:HEAD_BYTES])
    if kind != DICOM:
        reason = "unsupported-format" if kind == BARE_DICOM else "unknown-format"
        advice = "rewrite it with `dcmconv IN OUT`" if kind == BARE_DICOM else "give a DICOM file"
        raise ImageRefused(reason, f"{name} is no DICOM file but {kind.name}: {advice}")


def _read(dataset: Dataset, keyword: str) -> str | None:
    try:
        return read_text("", dataset, keyword) or None
    except ImageRefused:  # one element of a table is not worth a file
        return None


def _read_integer(dataset: Dataset, keyword: str) -> int | None:
    found = read_numbers(dataset, keyword)
    return int(found[0]) if found else None


def _read_date(dataset: Dataset, keyword: str) -> date | None:
    text = (_read(dataset, keyword) or "").replace(".", "")  # dots stood in it before DICOM 3
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _read_age(dataset: Dataset) -> float | None:
    stated = re.fullmatch(r"(\d{1,4})([DWMY]?)", (_read(dataset, "PatientAge") or "").upper())
    if stated:
        return int(stated[1]) * _DAYS[stated[2]] / _DAYS["Y"]
    birth, study = _read_date(dataset, "PatientBirthDate"), _read_date(dataset, "StudyDate")
    if birth is None or study is None or birth > study:
        return None
    return (study - birth).days / _DAYS["Y"]
