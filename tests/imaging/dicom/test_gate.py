"""What a header says of a file decides whether it is read.

SPDX-License-Identifier: Apache-2.0
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from cxrlens.imaging.dicom.decoding import DicomDecoder
from cxrlens.vocabulary import ImageRefused

Make = Callable[..., Path]
Tool = Callable[..., Path]

DX = "1.2.840.10008.5.1.4.1.1.1.1"
SC = "1.2.840.10008.5.1.4.1.1.7"


def refuse(path: Path) -> tuple[str, str]:
    with pytest.raises(ImageRefused) as caught:
        DicomDecoder("'x.dcm'", path.read_bytes()).decode()
    return caught.value.reason, str(caught.value)


def look(path: Path) -> tuple[str, list[str]]:
    scan = DicomDecoder("'x.dcm'", path.read_bytes()).decode()
    return scan.view, [one.reason for one in scan.warnings]


def find(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"SOPClassUID": DX, "Modality": "DX", "PresentationIntentType": "FOR PRESENTATION"}, []),
        ({"Modality": "DX"}, []),
        ({"Modality": None}, []),
        ({"SOPClassUID": SC}, ["secondary-capture"]),
        ({"BurnedInAnnotation": "YES"}, ["burned-in-text"]),
        ({"BurnedInAnnotation": "NO"}, []),
        ({"BodyPartExamined": "THORAX"}, []),
        ({"BodyPartExamined": "LUNG"}, []),
        ({"BodyPartExamined": "CHEST_TO_ABDOMEN"}, "not-chest"),
        ({"BodyPartExamined": None}, []),
        ({"BodyPartExamined": ""}, []),
        ({"BodyPartExamined": None, "StudyDescription": "PORTABLE"}, []),
        ({"BodyPartExamined": None, "StudyDescription": "Left hand 2 views"}, "not-chest"),
        ({"BodyPartExamined": None, "StudyDescription": "Chest, shoulder"}, []),
        (
            {
                "BodyPartExamined": None,
                "StudyDescription": "Tórax, shoulder",
                "SpecificCharacterSet": "ISO_IR 192",
            },
            [],
        ),
        ({"BodyPartExamined": "HAND"}, "not-chest"),
        ({"BodyPartExamined": "TSPINE"}, "not-chest"),
        ({"Modality": "MG"}, "not-chest"),
        ({"Modality": "US"}, "not-chest"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "not-chest"),
        ({"SOPClassUID": "1.2.3"}, "not-chest"),
        ({"SOPClassUID": SC, "Modality": "OT"}, "secondary-capture"),
        ({"SOPClassUID": DX, "PresentationIntentType": "FOR PROCESSING"}, "for-processing"),
        ({"SOPClassUID": DX + ".1", "Modality": "DX"}, "for-processing"),
        ({"NumberOfFrames": 1}, []),
        ({"NumberOfFrames": 2}, "several-frames"),
        ({"NumberOfFrames": 0}, "inconsistent-header"),
    ],
)
def test_class_modality_part_and_frames(
    elements: dict[str, object], expected: list[str] | str, make: Make
) -> None:
    path = make(**elements)
    if isinstance(expected, str):
        assert refuse(path)[0] == expected
    else:
        assert look(path) == ("PA", expected)


@pytest.mark.parametrize(
    ("name", "reason", "word"),
    [
        ("CT_small.dcm", "not-chest", "CT"),
        ("MR_small.dcm", "not-chest", "MR"),
        ("RG3_UNCR.dcm", "not-chest", "EXTREMITY"),
        ("dicomdirtests/77654033/CR1/6154", "not-chest", "CSPINE"),
        ("emri_small.dcm", "several-frames", "10 frames"),
        ("color3d_jpeg_baseline.dcm", "several-frames", "120 frames"),
        ("liver.dcm", "several-frames", "SEG"),
        ("test-SR.dcm", "no-image", "no pixels"),
        ("DICOMDIR", "no-image", "no pixels"),
        ("mlut_18.dcm", "secondary-capture", "OT"),
    ],
)
def test_real_files_of_other_kinds_are_refused_by_name(name: str, reason: str, word: str) -> None:
    got, message = refuse(find(name))
    assert (got, word in message) == (reason, True)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"ViewPosition": "AP"}, "AP"),
        ({"ViewPosition": "PA "}, "PA"),
        ({"ViewPosition": "AP SUPINE"}, "AP Supine"),
        ({"ViewPosition": "AP", "SeriesDescription": "chest supine"}, "AP Supine"),
        ({"ViewPosition": None}, "unknown"),
        ({"ViewPosition": ""}, "unknown"),
        ({"ViewPosition": None, "SeriesDescription": "view: AP"}, "AP"),
        ({"ViewPosition": None, "SeriesDescription": "CHEST PA + LAT"}, "unknown"),
        ({"ViewPosition": None, "SeriesDescription": "W033 Chest lat."}, "lateral"),
        ({"ViewPosition": None, "SeriesDescription": "Thorax seitlich"}, "lateral"),
        ({"ViewPosition": None, "SeriesDescription": "Thorax p.a."}, "PA"),
        ({"ViewPosition": None, "SeriesDescription": "Thorax p.a. und seitlich"}, "unknown"),
        ({"ViewPosition": None, "SeriesDescription": "Thorax a.p. liegend"}, "AP"),
        ({"ViewPosition": None, "PatientOrientation": ["A", "F"]}, "lateral"),
        ({"ViewPosition": None, "PatientOrientation": ["L", "F"]}, "unknown"),
        *(
            ({"ViewPosition": one}, "lateral")
            for one in ("LATERAL", "LL", "RL", "LLD", "RLD", "RLO", "LLO", "LAT", "RAO", "LPO")
        ),
    ],
)
def test_views(elements: dict[str, object], expected: str, make: Make) -> None:
    path = make(**elements)
    if expected == "lateral":
        assert refuse(path)[0] == "lateral"
    else:
        assert look(path) == (expected, ["view-unknown"] * (expected == "unknown"))


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [("postero-anterior", "PA"), ("antero-posterior", "AP"), ("left lateral", "lateral")],
)
def test_the_view_may_stand_in_a_code(meaning: str, expected: str, make: Make) -> None:
    code = Dataset()
    code.CodeMeaning = meaning
    path = make(ViewPosition=None, ViewCodeSequence=[code])
    if expected == "lateral":
        assert refuse(path)[0] == "lateral"
    else:
        assert look(path)[0] == expected


def test_a_picture_wrapped_into_dicom_is_read_if_it_is_called_a_radiograph(
    dcmtk: Tool, tmp_path: Path, small: Path
) -> None:
    grey = (pydicom.dcmread(small).pixel_array >> 7).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "x.jpg", quality=95)
    path = dcmtk("img2dcm", tmp_path / "x.jpg")
    reason, message = refuse(path)
    assert (reason, "dcmodify" in message) == ("secondary-capture", True)
    subprocess.run(["dcmodify", "-nb", "-i", "Modality=CR", str(path)], check=True)
    scan = DicomDecoder("'x.dcm'", path.read_bytes()).decode()
    assert [one.reason for one in scan.warnings] == ["secondary-capture", "view-unknown"]
    twin = np.asarray(Image.open(tmp_path / "x.jpg"), dtype=np.float32) / np.float32(255)
    assert np.array_equal(scan.pixels, twin)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colours_are_read_only_if_they_are_grey(photometric: str, make: Make, small: Path) -> None:
    grey = (pydicom.dcmread(small).pixel_array >> 7).astype(np.uint8)[:122]
    colours = np.repeat(grey[..., None], 3, axis=2)
    if photometric == "YBR_FULL":
        colours[..., 1:] = 128
    options = {
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "SamplesPerPixel": 3,
        "PlanarConfiguration": 0, "PhotometricInterpretation": photometric,
    }  # fmt: skip
    scan = DicomDecoder("'x.dcm'", make(colours, **options).read_bytes()).decode()
    assert np.array_equal(scan.pixels, grey / np.float32(255))
    colours[30:60, 30:60, 1] = 250
    reason, message = refuse(make(colours, **options))
    assert (reason, "in colour" in message) == ("not-chest", True)


def test_no_message_names_a_patient(make: Make) -> None:
    for elements in ({"Modality": "MG"}, {"ViewPosition": "LL"}, {"Rows": 0}, {"BitsStored": 3}):
        path = make(PatientName="Secret^Person", PatientID="SECRET-1", **elements)
        assert "secret" not in refuse(path)[1].lower()
