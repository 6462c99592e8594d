"""Every kind of file that is handed in as a radiograph.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import pickle
import struct
import subprocess
import sys
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxrlens.imaging import read_head, read_radiograph
from cxrlens.imaging.reading import load_scan
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import ImageRefused, digest

ROWS, COLS = 80, 100
RAMP = (np.add.outer(np.arange(ROWS) * 2, np.arange(COLS)) % 256).astype(np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (ROWS, COLS), dtype=np.uint8)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read(path: str | os.PathLike[str]) -> np.ndarray:
    """The pixels, whatever the picture shows."""
    return load_scan(path)[0].pixels


def refusal(path: str | os.PathLike[str]) -> tuple[str, str]:
    with pytest.raises(ImageRefused) as caught:
        load_scan(path)
    return caught.value.reason, str(caught.value)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")


def test_grey_png_is_read_exactly(tmp_path: Path) -> None:
    drawn = draw_nth(3, seed=1).pixels
    data = encode(Image.fromarray(drawn), "PNG")
    one = read_radiograph(save(tmp_path / "a.png", data))
    assert np.array_equal(one.pixels, drawn.astype(np.float32) / np.float32(255))
    assert (one.view, one.spacing_mm) == ("unknown", None)
    assert (one.digest, one.n_bytes) == (digest(data), len(data))


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    as_jpeg = encode(Image.fromarray(RAMP), "JPEG", quality=95)
    as_png = encode(Image.fromarray(RAMP), "PNG")
    for name, data in {"a.dcm": as_png, "b.png": as_jpeg, "c": as_png, "d.html": as_jpeg}.items():
        pixels = read(save(tmp_path / name, data))
        assert np.abs(pixels - RAMP / 255).mean() < 0.05


TWIN = Image.fromarray(RAMP)
PALETTE = TWIN.convert("P")  # a grey palette
COLOUR_KINDS = {
    "rgb": (TWIN.convert("RGB"), "PNG", {}),
    "rgba": (TWIN.convert("RGBA"), "PNG", {}),
    "la": (TWIN.convert("LA"), "PNG", {}),
    "palette": (PALETTE, "PNG", {}),
    "palette, one clear": (PALETTE, "PNG", {"transparency": 0}),
    "palette, alpha each": (PALETTE, "PNG", {"transparency": b"\x00" + b"\xff" * 255}),
    "grey, one clear": (TWIN, "PNG", {"transparency": 0}),
    "rgb, one clear": (TWIN.convert("RGB"), "PNG", {"transparency": (0, 0, 0)}),
    "interlaced": (TWIN, "PNG", {"optimize": True}),
    "16 bits": (Image.fromarray(RAMP.astype(np.uint16) * 257), "PNG", {}),
    "8 bits in 16": (Image.fromarray(RAMP.astype(np.uint16)), "PNG", {}),
    "12 bits in 16": (
        Image.fromarray(np.rint(RAMP * (4095 / 255)).astype(np.uint16)),
        "PNG",
        {},
    ),
    "16 bits, one clear": (
        Image.fromarray(RAMP.astype(np.uint16) * 257),
        "PNG",
        {"transparency": 0},
    ),
}


@pytest.mark.parametrize("kind", COLOUR_KINDS)
def test_all_kinds_of_png_pixels_equal_their_grey_twin(kind: str, tmp_path: Path) -> None:
    image, container, options = COLOUR_KINDS[kind]
    pixels = read(save(tmp_path / "x", encode(image, container, **options)))
    assert pixels.dtype == np.float32
    assert np.abs(pixels - RAMP / 255).max() <= (1 / 255 if "bits" in kind else 1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("is_progressive", [False, True])
def test_all_kinds_of_jpeg_equal_their_grey_twin(
    mode: str, is_progressive: bool, tmp_path: Path
) -> None:
    smooth = Image.fromarray(np.add.outer(np.arange(ROWS), np.arange(COLS)).astype(np.uint8))
    data = encode(smooth.convert(mode), "JPEG", quality=100, progressive=is_progressive)
    pixels = read(save(tmp_path / "x", data))
    assert np.abs(pixels - np.asarray(smooth) / 255).max() <= 3 / 255


def test_one_bit_png_is_black_and_white(tmp_path: Path) -> None:
    data = encode(Image.fromarray(RAMP > 100), "PNG")
    pixels = read(save(tmp_path / "x", data))
    assert np.array_equal(pixels, (RAMP > 100).astype(np.float32))


@pytest.mark.parametrize("depth", [2, 4])
def test_few_bits_are_spread_over_the_whole_range(depth: int, tmp_path: Path) -> None:
    values = np.arange(8 // depth * 40) % 2**depth
    packed = np.packbits(
        (values[:, None] >> np.arange(depth)[::-1] & 1).astype(np.uint8).ravel()
    ).tobytes()
    data = png(len(values), 80, depth, 0, (b"\0" + packed) * 80)
    pixels = read(save(tmp_path / "x", data))
    assert np.allclose(pixels, np.tile(values / (2**depth - 1), (80, 1)), atol=1e-6)


def test_colours_are_weighed_by_rec_601(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (ROWS, COLS, 3), dtype=np.uint8)
    pixels = read(save(tmp_path / "x", encode(Image.fromarray(rgb), "PNG")))
    assert np.abs(pixels - rgb @ np.array([0.299, 0.587, 0.114]) / 255).max() <= 0.51 / 255


def test_transparency_lies_on_black(tmp_path: Path) -> None:
    for mode in ("LA", "RGBA"):
        image = TWIN.convert(mode)
        image.putalpha(Image.fromarray(NOISE))
        pixels = read(save(tmp_path / mode, encode(image, "PNG")))
        assert np.abs(pixels - RAMP / 255 * (NOISE / 255)).max() <= 1.01 / 255


def test_sixteen_bit_range_is_the_one_in_use(tmp_path: Path) -> None:
    for top, full in (
        (255, 255), (256, 1023), (1023, 1023), (1024, 4095), (4095, 4095), (4096, 16383),
        (16383, 16383), (16384, 65535), (65535, 65535),
    ):  # fmt: skip
        values = np.zeros((ROWS, COLS), np.uint16)
        values[3, 5] = top
        pixels = read(save(tmp_path / str(top), encode(Image.fromarray(values), "PNG")))
        assert pixels[3, 5] == pytest.approx(top / full, abs=1e-6)
        assert pixels.sum() == pixels[3, 5]


def test_sixteen_bit_colour_is_read_or_refused_never_black(tmp_path: Path) -> None:
    grey = np.repeat((RAMP.astype(">u2") * 257)[:, :, None], 3, axis=2)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    pixels = read(save(tmp_path / "full", png(COLS, ROWS, 16, 2, rows)))
    assert np.abs(pixels - RAMP / 255).max() <= 1 / 255
    for unused in (2, 4):
        rows = b"".join(b"\0" + row.tobytes() for row in (grey >> unused).astype(">u2"))
        reason, message = refusal(save(tmp_path / "few", png(COLS, ROWS, 16, 2, rows)))
        assert (reason, "16-bit colours" in message) == ("unsupported-format", True)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation_is_applied(orientation: int, kind: str, tmp_path: Path) -> None:
    stored = np.zeros((ROWS, COLS), np.uint8)
    stored[:16, :16] = 255  # the corner at row 0, column 0 of the file
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif} | ({"quality": 100} if kind == "JPEG" else {})
    data = encode(Image.fromarray(stored), kind, **options)
    pixels = read(save(tmp_path / "x", data))
    # EXIF 2.3, tag 274: where row 0 and column 0 of the file are shown.
    corner = [None, (0, 0), (0, -1), (-1, -1), (-1, 0), (0, 0), (0, -1), (-1, -1), (-1, 0)]
    assert pixels.shape == ((ROWS, COLS) if orientation < 5 else (COLS, ROWS))
    assert pixels[corner[orientation]] > 0.9
    assert np.mean(pixels > 0.5) == pytest.approx(256 / stored.size, abs=1e-3)


def test_broken_metadata_is_no_reason_to_refuse_nor_to_warn(tmp_path: Path) -> None:
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x1a\x01\x05\0\x01\0\0\0\xff\xff\xff\x7f" * 4
    data = encode(TWIN, "JPEG", exif=broken)
    assert read(save(tmp_path / "x", data)).shape == (ROWS, COLS)


def cut_files() -> dict[str, bytes]:
    noise = Image.fromarray(NOISE)
    jpeg, late = encode(noise, "JPEG"), encode(noise, "JPEG", progressive=True)
    whole = encode(noise, "PNG")
    half = len(jpeg) // 2
    return {
        "jpeg at half": jpeg[:half],
        "jpeg without its last 2 bytes": jpeg[:-2],
        "jpeg without its last byte": jpeg[:-1],
        "jpeg whose second half is zeros": jpeg[:half] + bytes(len(jpeg) - half),
        "progressive jpeg at half": late[: len(late) // 2],
        "progressive jpeg without its last 2 bytes": late[:-2],
        "png at half": whole[: len(whole) // 2],
        "png without its last byte": whole[:-1],
        "png without its end": whole[:-12],
        "png with too few rows": png(COLS, ROWS, 8, 0, bytes(1000)),
        "png of 20 bytes": whole[:20],
    }


@pytest.mark.parametrize("which", cut_files())
def test_cut_files_are_refused(which: str, tmp_path: Path) -> None:
    reason, message = refusal(save(tmp_path / "scan.png", cut_files()[which]))
    assert (reason, "scan.png" in message) == ("truncated", True)


def test_bytes_behind_the_end_do_no_harm(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG"):
        data = encode(TWIN, kind) + b"trailing"
        assert load_scan(save(tmp_path / kind, data))[2] == len(data)


def other_files() -> dict[str, tuple[bytes, str, str]]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", "b")
    return {
        "html": (b"\n <!DOCTYPE html><html>", "unknown-format", "HTML"),
        "pdf": (b"%PDF-1.7\n%\xe2\xe3", "unknown-format", "PDF"),
        "zip": (archive.getvalue(), "unknown-format", "zip"),
        "pickle": (pickle.dumps({"a": 1}), "unknown-format", "pickle"),
        "text": (b"hello, this is a report", "unknown-format", "plain text"),
        "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "unknown-format", "git lfs pull"),
        "noise": (bytes(range(200, 250)), "unknown-format", "no known kind"),
        "gif": (encode(TWIN, "GIF"), "unsupported-format", "GIF"),
        "bmp": (encode(TWIN, "BMP"), "unsupported-format", "BMP"),
        "webp": (encode(TWIN.convert("RGB"), "WEBP"), "unsupported-format", "WebP"),
        "jpeg 2000": (encode(TWIN, "JPEG2000"), "unsupported-format", "JPEG 2000"),
        "heif": (b"\0\0\0\x18ftypheic" + bytes(20), "unsupported-format", "HEIF"),
        "empty": (b"", "empty", "0 bytes"),
    }  # fmt: skip


@pytest.mark.parametrize("which", other_files())
def test_other_files_are_refused_by_name(which: str, tmp_path: Path) -> None:
    data, reason, word = other_files()[which]
    got, message = refusal(save(tmp_path / "x.jpg", data))
    assert (got, word in message, "x.jpg" in message) == (reason, True, True)


def test_sizes_are_judged(tmp_path: Path) -> None:
    sizes = {
        (1, 1): "too-small", (63, 64): "too-small", (64, 257): "too-long", (300, 64): "too-long",
        (5, 5000): "too-small", (64, 64): None, (64, 256): None, (256, 64): None,
    }  # fmt: skip
    for (width, height), expected in sizes.items():
        data = encode(Image.new("L", (width, height)), "PNG")
        path = save(tmp_path / f"{width}x{height}", data)
        if expected is None:
            assert read(path).shape == (height, width)
        else:
            reason, message = refusal(path)
            assert (reason, f"{width} x {height}" in message) == (expected, True)


@pytest.mark.parametrize(
    ("size", "figure"), [((63, 90), 63), ((64, 320), 5), ((20000, 20000), 4e8)]
)
def test_what_was_measured_comes_with_the_refusal(size, figure, tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", png(*size, 8, 0, bytes(1000)))
    with pytest.raises(ImageRefused) as caught:
        read_radiograph(path)
    assert caught.value.figure == figure


@pytest.mark.parametrize("size", [(20000, 20000), (10001, 10000), (2**31 - 1, 2**31 - 1)])
def test_huge_images_are_refused_from_the_header(size: tuple[int, int], tmp_path: Path) -> None:
    data = png(*size, 8, 0, bytes(1000))
    reason, message = refusal(save(tmp_path / "bomb.png", data))
    assert (reason, f"{size[0]} x {size[1]}" in message) == ("too-large", True)


READ_UNDER_A_CAP = """
import resource, sys
from cxrlens.imaging import read_radiograph
from cxrlens.vocabulary import ImageRefused
def measure(word):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(word)) * 1024
cap = measure("VmSize") + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (cap, cap))
for path in sys.argv[2:]:
    try:
        read_radiograph(path)
        print("read")
    except ImageRefused as error:
        print(error.reason)
print(measure("VmHWM"))
"""


def read_under_a_cap(n_bytes: int, *paths: Path) -> list[str]:
    """What comes of files in a process that may take so much more memory, and its peak."""
    command = [sys.executable, "-c", READ_UNDER_A_CAP, str(n_bytes), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_bombs_are_refused_in_constant_memory(tmp_path: Path) -> None:
    """Row 10 of the catalogue: 400 million pixels in 400 kB, as PNG and TIFF."""
    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(20001 * 100)) for _ in range(200)) + packer.flush()
    start = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0))
    body = png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    as_png = save(tmp_path / "bomb.png", b"\x89PNG\r\n\x1a\n" + start + body)
    tags = {256: 20000, 257: 20000, 258: 8, 259: 8, 262: 1, 273: 8, 278: 20000, 279: len(rows)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack("<2sHI", b"II", 42, 8 + len(rows))
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    as_tiff = save(tmp_path / "bomb.tif", head + rows + directory)
    *reasons, _ = read_under_a_cap(50_000_000, as_png, as_tiff)
    assert reasons == ["too-large", "too-large"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("kind", ["grey.jpg", "cmyk.jpg", "alpha.png", "grey alpha.png", "f.tif"])
def test_the_largest_images_are_read_within_a_gigabyte(kind: str, tmp_path: Path) -> None:
    grey = Image.fromarray(np.tile(RAMP[:79, :79], (101, 101)))
    if kind == "f.tif":
        image = Image.fromarray(np.asarray(grey) / np.float32(255))
    else:
        modes = {"grey": "L", "cmyk": "CMYK", "alpha": "RGBA", "grey alpha": "LA"}
        image = grey.convert(modes[kind.partition(".")[0]])
    image.save(tmp_path / kind, **({"compress_level": 1} if kind.endswith("png") else {}))
    *_, peak = read_under_a_cap(2_000_000_000, tmp_path / kind)
    assert int(peak) < 1_000_000_000


def test_pillow_s_own_limit_plays_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.png", encode(TWIN, "PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read(path).shape == (ROWS, COLS)


def test_huge_files_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with path.open("wb") as file:
        file.truncate(500_000_001)
    assert refusal(path)[0] == "too-large"


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "dangling.png").symlink_to("nowhere.png")
    for name in ("pipe.png", "loop.png", "dangling.png", "missing.png", "", "a\0b", "n" * 300):
        reason, message = refusal(tmp_path / name if name else tmp_path)
        assert (reason, repr(name)[1:-1] in message) == ("not-a-file", True)
    assert refusal("/dev/zero")[0] == "not-a-file"
    assert refusal(tmp_path / "x.png" / "y.png")[0] == "not-a-file"
    with pytest.raises(ImageRefused, match="does not exist"):
        read_head(tmp_path / "missing.png")


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    save(tmp_path / "a.png", encode(TWIN, "PNG"))
    (tmp_path / "b.png").symlink_to("a.png")
    assert read(tmp_path / "b.png").shape == (ROWS, COLS)


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may read everything: be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_no_permission_is_said(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = save(tmp_path / "x.png", encode(TWIN, "PNG"))
    path.chmod(0)
    request.getfixturevalue("unprivileged")
    reason, message = refusal(path)
    assert (reason, "permission" in message) == ("unreadable", True)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
def test_a_fault_while_reading_is_said() -> None:
    assert refusal("/proc/self/mem")[0] == "unreadable"


NAMES = [
    "ünï-胸片.png", "with space.png", "quote'\".png", "new\nline.png", "-rf.png", "=cmd.png",
    "n" * 251 + ".png", os.fsdecode(b"latin-\xfc.png"), "$(touch x);`y`.png",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_works(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(Path(name), encode(TWIN, "PNG"))
    assert read(name).shape == (ROWS, COLS)
    Path(name).write_bytes(b"")
    refusal(name)[1].encode("utf-8")  # messages can always be printed


def test_no_file_stays_open(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", encode(TWIN, "PNG"))
    handle = os.open(path, os.O_RDONLY)  # the lowest number that is free
    os.close(handle)
    radiographs = [read(path) for _ in range(5)]
    again = os.open(path, os.O_RDONLY)
    os.close(again)
    assert (len(radiographs), again) == (5, handle)


FUZZED = [
    encode(image, kind, **options)
    for image, kind, options in (
        (Image.fromarray(NOISE), "JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0" + bytes(18)}),
        (Image.fromarray(NOISE), "JPEG", {"progressive": True}),
        (TWIN.convert("P"), "PNG", {"transparency": b"\x80" * 256}),
        (TWIN, "PNG", {"dpi": (72, 72)}),
        (Image.fromarray(RAMP.astype(np.uint16) * 257), "PNG", {}),
    )
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(FUZZED),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.booleans(),
)
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    damage: list[tuple[float, int]],
    is_early: bool,
) -> None:
    """Whatever is damaged: pixels in [0, 1] or `ImageRefused`; no other error and no warning."""
    changed = bytearray(data)
    for place, value in damage:
        changed[int(place * (min(400, len(data) - 1) if is_early else len(data) - 1))] = value
    path = save(tmp_path_factory.getbasetemp() / "damaged", bytes(changed))
    try:
        pixels = read(path)
    except ImageRefused:
        pass
    else:
        assert 0 <= pixels.min() <= pixels.max() <= 1


def test_threads_read_in_quiet_and_leave_the_filters_as_they_were(tmp_path: Path) -> None:
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x1a\x01\x05\0\x01\0\0\0\xff\xff\xff\x7f" * 4
    path = save(tmp_path / "x", encode(TWIN, "JPEG", exif=broken))
    filters, faults = list(warnings.filters), []

    def read_often() -> None:
        try:
            for _ in range(50):
                read(path)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=read_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, warnings.filters) == ([], filters)
