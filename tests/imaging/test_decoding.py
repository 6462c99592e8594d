"""TIFF, and what JPEG and PNG files say in their headers.

SPDX-License-Identifier: Apache-2.0
"""

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cxrlens.imaging.decoding import Decoder
from cxrlens.imaging.file_kind import recognise
from cxrlens.imaging.reading import load_scan
from cxrlens.vocabulary import ImageRefused

ROWS, COLS = 80, 100
RAMP = (np.add.outer(np.arange(ROWS) * 2, np.arange(COLS)) % 256).astype(np.uint8)
WIDE = RAMP.astype(np.uint16) * 257
TWIN = Image.fromarray(RAMP)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(path: Path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    return load_scan(path)[0].pixels


def refusal(path: Path, data: bytes) -> tuple[str, str]:
    path.write_bytes(data)
    with pytest.raises(ImageRefused) as caught:
        load_scan(path)
    return caught.value.reason, str(caught.value)


def colourfulness(data: bytes) -> float:
    return Decoder("x", data, recognise(data)).decode().colourfulness


def tiff(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


# --- TIFF -----------------------------------------------------------------------------------

THREE = {"photometric": "rgb"}
PLANES = {"photometric": "rgb", "planarconfig": "separate"}
WHITE = {"photometric": "miniswhite"}
BY_TIFFFILE: dict[str, tuple[np.ndarray, dict[str, object]]] = {
    "8 bits": (RAMP, {}),
    "8 bits, white is zero": (255 - RAMP, WHITE),
    "16 bits": (WIDE, {}),
    "16 bits, white is zero": (65535 - WIDE, WHITE),
    "12 bits in 16": (WIDE >> 4, {}),
    "14 bits in 16": (WIDE >> 2, {}),
    "8 bits in 16": (RAMP.astype(np.uint16), {}),
    "32 bits": (RAMP.astype(np.uint32), {}),
    "signed 16 bits": (RAMP.astype(np.int16), {}),
    "signed 32 bits": (WIDE.astype(np.int32), {}),
    "fractions": (RAMP / np.float32(255), {}),
    "fractions, white is zero": (1 - RAMP / np.float32(255), WHITE),
    "fractions to 255": (RAMP.astype(np.float32), {}),
    "colours": (np.dstack([RAMP] * 3), THREE),
    "colours of 16 bits": (np.dstack([WIDE] * 3), THREE),
    "colour planes": (np.stack([RAMP] * 3), PLANES),
    "packed colour planes of 16 bits": (np.stack([WIDE] * 3), PLANES | {"compression": "zlib"}),
    "strips": (RAMP, {"rowsperstrip": 7}),
    "tiles": (RAMP, {"tile": (32, 48)}),
    "tiles of 16 bits": (WIDE, {"tile": (32, 48)}),
    "tiles of colours": (np.dstack([RAMP] * 3), THREE | {"tile": (32, 32)}),
    "tiles of colour planes": (np.stack([RAMP] * 3), PLANES | {"tile": (32, 32)}),
    "deflate": (RAMP, {"compression": "zlib"}),
    "deflate, differences": (WIDE, {"compression": "zlib", "predictor": True}),
    "deflate, white is zero": (65535 - WIDE, WHITE | {"compression": "zlib"}),
    "palette": (
        RAMP,
        {
            "photometric": "palette",
            "colormap": np.stack([np.arange(256, dtype=np.uint16) * 257] * 3),
        },
    ),
    "cmyk": (np.dstack([RAMP * 0] * 3 + [255 - RAMP]), {"photometric": "separated"}),
    "grey and alpha": (
        np.dstack([RAMP, RAMP * 0 + 255]),
        {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unassalpha"]},
    ),
    "big": (RAMP, {"bigtiff": True}),
    "big, 16 bits": (WIDE, {"bigtiff": True, "compression": "zlib"}),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", BY_TIFFFILE)
def test_tiff_written_by_another_library_equals_its_grey_twin(
    kind: str, order: str, tmp_path: Path
) -> None:
    array, options = BY_TIFFFILE[kind]
    data = tiff(array, byteorder=order, **options)
    unread = {"16 bits, white is zero", "deflate, white is zero", "32 bits", "big", "big, 16 bits"}
    if order == ">" and kind in unread:  # Pillow has no decoder for these
        assert refusal(tmp_path / "x", data)[0] == "unsupported-format"
        return
    pixels = read(tmp_path / "x", data)
    assert pixels.dtype == np.float32
    assert np.abs(pixels - RAMP / 255).max() <= 1 / 255


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_packing_of_tiff_equals_its_grey_twin(
    packing: str, mode: str, tmp_path: Path
) -> None:
    smooth = Image.fromarray(np.add.outer(np.arange(ROWS), np.arange(COLS)).astype(np.uint8))
    options = {"quality": 100} if packing == "jpeg" else {}
    data = encode(smooth.convert(mode), "TIFF", compression=packing, **options)
    pixels = read(tmp_path / "x", data)
    assert np.abs(pixels - np.asarray(smooth) / 255).max() <= (3 if packing == "jpeg" else 1) / 255


def test_one_bit_tiff_of_a_fax(tmp_path: Path) -> None:
    for packing in ("raw", "group3", "group4"):
        data = encode(Image.fromarray(RAMP > 100), "TIFF", compression=packing)
        assert np.array_equal(read(tmp_path / "x", data), (RAMP > 100).astype(np.float32))


def test_twelve_packed_bits_and_signed_bytes(tmp_path: Path) -> None:
    values = (WIDE >> 4).reshape(-1, 2).astype(np.uint32)
    packed = (values[:, 0] << 12) | values[:, 1]
    rows = b"".join(int(pair).to_bytes(3, "big") for pair in packed)
    assert (
        np.abs(read(tmp_path / "x", raw_tiff(COLS, ROWS, 12, rows)) - RAMP / 255).max() <= 1 / 255
    )
    low = RAMP.astype(np.int16) - 128
    path = tmp_path / "y"
    path.write_bytes(tiff(low.astype(np.int8)))
    one, _, _ = load_scan(path)
    assert np.abs(one.pixels - RAMP / 255).max() <= 1 / 255
    assert [warning.reason for warning in one.warnings] == ["range-guessed"]


@pytest.mark.parametrize("low", [-1000, -0.5])
def test_numbers_of_no_known_range_are_spread_and_said_so(low: float, tmp_path: Path) -> None:
    values = (low + RAMP.astype(np.float32) * 12).astype(np.float32)
    path = tmp_path / "x"
    path.write_bytes(tiff(values))
    one, _, _ = load_scan(path)
    assert np.abs(one.pixels - RAMP / 255).max() <= 1e-5
    assert [warning.reason for warning in one.warnings] == ["range-guessed"]
    assert f"{low:g} to {low + 3060:g}" in one.warnings[0].message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e35])
def test_numbers_that_are_none_are_refused(bad: float, tmp_path: Path) -> None:
    values = RAMP / np.float32(255)
    values[3, 4] = bad
    assert refusal(tmp_path / "x", tiff(values))[0] == "undecodable"


def raw_tiff(
    width: int, height: int, bits: int, stored: bytes, packing: int = 1, *, page: int = 0
) -> bytes:
    """One strip of grey, written by hand."""
    tags = [
        (254, 4, page), (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, packing),
        (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(stored)),
    ]  # fmt: skip
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1) + value.to_bytes(4, "little") for tag, kind, value in tags
    )
    stored += b"\0" * (len(stored) % 2)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(stored))
    return head + stored + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_tiff_that_promises_more_than_it_holds_is_refused_from_its_header(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(8000))
    worked = {
        raw_tiff(20000, 20000, 8, packed, 8): "inconsistent-header",
        raw_tiff(20000, 20000, 8, bytes(1000), 5): "inconsistent-header",
        raw_tiff(5000, 80, 8, RAMP.tobytes()): "inconsistent-header",
        raw_tiff(0, 80, 8, RAMP.tobytes()): "inconsistent-header",
        raw_tiff(COLS, ROWS, 8, packed, 8): "read",
    }
    for data, expected in worked.items():
        if expected == "read":
            assert read(tmp_path / "x", data).shape == (ROWS, COLS)
        else:
            assert refusal(tmp_path / "x", data)[0] == expected


def test_tiff_of_other_kinds_is_refused_by_name(tmp_path: Path) -> None:
    rows = RAMP.tobytes()
    worked = {
        raw_tiff(COLS, ROWS, 8, rows, 6): "old-style JPEG",
        raw_tiff(COLS, ROWS, 8, rows, 50000): "Zstandard",
        raw_tiff(COLS, ROWS, 8, rows, 999): "compression 999",
        raw_tiff(COLS, ROWS, 7, rows): "of 7 bits",
        tiff(RAMP / 255): "floating numbers of 64 bits",
        tiff(np.stack([WIDE] * 3), **PLANES): "planes of more than 8 bits",
        tiff(RAMP, bigtiff=True, byteorder=">"): "big-endian BigTIFF",
    }
    for data, word in worked.items():
        reason, message = refusal(tmp_path / "x", data)
        assert (reason, word in message) == ("unsupported-format", True), message


def test_pages_are_counted_but_not_their_thumbnails(tmp_path: Path) -> None:
    reason, message = refusal(
        tmp_path / "x", encode(TWIN, "TIFF", save_all=True, append_images=[TWIN, TWIN])
    )
    assert (reason, "3 pages" in message) == ("several-frames", True)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(RAMP)
        file.write(RAMP[::4, ::4], subfiletype=1)
    assert np.array_equal(read(tmp_path / "x", buffer.getvalue()), RAMP / np.float32(255))


def test_a_thumbnail_is_never_taken_for_the_picture_behind_it(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(RAMP, subfiletype=1)
        file.write(np.tile(RAMP, (4, 4)))
    reason, message = refusal(tmp_path / "x", buffer.getvalue())
    assert (reason, "thumbnail" in message) == ("unsupported-format", True)


def test_a_ring_of_directories_ends(tmp_path: Path) -> None:
    data = bytearray(raw_tiff(COLS, ROWS, 8, RAMP.tobytes()))
    data[-4:] = struct.pack("<I", 8 + RAMP.size)  # the next directory is the first one
    assert read(tmp_path / "x", bytes(data)).shape == (ROWS, COLS)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("packing", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_cut_tiff_is_refused(share: float, packing: str, tmp_path: Path) -> None:
    data = encode(TWIN, "TIFF", compression=packing)
    assert refusal(tmp_path / "x", data[: int(share * len(data))])[0] == "truncated"


# --- orientation ----------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_orientation_is_applied_once(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = {
        1: RAMP, 2: RAMP[:, ::-1], 3: RAMP[::-1, ::-1], 4: RAMP[::-1],
        5: RAMP.T, 6: RAMP[::-1].T, 7: RAMP[::-1, ::-1].T, 8: RAMP[:, ::-1].T,
    }[orientation]  # fmt: skip
    for packing in ("raw", "tiff_lzw"):
        data = encode(TWIN, "TIFF", exif=exif, compression=packing)
        assert np.array_equal(read(tmp_path / "x", data), shown / np.float32(255))
    data = encode(TWIN, "PNG", exif=exif)
    assert np.array_equal(read(tmp_path / "x", data), shown / np.float32(255))
    wide = encode(Image.fromarray(WIDE), "PNG", exif=exif)
    assert np.abs(read(tmp_path / "x", wide) - shown / 255).max() <= 1e-6


# --- PNG ------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(header: tuple[int, int, int, int, int], rows: bytes, *others: bytes) -> bytes:
    """Width, height, bit depth, colour type, interlacing; unpacked rows; chunks in between."""
    width, height, depth, colour, lace = header
    start = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, lace)
    body = b"".join(others) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + body + chunk(b"IEND", b"")


def test_interlaced_png(tmp_path: Path) -> None:
    starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    for values, depth in ((RAMP, 8), (WIDE.astype(">u2"), 16)):
        passes = [values[row::down, col::right] for row, col, down, right in starts]
        rows = b"".join(b"\0" + line.tobytes() for one in [*passes, values[1::2]] for line in one)
        pixels = read(tmp_path / "x", png((COLS, ROWS, depth, 0, 1), rows))
        assert np.abs(pixels - RAMP / 255).max() <= 1e-6


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_transparent_grey_is_black_at_every_depth(depth: int, tmp_path: Path) -> None:
    top = 2**depth - 1
    values = np.tile(np.linspace(0, top, 80).astype(np.int64), (80, 1))
    bits = (values[:, :, None] >> np.arange(depth)[::-1] & 1).astype(np.uint8)
    rows = b"".join(b"\0" + np.packbits(line.ravel()).tobytes() for line in bits)
    clear = chunk(b"tRNS", struct.pack(">H", top))
    pixels = read(tmp_path / "x", png((80, 80, depth, 0, 0), rows, clear))
    expected = np.where(values == top, 0, values) / top
    assert np.abs(pixels - expected).max() <= 1e-3


def test_one_transparent_colour_of_16_bits(tmp_path: Path) -> None:
    colours = np.repeat(WIDE.astype(">u2")[:, :, None], 3, axis=2)
    rows = b"".join(b"\0" + line.tobytes() for line in colours)
    clear = chunk(b"tRNS", struct.pack(">HHH", *[200 * 257] * 3))
    pixels = read(tmp_path / "x", png((COLS, ROWS, 16, 2, 0), rows, clear))
    assert np.abs(pixels - np.where(RAMP == 200, 0, RAMP) / 255).max() <= 1e-3


def test_grey_and_alpha_of_16_bits(tmp_path: Path) -> None:
    both = np.dstack([WIDE, np.full_like(WIDE, 65535)]).astype(">u2")
    rows = b"".join(b"\0" + line.tobytes() for line in both)
    pixels = read(tmp_path / "x", png((COLS, ROWS, 16, 4, 0), rows))
    assert np.abs(pixels - RAMP / 255).max() <= 1 / 255


def test_animations_are_refused(tmp_path: Path) -> None:
    data = encode(TWIN, "PNG", save_all=True, append_images=[TWIN.rotate(90)])
    reason, message = refusal(tmp_path / "x", data)
    assert (reason, "2 frames" in message) == ("several-frames", True)


# --- JPEG -----------------------------------------------------------------------------------


def with_frame(data: bytes, marker: int, precision: int = 8) -> bytes:
    """The same file with another kind of frame."""
    at = data.index(b"\xff\xc0")
    return (
        data[:at]
        + bytes([0xFF, marker])
        + data[at + 2 : at + 4]
        + bytes([precision])
        + data[at + 5 :]
    )


def test_jpeg_of_other_kinds_is_refused_by_name(tmp_path: Path) -> None:
    plain = encode(TWIN, "JPEG")
    worked = {
        with_frame(plain, 0xC3): "lossless JPEG",
        with_frame(plain, 0xC3, 16): "lossless JPEG",
        with_frame(plain, 0xC1, 12): "12 bits",
        with_frame(plain, 0xC5): "hierarchical",
    }
    for data, word in worked.items():
        reason, message = refusal(tmp_path / "x", data)
        assert (reason, word in message) == ("unsupported-format", True)


def test_jpeg_that_promises_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    data = bytearray(encode(TWIN, "JPEG", quality=10))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 7000, 7000)
    assert refusal(tmp_path / "x", bytes(data))[0] == "inconsistent-header"


def test_jpeg_of_very_many_scans_is_refused(tmp_path: Path) -> None:
    data = encode(TWIN, "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    scan = data[at:-2]
    many = data[:at] + scan * 200 + b"\xff\xd9"
    reason, message = refusal(tmp_path / "x", many)
    assert (reason, "scans" in message) == ("undecodable", True)


def test_very_many_pieces_cost_no_time(tmp_path: Path) -> None:
    whole = encode(TWIN, "JPEG")
    comments = whole[:2] + b"\xff\xfe\0\2" * 3_000_000 + whole[2:]
    texts = encode(TWIN, "PNG")[:33] + chunk(b"tEXt", b"") * 1_000_000
    for data, word in ((comments, "segments"), (texts, "chunks")):
        begin = time.perf_counter()
        reason, message = refusal(tmp_path / "x", data)
        assert (reason, word in message) == ("undecodable", True)
        assert time.perf_counter() - begin < 10


def test_the_first_picture_of_several_in_a_jpeg_is_read(tmp_path: Path) -> None:
    data = encode(TWIN, "MPO", save_all=True, append_images=[TWIN.rotate(180)], quality=95)
    assert np.abs(read(tmp_path / "x", data) - RAMP / 255).mean() < 0.02


# --- transparency and colour ----------------------------------------------------------------


def test_the_same_picture_in_every_container_is_the_same(tmp_path: Path) -> None:
    """Row 6 of the catalogue: RGBA, P, LA, CMYK, one bit; a second implementation lays on black."""
    alpha = np.random.default_rng(3).integers(0, 256, (ROWS, COLS), dtype=np.uint8)
    expected = RAMP / 255 * (alpha / 255)
    for mode in ("LA", "RGBA"):
        image = TWIN.convert(mode)
        image.putalpha(Image.fromarray(alpha))
        for container in ("PNG", "TIFF"):
            pixels = read(tmp_path / "x", encode(image, container))
            assert np.abs(pixels - expected).max() <= 1.01 / 255


def test_colourfulness_is_the_99th_percentile_of_the_largest_difference() -> None:
    grey = encode(TWIN.convert("RGB"), "PNG")
    assert colourfulness(grey) == colourfulness(encode(TWIN, "PNG")) == 0
    rgb = np.random.default_rng(1).integers(0, 256, (ROWS, COLS, 3), dtype=np.uint8)
    expected = np.percentile(np.ptp(rgb.astype(int), axis=2) / 255, 99)
    for container in ("PNG", "TIFF"):
        got = colourfulness(encode(Image.fromarray(rgb), container))
        assert got == pytest.approx(expected, abs=1e-6)
    clear = Image.fromarray(np.dstack([rgb, np.zeros((ROWS, COLS), np.uint8)]))
    assert colourfulness(encode(clear, "PNG")) == 0


def test_a_coloured_corner_is_seen_in_large_pictures() -> None:
    rgb = np.repeat(np.full((1024, 1024, 1), 90, np.uint8), 3, axis=2)
    rgb[:150, :150] = (200, 20, 20)  # 2 % of the pixels
    assert colourfulness(encode(Image.fromarray(rgb), "PNG")) == pytest.approx(180 / 255, abs=0.01)
    assert colourfulness(encode(Image.fromarray(rgb), "JPEG")) == pytest.approx(180 / 255, abs=0.05)


def test_noise_of_jpeg_is_no_colour() -> None:
    noisy = np.random.default_rng(2).normal(128, 25, (1024, 1024)).clip(0, 255).astype(np.uint8)
    tinted = np.repeat(noisy[:, :, None], 3, axis=2).astype(int)
    tinted += np.random.default_rng(3).normal(0, 8, tinted.shape).astype(int)
    data = encode(Image.fromarray(tinted.clip(0, 255).astype(np.uint8)), "JPEG", quality=70)
    assert colourfulness(data) < 0.02
