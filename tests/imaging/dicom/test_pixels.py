"""Every transfer syntax gives the same numbers, and what lies about its size is refused.

SPDX-License-Identifier: Apache-2.0
"""

import io
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import JPEG2000Lossless

from cxrlens.imaging import read_dicom_header, render_dicom
from cxrlens.imaging.dicom.codestream import read_jpeg
from cxrlens.imaging.dicom.decoding import DicomDecoder
from cxrlens.imaging.dicom.rle import decode_rle
from cxrlens.vocabulary import ImageRefused

Make = Callable[..., Path]
Tool = Callable[..., Path]

LOSSLESS = {
    "implicit": ("dcmconv", "+ti"),
    "explicit": ("dcmconv", "+te"),
    "big-endian": ("dcmconv", "+tb"),
    "run lengths": ("dcmcrle",),
    "JPEG lossless, selection value 1": ("dcmcjpeg", "+e1"),
    "JPEG lossless, any": ("dcmcjpeg", "+el"),
    "JPEG-LS": ("dcmcjpls",),
}


COLOUR = {
    "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "SamplesPerPixel": 3,
    "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB",
}  # fmt: skip


def refuse(path: Path) -> tuple[str, str]:
    with pytest.raises(ImageRefused) as caught:
        DicomDecoder("'x.dcm'", path.read_bytes()).decode()
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize("which", LOSSLESS)
@pytest.mark.parametrize("size", ["small", pytest.param("rg1", marks=pytest.mark.slow)])
def test_every_lossless_syntax_gives_the_same_pixels(
    which: str, size: str, dcmtk: Tool, request: pytest.FixtureRequest
) -> None:
    original = request.getfixturevalue(size)
    path = dcmtk(*LOSSLESS[which], original)
    assert np.array_equal(render_dicom(path), render_dicom(original))


@pytest.mark.parametrize("which", LOSSLESS)
@pytest.mark.parametrize("kind", ["bytes", "signed", "colour"])
def test_and_of_bytes_and_signed_numbers_and_colours(
    which: str, kind: str, dcmtk: Tool, make: Make, small: Path
) -> None:
    stored = pydicom.dcmread(small).pixel_array
    few = (stored >> 7).astype(np.uint8)[:, :115]  # an odd number of bytes
    if kind == "bytes":
        path = make(few, BitsAllocated=8, BitsStored=8, HighBit=7)
    elif kind == "signed":
        path = make((stored.astype(np.int32) - 16384).astype(np.int16), PixelRepresentation=1)
    else:
        path = make(np.repeat(few[..., None], 3, axis=2), **COLOUR)
    copy = dcmtk(*LOSSLESS[which], path)
    assert np.array_equal(render_dicom(copy), render_dicom(path))
    if kind == "colour":
        assert np.array_equal(render_dicom(path), few.astype(np.float32) / np.float32(255))


def test_jpeg_2000_gives_the_same_pixels(rg1: Path) -> None:
    path = Path(str(get_testdata_file("RG1_J2KR.dcm", download=False)))
    assert np.array_equal(render_dicom(path), render_dicom(rg1))


def test_near_lossless_and_baseline_differ_by_little(dcmtk: Tool, small: Path) -> None:
    grey = render_dicom(small)
    path = dcmtk("dcmcjpls", "+en", "+md", "2", small)
    assert 0 < np.abs(render_dicom(path) - grey).max() <= 3 / 29999
    path = dcmtk("dcmcjpeg", "+eb", "+Wi", "1", "+q", "100", small)  # it becomes MONOCHROME2
    assert pydicom.dcmread(path).PhotometricInterpretation == "MONOCHROME2"
    assert np.abs(render_dicom(path) - grey).max() <= 4 / 255


@pytest.mark.parametrize("options", [("+s4",), ("+s2",), ("+cr",)])
def test_grey_in_the_colours_of_jpeg_is_its_grey_twin(
    options: tuple[str, ...], dcmtk: Tool, make: Make, small: Path
) -> None:
    grey = (pydicom.dcmread(small).pixel_array >> 7).astype(np.uint8)
    path = dcmtk("dcmcjpeg", "+eb", "+q", "100", *options, make(np.stack([grey] * 3, -1), **COLOUR))
    stated = pydicom.dcmread(path).PhotometricInterpretation
    assert stated == {"+s4": "YBR_FULL", "+s2": "YBR_FULL_422", "+cr": "RGB"}[options[0]]
    assert np.abs(render_dicom(path) - grey / 255).max() <= 4 / 255


def test_jpeg_whose_components_are_called_red_green_and_blue(
    dcmtk: Tool, make: Make, small: Path
) -> None:
    grey = (pydicom.dcmread(small).pixel_array >> 7).astype(np.uint8)
    path = dcmtk("dcmcjpeg", "+eb", "+cr", make(np.stack([grey] * 3, -1), **COLOUR))
    buffer = io.BytesIO()
    image = Image.fromarray(np.stack([grey] * 3, -1))
    image.save(buffer, "JPEG", keep_rgb=True, quality=100, subsampling=0)
    data = buffer.getvalue()
    adobe = data.find(b"\xff\xee")
    plain = data[:adobe] + data[adobe + 16 :] if adobe > 0 else data
    for frame in (data, plain):
        replace_frame(path, lambda _, frame=frame: frame)  # type: ignore[misc]
        assert np.abs(render_dicom(path) - grey / 255).max() <= 4 / 255


def test_twelve_bit_jpeg_is_refused_by_name(dcmtk: Tool, make: Make, small: Path) -> None:
    stored = (pydicom.dcmread(small).pixel_array >> 3).astype(np.uint16)
    path = dcmtk("dcmcjpeg", "+ee", make(stored, BitsStored=12, HighBit=11))
    reason, message = refuse(path)
    assert reason == "unsupported-format"
    assert "JPEG Extended" in message
    assert "pylibjpeg-libjpeg" in message


@pytest.mark.parametrize(
    ("syntax", "word"),
    [
        ("1.2.840.10008.1.2.4.201", "pylibjpeg-openjpeg"),
        ("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4"),
        ("1.2.840.10008.1.2.1.99", "dcmconv +te"),
        ("1.2.840.113619.5.2", "1.2.840.113619.5.2"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_other_syntaxes_are_refused_by_name(
    syntax: str, word: str, small: Path, tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(small)
    data = small.read_bytes()
    old = str(dataset.file_meta.TransferSyntaxUID).encode().ljust(20, b"\0")
    start = data.index(old[:17])
    end = start + len(old)
    new = syntax.encode()
    new += b"\0" * (len(new) % 2)
    head = data[: start - 2] + struct.pack("<H", len(new)) + new
    path = tmp_path / "x.dcm"
    path.write_bytes(head + data[end:])
    reason, message = refuse(path)
    assert (reason, word in message) == ("unsupported-format", True)


@pytest.mark.parametrize(
    ("module", "package", "tool"),
    [("gdcm", "python-gdcm", ("dcmcjpeg", "+e1")), ("jpeg_ls", "pyjpegls", ("dcmcjpls",))],
)
def test_a_missing_decoder_is_named(
    module: str, package: str, tool: tuple[str, ...], dcmtk: Tool, small: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = dcmtk(*tool, small)
    monkeypatch.setitem(sys.modules, module, None)  # as Python has it where there is none
    reason, message = refuse(path)
    assert (reason, f"pip install {package}" in message) == ("unsupported-format", True)


def replace_frame(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """Change the compressed image and leave the header as it is."""
    dataset = pydicom.dcmread(path)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = encapsulate([change(frame)])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("tool", [("dcmcjpeg", "+e1"), ("dcmcjpls",), ("dcmcjpeg", "+eb")])
def test_an_image_of_another_size_than_the_header_is_refused(
    tool: tuple[str, ...], dcmtk: Tool, small: Path
) -> None:
    def grow(frame: bytes) -> bytes:
        start = next(
            frame.index(bytes([0xFF, m])) for m in (0xC3, 0xF7, 0xC0) if bytes([0xFF, m]) in frame
        )
        return frame[: start + 5] + struct.pack(">HH", 60000, 60000) + frame[start + 9 :]

    path = replace_frame(dcmtk(*tool, small), grow)
    reason, message = refuse(path)
    assert (reason, "60000 x 60000" in message) == ("inconsistent-header", True)


def jpeg_2000(small: Path, tmp_path: Path, change: Callable[[bytes], bytes]) -> Path:
    dataset = pydicom.dcmread(small)
    buffer = tmp_path / "x.j2k"
    Image.fromarray(dataset.pixel_array).save(buffer, "JPEG2000", no_jp2=True)
    dataset.PixelData = encapsulate([change(buffer.read_bytes())])
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.save_as(tmp_path / "x.dcm")
    return tmp_path / "x.dcm"


def test_jpeg_2000_is_held_against_the_header(small: Path, tmp_path: Path) -> None:
    whole = jpeg_2000(small, tmp_path, lambda frame: frame)
    assert np.array_equal(render_dicom(whole), render_dicom(small))
    other_size = jpeg_2000(small, tmp_path, lambda f: f[:8] + struct.pack(">LL", 117, 123) + f[16:])
    assert refuse(other_size)[0] == "inconsistent-header"
    many_tiles = jpeg_2000(small, tmp_path, lambda f: f[:24] + struct.pack(">LL", 1, 1) + f[32:])
    assert refuse(many_tiles)[0] == "unsupported-format"
    cut = jpeg_2000(small, tmp_path, lambda f: f[: len(f) // 2])
    assert refuse(cut)[0] == "truncated"


@pytest.mark.parametrize("tool", [*LOSSLESS.values(), ("dcmcjpeg", "+eb")])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_a_file_cut_off_in_its_pixels_is_refused(
    tool: tuple[str, ...], share: float, dcmtk: Tool, small: Path, tmp_path: Path
) -> None:
    data = dcmtk(*tool, small).read_bytes()
    path = tmp_path / "x.dcm"
    path.write_bytes(data[: int(len(data) * share)])
    assert refuse(path)[0] == "truncated"


@pytest.mark.parametrize(
    "tool", [("dcmcjpeg", "+e1"), ("dcmcjpls",), ("dcmcrle",), ("dcmcjpeg", "+eb")]
)
def test_a_compressed_image_cut_off_in_a_whole_file_is_refused(
    tool: tuple[str, ...], dcmtk: Tool, small: Path
) -> None:
    path = replace_frame(dcmtk(*tool, small), lambda frame: frame[: len(frame) // 2])
    assert refuse(path)[0] == "truncated"


def test_an_image_of_no_bytes_and_one_of_far_too_many_are_refused(dcmtk: Tool, small: Path) -> None:
    path = dcmtk("dcmcjpeg", "+e1", small)
    replace_frame(path, lambda frame: frame + bytes(2_000_000))
    assert refuse(path)[0] == "inconsistent-header"
    data = path.read_bytes()
    start = data.index(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12
    empty, end = struct.pack("<HHL", 0xFFFE, 0xE000, 0), struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    path.write_bytes(data[:start] + empty * 2 + end)
    reason, message = refuse(path)
    assert (reason, "no compressed pixels" in message) == ("truncated", True)


def test_compressed_nonsense_costs_no_time() -> None:
    n = 10_000_000
    runs = struct.pack("<16L", 1, 64, *[0] * 14) + b"\x80" * n  # a run of nothing
    worked: list[Callable[[], object]] = [
        lambda: read_jpeg("x", b"\xff\xd8" + b"\xff" * n),
        lambda: read_jpeg("x", b"\xff\xd8" + b"\xff\0" * (n // 2)),
        lambda: read_jpeg("x", b"\xff\xd8" + b"\xff\xfe\0\2" * (n // 4)),
        lambda: decode_rle("x", runs, 1, 1000),
    ]
    for decode in worked:
        begin = time.perf_counter()
        with pytest.raises(ImageRefused):
            decode()
        assert time.perf_counter() - begin < 10


def test_the_header_names_the_syntax(dcmtk: Tool, small: Path) -> None:
    assert read_dicom_header(small).syntax == "Explicit VR Little Endian"
    assert read_dicom_header(dcmtk("dcmcrle", small)).syntax == "RLE Lossless"
