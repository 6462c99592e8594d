"""What tables learn of a DICOM file.

SPDX-License-Identifier: Apache-2.0
"""

import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files, get_testdata_file

from cxrlens.imaging import read_dicom_header
from cxrlens.vocabulary import ImageRefused

Make = Callable[..., Path]


def test_a_header_is_read(rg1: Path) -> None:
    header = read_dicom_header(rg1)
    dataset = pydicom.dcmread(rg1)
    assert header.sop_uid == dataset.SOPInstanceUID
    assert header.study_uid == dataset.StudyInstanceUID
    assert header.series_uid == dataset.SeriesInstanceUID
    assert header.patient_id == dataset.PatientID
    assert (header.modality, header.body_part, header.view) == ("CR", "CHEST", "PA")
    assert (header.rows, header.cols, header.n_frames) == (1955, 1841, 1)
    assert (header.photometric, header.syntax) == ("MONOCHROME1", "Explicit VR Little Endian")
    assert header.has_pixels


def test_any_keyword_can_be_asked_for(make: Make) -> None:
    header = read_dicom_header(make(ImageType=["DERIVED", "PRIMARY"], Manufacturer=""))
    assert header.get("StudyDescription") == "THORAX"
    assert header.get("ImageType") == "DERIVED\\PRIMARY"
    assert header.get("WindowCenter") == "15000"
    for nothing in ("Manufacturer", "LossyImageCompression", "no such keyword", "PixelData"):
        assert header.get(nothing) is None


NAMES = {
    "chrKoreanMulti.dcm": "김희중",
    "chrJapMulti.dcm": "やまだ^たろう",
    "chrX2.dcm": "Wang^XiaoDong=王^小东",
    "chrI2.dcm": "Hong^Gildong=洪^吉洞=홍^길동",
    "chrArab.dcm": "قباني^لنزار",
    "chrGerm.dcm": "Äneas^Rüdiger",
}


@pytest.mark.parametrize("file", NAMES)
def test_names_are_shown_in_their_own_writing(file: str) -> None:
    header = read_dicom_header(get_charset_files(file)[0])
    assert header.patient_name == NAMES[file]
    assert (header.rows, header.cols) == (32, 32)


def test_an_unknown_character_set_is_no_reason_to_refuse(make: Make, tmp_path: Path) -> None:
    path = make(PatientName="Plain^Name", SpecificCharacterSet="ISO_IR 100")
    data = path.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 999")
    path.write_bytes(data)
    assert read_dicom_header(path).patient_name == "Plain^Name"


def test_an_empty_patient_is_none(make: Make) -> None:
    for patient in ("", "  ", None):
        header = read_dicom_header(make(PatientID=patient, PatientName=patient))
        assert (header.patient_id, header.patient_name) == (None, None)


@pytest.mark.parametrize(
    ("elements", "age"),
    [
        ({"PatientAge": "045Y"}, 45),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "007D"}, 7 / 365.25),
        ({"PatientAge": None, "PatientBirthDate": "20000101", "StudyDate": "20200101"}, 20),
        ({"PatientAge": None, "PatientBirthDate": "20300101", "StudyDate": "20200101"}, None),
        ({"PatientAge": None, "PatientBirthDate": "", "StudyDate": "20200101"}, None),
    ],
)
def test_age_is_in_years(elements: dict[str, object], age: float | None, make: Make) -> None:
    found = read_dicom_header(make(**({"PatientAge": "001Y"} | elements))).age
    assert found == (None if age is None else pytest.approx(age, abs=0.01))


def test_an_age_without_unit_is_in_years(make: Make) -> None:
    path = make(PatientAge="051Y")
    path.write_bytes(path.read_bytes().replace(b"051Y", b"051 "))  # as RSNA has it
    assert read_dicom_header(path).age == 51


def test_dates_may_be_absent_or_lie_in_the_future(make: Make) -> None:
    assert read_dicom_header(make(StudyDate="29991231")).study_date == date(2999, 12, 31)
    assert read_dicom_header(make(StudyDate="")).study_date is None
    assert read_dicom_header(make(StudyDate=None)).study_date is None
    path = make(StudyDate="20201231")
    path.write_bytes(path.read_bytes().replace(b"20201231", b"20209931"))
    assert read_dicom_header(path).study_date is None


def test_a_lateral_and_a_report_have_headers_too(make: Make) -> None:
    assert read_dicom_header(make(ViewPosition="LL")).view == "lateral"
    report = read_dicom_header(str(get_testdata_file("test-SR.dcm", download=False)))
    assert (report.modality, report.rows, report.has_pixels) == ("SR", None, False)


def test_pixels_are_not_read(small: Path, tmp_path: Path) -> None:
    """A header reader for 100,000 files must not read their pixels."""
    path = tmp_path / "x.dcm"
    data = small.read_bytes()
    with path.open("wb") as file:
        file.write(data)
        file.truncate(400_000_000)
    read_dicom_header(small)
    tracemalloc.start()
    read_dicom_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_long_header_is_read_in_larger_pieces(make: Make) -> None:
    path = make(EncapsulatedDocument=bytes(300_000))
    assert read_dicom_header(path).rows == 123


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html>", "unknown-format"),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", "unsupported-format"),
        (bytes(128) + b"DICM", "truncated"),
    ],
)
def test_broken_files_are_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(data)
    with pytest.raises(ImageRefused) as caught:
        read_dicom_header(path)
    assert caught.value.reason == reason


def test_what_is_no_dicom_file_is_named_with_the_right_advice(tmp_path: Path, small: Path) -> None:
    for data, reason, word in (
        (b"\xff\xd8\xff\xe0" + bytes(600), "unknown-format", "JPEG: give a DICOM file"),
        (small.read_bytes()[132:], "unsupported-format", "dcmconv"),
        (b"", "empty", "0 bytes"),
    ):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(ImageRefused) as caught:
            read_dicom_header(tmp_path / "x")
        assert (caught.value.reason, word in str(caught.value)) == (reason, True)
