"""Damaged and hostile DICOM files: refused by a word, in little memory, and never a crash.

SPDX-License-Identifier: Apache-2.0
"""

import struct
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from cxrlens.imaging import read_dicom_header, read_radiograph
from cxrlens.imaging.dicom.decoding import DicomDecoder
from cxrlens.imaging.dicom.layout import MAX_DEPTH, MAX_ELEMENTS, read_layout
from cxrlens.vocabulary import ImageRefused

Make = Callable[..., Path]
Tool = Callable[..., Path]


def refuse(data: bytes) -> tuple[str, str]:
    """Refused, in less than 50 MB."""
    tracemalloc.start()
    try:
        with pytest.raises(ImageRefused) as caught:
            DicomDecoder("'x.dcm'", data).decode()
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    return caught.value.reason, str(caught.value)


def element(tag: int, kind: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element of explicit VR little endian."""
    length = len(value) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, kind)
    is_long = kind in (b"SQ", b"OB", b"OW", b"UN", b"UT")
    return head + (struct.pack("<HL", 0, length) if is_long else struct.pack("<H", length)) + value


def insert(data: bytes, new: bytes) -> bytes:
    """Put elements in front of the pixels."""
    start = data.index(struct.pack("<HH", 0x7FE0, 0x0010))
    return data[:start] + new + data[start:]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.02, 0.5, 0.99])
def test_a_file_cut_off_anywhere(share: float, small: Path) -> None:
    data = small.read_bytes()
    assert refuse(data[: max(132, int(len(data) * share))])[0] == "truncated"
    assert refuse(data[:-2])[0] == "truncated"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rtplan_truncated.dcm", "truncated"),
        ("meta_missing_tsyntax.dcm", "inconsistent-header"),
        ("nested_priv_SQ.dcm", "inconsistent-header"),
        ("badVR.dcm", "inconsistent-header"),
        ("image_dfl.dcm", "unsupported-format"),
    ],
)
def test_broken_files_of_pydicom(name: str, reason: str) -> None:
    data = Path(str(get_testdata_file(name, download=False))).read_bytes()
    assert refuse(data)[0] == reason


def test_pixels_of_a_smaller_file(make: Make) -> None:
    data = Path(str(get_testdata_file("MR_truncated.dcm", download=False))).read_bytes()
    cut = pydicom.dcmread(make()).PixelData[:-100]
    assert refuse(data)[0] == "not-chest"  # the header is judged before the pixels
    path = make(PixelData=cut)
    assert refuse(path.read_bytes())[0] == "truncated"


def test_a_bare_data_set_is_refused_with_a_hint(dcmtk: Tool, small: Path, tmp_path: Path) -> None:
    for options in (("-F",), ("-F", "+ti")):
        bare = dcmtk("dcmconv", *options, small)
        with pytest.raises(ImageRefused, match="dcmconv") as caught:
            read_radiograph(bare)
        assert caught.value.reason == "unsupported-format"
    headless = tmp_path / "x.dcm"
    headless.write_bytes(small.read_bytes()[132:])  # meta information without preamble
    no_meta = Path(str(get_testdata_file("no_meta.dcm", download=False)))
    for path in (headless, no_meta):
        with pytest.raises(ImageRefused, match="dcmconv"):
            read_radiograph(path)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Rows": 0}, "inconsistent-header"),
        ({"Columns": 0}, "inconsistent-header"),
        ({"Rows": None}, "inconsistent-header"),
        ({"PhotometricInterpretation": None}, "inconsistent-header"),
        ({"BitsAllocated": None}, "inconsistent-header"),
        ({"Rows": 65535, "Columns": 65535}, "too-large"),
        ({"Rows": 8000, "Columns": 8000}, "truncated"),
        ({"Rows": 100}, "inconsistent-header"),
        ({"BitsAllocated": 12}, "inconsistent-header"),
        ({"BitsAllocated": 32}, "unsupported-format"),
        ({"BitsStored": 17}, "inconsistent-header"),
        ({"BitsStored": 0}, "inconsistent-header"),
        ({"BitsStored": 12, "HighBit": 11}, "inconsistent-header"),
        ({"HighBit": 15}, "inconsistent-header"),
        ({"HighBit": 3}, "inconsistent-header"),
        ({"SamplesPerPixel": 2}, "inconsistent-header"),
        ({"SamplesPerPixel": 3}, "inconsistent-header"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "unsupported-format"),
        ({"RescaleSlope": 0}, "inconsistent-header"),
        ({"SOPClassUID": None}, None),
        ({"PixelData": None}, "no-image"),
    ],
)
def test_headers_that_contradict_the_pixels(
    elements: dict[str, object], reason: str | None, make: Make
) -> None:
    data = make(**elements).read_bytes()
    if reason is None:  # the class stands in the file meta information too
        DicomDecoder("'x.dcm'", data).decode()
    else:
        assert refuse(data)[0] == reason


def test_overlays_in_the_upper_bits_are_taken_off(make: Make, small: Path) -> None:
    stored = pydicom.dcmread(small).pixel_array
    marked = stored | np.uint16(0x8000) * (np.arange(stored.size).reshape(stored.shape) % 3 == 0)
    marked = marked.astype(np.uint16)
    assert refuse(make(marked).read_bytes())[0] == "inconsistent-header"
    dataset = pydicom.dcmread(make(marked))
    dataset.add_new(0x60000102, "US", 15)
    path = make()
    dataset.save_as(path)
    pixels = DicomDecoder("'x.dcm'", path.read_bytes()).decode().pixels
    assert np.array_equal(pixels, DicomDecoder("'x.dcm'", small.read_bytes()).decode().pixels)


def test_too_small_with_pixels_and_without() -> None:
    path = Path(str(get_testdata_file("dicomdirtests/77654033/CR1/6154", download=False)))
    assert refuse(path.read_bytes())[0] == "not-chest"


def test_small_images_are_refused(make: Make, small: Path) -> None:
    path = make(np.ascontiguousarray(pydicom.dcmread(small).pixel_array[:32, :32]))
    with pytest.raises(ImageRefused, match="32 x 32") as caught:
        read_radiograph(path)
    assert caught.value.reason == "too-small"


def nest(depth: int, *, is_defined: bool) -> bytes:
    inner = element(0x00081150, b"UI", b"1.2.3\0")
    for _ in range(depth):
        if is_defined:
            item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
            inner = element(0x00081140, b"SQ", item)
        else:
            item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + inner
            item += struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
            end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
            inner = element(0x00081140, b"SQ", item + end, 0xFFFFFFFF)
    return inner


@pytest.mark.parametrize("is_defined", [False, True])
def test_nested_sequences(is_defined: bool, small: Path) -> None:
    data = small.read_bytes()
    deep = insert(data, nest(1000, is_defined=is_defined))
    reason, message = refuse(deep)
    assert (reason, "deep" in message) == ("undecodable", True)
    shallow = insert(data, nest(MAX_DEPTH // 2, is_defined=is_defined))
    pixels = DicomDecoder("'x.dcm'", shallow).decode().pixels
    assert np.array_equal(pixels, DicomDecoder("'x.dcm'", data).decode().pixels)


@pytest.mark.parametrize("kind", [b"OB", b"SQ", b"UN"])
def test_an_element_of_two_gigabytes(kind: bytes, small: Path) -> None:
    huge = element(0x00091010, kind, b"", 0x7FFFFFF0)
    assert refuse(insert(small.read_bytes(), huge))[0] == "truncated"


def test_pixels_of_two_gigabytes(small: Path) -> None:
    data = small.read_bytes()
    start = data.index(struct.pack("<HH", 0x7FE0, 0x0010))
    changed = data[: start + 8] + struct.pack("<L", 0x7FFFFFF0) + data[start + 12 :]
    assert refuse(changed)[0] == "truncated"


def test_very_many_elements(small: Path) -> None:
    many = element(0x00091010, b"LO", b"") * (MAX_ELEMENTS + 1)
    with pytest.raises(ImageRefused) as caught:  # not traced: that would take minutes
        read_layout("x", insert(small.read_bytes(), many))
    assert caught.value.reason == "too-large"


def test_a_deflated_bomb_is_not_inflated(small: Path) -> None:
    data = small.read_bytes()
    meta = element(0x00020010, b"UI", b"1.2.840.10008.1.2.1.99")
    bomb = zlib.compress(bytes(50_000_000), 9)[2:-4]
    reason, message = refuse(data[:132] + meta + bomb)
    assert (reason, "dcmconv" in message) == ("unsupported-format", True)


def test_a_sequence_of_nonsense_that_has_a_length_is_passed_over(small: Path) -> None:
    data = small.read_bytes()
    odd = insert(data, element(0x00091010, b"SQ", b"\x01\x02\x03\x04\x05\x06\x07\x08" * 3))
    layout = read_layout("x", odd)
    assert layout is not None
    assert layout.pixels is not None
    endless = insert(data, element(0x00091010, b"SQ", bytes(24), 0xFFFFFFFF))
    assert refuse(endless)[0] in ("undecodable", "truncated")


SYNTAXES = [
    ("dcmconv", "+te"), ("dcmconv", "+ti"), ("dcmconv", "+tb"), ("dcmcrle",), ("dcmcjpeg", "+e1"),
    ("dcmcjpeg", "+el"), ("dcmcjpeg", "+eb"), ("dcmcjpls",),
]  # fmt: skip


@pytest.fixture(scope="module")
def encoded(dcmtk: Tool, small: Path) -> list[bytes]:
    return [dcmtk(*tool, small).read_bytes() for tool in SYNTAXES]


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, len(SYNTAXES) - 1),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.sampled_from(["header", "image", "all"]),
    st.booleans(),
)
def test_damaged_files_are_read_or_refused(
    encoded: list[bytes],
    tmp_path_factory: pytest.TempPathFactory,
    which: int,
    damage: list[tuple[float, int]],
    where: str,
    is_cut: bool,
) -> None:
    """Whatever is damaged: pixels in [0, 1] or `ImageRefused`; no other error and no warning."""
    changed = bytearray(encoded[which])
    pixels = max(changed.rfind(b"\xe0\x7f\x10\x00"), changed.rfind(b"\x7f\xe0\x00\x10"))
    low, high = {"header": (132, pixels), "image": (pixels, pixels + 400)}.get(
        where, (0, len(changed))
    )
    for place, value in damage:
        changed[min(int(low + place * (high - low)), len(changed) - 1)] = value
    data = bytes(changed[: int(damage[0][0] * len(changed))] if is_cut else changed)
    try:
        grey = DicomDecoder("'x.dcm'", data).decode().pixels
        assert 0 <= grey.min() <= grey.max() <= 1
    except ImageRefused:
        pass
    path = tmp_path_factory.getbasetemp() / "damaged.dcm"
    path.write_bytes(data)
    with suppress(ImageRefused):
        read_dicom_header(path).get("PatientName")


FUZZ = """
import random, resource, sys
from pathlib import Path
from cxrlens.imaging.dicom.decoding import DicomDecoder
from cxrlens.vocabulary import ImageRefused
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
chance, seeds = random.Random(5), [Path(one).read_bytes() for one in sys.argv[1:]]
for _ in range(4000):
    data = bytearray(chance.choice(seeds))
    pixels = data.rfind(b"\\xe0\\x7f\\x10\\x00")
    for _ in range(chance.choice([1, 2, 5, 20])):
        end = min(len(data), pixels + chance.choice([130, 200, 10**6]))
        data[chance.randrange(pixels, end)] = chance.randrange(256)
    try:
        DicomDecoder("x", bytes(data)).decode()
    except ImageRefused:
        pass
"""


@pytest.mark.slow
def test_damaged_lossless_jpeg_never_ends_the_process(dcmtk: Tool, small: Path) -> None:
    """gdcm would: it is given a header of our own."""
    seeds = [dcmtk("dcmcjpeg", option, small) for option in ("+e1", "+el")]
    done = subprocess.run([sys.executable, "-c", FUZZ, *seeds], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def test_threads_read_in_quiet_and_leave_the_filters_as_they_were(small: Path) -> None:
    data = small.read_bytes().replace(b"15000", b"15,00")  # pydicom warns of it
    filters, faults = list(warnings.filters), []

    def read() -> None:
        try:
            for _ in range(20):
                DicomDecoder("'x.dcm'", data).decode()
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, warnings.filters) == ([], filters)
