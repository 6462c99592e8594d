"""DICOM files become the grey that other programs show.

SPDX-License-Identifier: Apache-2.0
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from cxrlens.imaging import Scan, read_radiograph, render_dicom
from cxrlens.imaging.dicom.decoding import DicomDecoder

Make = Callable[..., Path]
Tool = Callable[..., Path]


def show_with_dcmtk(
    dcmtk: Tool, path: Path, *options: str, program: str = "dcmj2pnm"
) -> np.ndarray:
    to_png = ["+on"] if program == "dcmj2pnm" else ["+ob"]
    return np.asarray(Image.open(dcmtk(program, *to_png, *options, path)), dtype=float)


def show_with_highdicom(path: Path, **options: bool) -> np.ndarray:
    """In 0…255; what has no window has the range of its bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break the letter of the standard
        image = highdicom.imread(path)
        has_window = "WindowCenter" in image or "VOILUTSequence" in image
        shown = image.get_frame(
            1, apply_voi_transform=has_window or None, apply_presentation_lut=True
        )
        return shown * (255 if has_window else 255 / (2**image.BitsStored - 1))


def read(path: Path) -> Scan:
    """Decode without judging the content, which has tests of its own."""
    return DicomDecoder("'x.dcm'", path.read_bytes()).decode()


def warned(scan: Scan) -> list[str]:
    return [one.reason for one in scan.warnings]


def test_a_radiograph_is_read_whole(rg1: Path) -> None:
    radiograph = read_radiograph(rg1)
    assert (radiograph.pixels.shape, radiograph.pixels.dtype) == ((1955, 1841), np.float32)
    assert radiograph.view == "PA"
    assert radiograph.spacing_mm is None  # the file says 0.000\0.000


def test_the_pipeline_is_the_one_written_out(small: Path) -> None:
    stored = pydicom.dcmread(small).pixel_array.astype(float)
    grey = 1 - np.clip((stored - 14999.5) / 29999 + 0.5, 0, 1)
    assert np.abs(render_dicom(small) - grey).max() < 1e-6
    assert np.array_equal(read(small).pixels, render_dicom(small))


def vary(path: Path, which: str) -> pydicom.Dataset:
    """The same picture, its polarity said in four ways, and two that contradict themselves."""
    dataset = pydicom.dcmread(path)
    if which in ("shape inverse", "monochrome2 but inverse"):
        dataset.PresentationLUTShape = "INVERSE"
    if which in ("turned pixels", "negative slope"):
        dataset.WindowCenter = 32767 - 15000
    if which == "turned pixels":
        dataset.PixelData = (32767 - dataset.pixel_array).astype("<u2").tobytes()
    if which == "negative slope":
        dataset.RescaleSlope, dataset.RescaleIntercept = -1, 32767
    if which in ("turned pixels", "negative slope", "monochrome2 but inverse"):
        dataset.PhotometricInterpretation = "MONOCHROME2"
    if which == "monochrome1 but identity":
        dataset.PresentationLUTShape = "IDENTITY"
    return dataset


AGREEING = ("as it is", "shape inverse", "turned pixels", "negative slope")
CONTRADICTING = ("monochrome2 but inverse", "monochrome1 but identity")


@pytest.mark.parametrize("which", [*AGREEING, *CONTRADICTING])
@pytest.mark.parametrize("size", ["small", pytest.param("rg1", marks=pytest.mark.slow)])
def test_polarity_is_that_of_dcmtk_and_highdicom(
    which: str, size: str, dcmtk: Tool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    original = request.getfixturevalue(size)
    path = tmp_path / "x.dcm"
    vary(original, which).save_as(path)
    ours = render_dicom(path) * 255
    assert np.abs(ours - show_with_dcmtk(dcmtk, path, "+Wi", "1")).max() <= 1.01  # it cuts off
    assert np.abs(ours - show_with_highdicom(path)).max() <= 0.02
    if which in AGREEING:
        assert np.abs(ours - render_dicom(original) * 255).max() <= 0.02
    assert warned(read(path)).count("polarity-contradictory") == (which in CONTRADICTING)


@pytest.mark.slow
def test_air_is_dark_in_all_four_ways(rg1: Path, tmp_path: Path) -> None:
    """Beside the neck is air, and the heart is dense."""
    for which in AGREEING:
        vary(rg1, which).save_as(tmp_path / "x.dcm")
        grey = read(tmp_path / "x.dcm").pixels * 255
        assert grey[40:160, 10:60].mean() < 100  # beside the neck
        assert grey[1200:1300, 880:980].mean() > 200


SHARED = {
    "gdcm_CR-MONO1-10-chest": ("dcmj2pnm", "+Wi", "1"),
    "highdicom_dx_thorax": ("dcmj2pnm", "+Wi", "1"),
    "siim_chest_pa_1024_jpegbaseline": ("dcmj2pnm",),
    "siim_fake_mono1": ("dcmj2pnm",),
    "wg04_RG1_JLSN": ("dcml2pnm", "+Wi", "1"),
    "wg04_RG1_J2KI": (),
}


@pytest.mark.parametrize("which", SHARED)
def test_files_of_many_origins_look_as_dcmtk_and_highdicom_show_them(
    which: str, dcmtk: Tool, shared: Path
) -> None:
    path = shared / "data" / "dicom" / f"{which}.dcm"
    ours = render_dicom(path) * 255
    assert np.abs(ours - show_with_highdicom(path)).max() <= 0.02
    if SHARED[which]:
        program, *options = SHARED[which]
        theirs = show_with_dcmtk(dcmtk, path, *options, program=program)
        assert np.abs(ours - theirs).max() <= 1.01


def test_a_voi_lut_is_that_of_highdicom() -> None:
    path = Path(str(get_testdata_file("vlut_04.dcm", download=False)))
    assert np.abs(render_dicom(path) * 255 - show_with_highdicom(path)).max() <= 0.02


def test_a_modality_lut_is_that_of_dcmtk_and_highdicom(dcmtk: Tool, tmp_path: Path) -> None:
    """The signs stand in the stored bits only, as is right; highdicom wants them in all 16."""
    path = Path(str(get_testdata_file("mlut_18.dcm", download=False)))
    ours = render_dicom(path) * 255
    assert np.abs(ours - show_with_dcmtk(dcmtk, path)).max() <= 1.01
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.pixel_array.astype("<i2").tobytes()
    dataset.save_as(tmp_path / "x.dcm")
    theirs = show_with_highdicom(tmp_path / "x.dcm") * (2**12 - 1) / (2**16 - 1)
    assert np.abs(ours - theirs).max() <= 0.02
    assert np.array_equal(render_dicom(tmp_path / "x.dcm") * 255, ours)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_are_those_of_highdicom(function: str, make: Make) -> None:
    path = make(WindowCenter=[12000, 300], WindowWidth=[9000, 20], VOILUTFunction=function)
    assert np.abs(render_dicom(path) * 255 - show_with_highdicom(path)).max() <= 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_file_without_a_window_is_its_png_twin(dtype: type, make: Make, tmp_path: Path) -> None:
    """Bytes are shown as they are; of more bits the middle 99 percent."""
    bits = np.dtype(dtype).itemsize * 8
    ramp = np.add.outer(np.arange(130), np.arange(140) * 0.8) % 256
    pixels = (ramp * (1 if bits == 8 else 16)).astype(dtype)
    bits_stored = 8 if bits == 8 else 12
    path = make(
        pixels, BitsAllocated=bits, BitsStored=bits_stored, HighBit=bits_stored - 1,
        PhotometricInterpretation="MONOCHROME2", WindowCenter=None, WindowWidth=None,
    )  # fmt: skip
    Image.fromarray(pixels.astype(np.uint8) if bits == 8 else pixels).save(tmp_path / "twin.png")
    twin = np.asarray(Image.open(tmp_path / "twin.png"), dtype=np.float32) / (
        255 if bits == 8 else 4095
    )
    assert np.abs(render_dicom(path) - twin).max() < 1e-6
    ours = read(path).pixels
    if bits == 8:
        assert np.array_equal(ours, twin)
    else:
        low, high = np.percentile(twin, [0.5, 99.5])
        assert np.abs(ours - np.clip((twin - low) / (high - low), 0, 1)).max() < 0.01


UNUSABLE = {
    "width 0": {"WindowCenter": 15000, "WindowWidth": 0},
    "negative width": {"WindowCenter": 15000, "WindowWidth": -5},
    "off the data": {"WindowCenter": 500000, "WindowWidth": 1000},
    "far too wide": {"WindowCenter": 0, "WindowWidth": 10_000_000},
    "half": {"WindowWidth": None},
    "unknown function": {"VOILUTFunction": "CUBIC"},
}


@pytest.mark.parametrize("which", UNUSABLE)
def test_a_window_that_shows_nothing_is_replaced(which: str, make: Make) -> None:
    path = make(**UNUSABLE[which])
    scan = read(path)
    assert warned(scan).count("window-unusable") == 1
    stored = pydicom.dcmread(path).pixel_array.astype(float)
    low, high = np.percentile(stored, [0.5, 99.5])
    expected = 1 - np.clip((stored - low) / (high - low), 0, 1)
    assert np.abs(scan.pixels - expected).max() < 0.01


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("is_range", [False, True])
def test_padding_is_black_and_moves_nothing(
    photometric: str, is_range: bool, small: Path, make: Make
) -> None:
    pixels = pydicom.dcmread(small).pixel_array.copy()
    options = {"PhotometricInterpretation": photometric, "WindowCenter": None, "WindowWidth": None}
    without = read(make(pixels[20:-20, 20:-20].copy(), **options)).pixels
    pixels[:20], pixels[-20:], pixels[:, :20], pixels[:, -20:] = 32000, 32010, 32005, 32000
    if is_range:
        options["PixelPaddingRangeLimit"] = 32010
    else:
        pixels[pixels > 32000] = 32000
    path = make(pixels, PixelPaddingValue=32000, **options)
    shown = read(path).pixels
    assert shown[:20].max() == shown[:, -20:].max() == 0
    assert np.array_equal(shown[20:-20, 20:-20], without)


def test_negative_numbers_and_padding_among_them(make: Make, small: Path) -> None:
    stored = pydicom.dcmread(small).pixel_array
    plain = render_dicom(
        make(WindowCenter=None, WindowWidth=None, PhotometricInterpretation="MONOCHROME2")
    )
    moved = (stored.astype(np.int32) - 16384).astype(np.int16)
    options = {"PixelRepresentation": 1, "PhotometricInterpretation": "MONOCHROME2"}
    path = make(moved, WindowCenter=None, WindowWidth=None, **options)
    assert np.abs(render_dicom(path) - plain).max() < 1e-6
    cut = moved & 0x7FFF  # the sign in the stored bits only, as the letter of the standard has it
    path = make(cut, WindowCenter=None, WindowWidth=None, **options)
    assert np.abs(render_dicom(path) - plain).max() < 1e-6
    moved[:10] = -16000
    path = make(moved, PixelPaddingValue=-16000, WindowCenter=-1384, WindowWidth=30000, **options)
    assert render_dicom(path)[:10].max() == 0


def test_spacing(make: Make) -> None:
    cases = [
        ({"PixelSpacing": [0.2, 0.1]}, (0.2, 0.1)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.143, 0.143]}, (0.143, 0.143)),
        ({"PixelSpacing": [-1, 0.1]}, None),
        ({"PixelSpacing": [400, 400]}, None),
        ({"PixelSpacing": None}, None),
    ]
    for elements, expected in cases:
        assert read(make(**elements)).spacing_mm == expected
