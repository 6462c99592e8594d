"""A file read for a network is judged as the whole file is.

SPDX-License-Identifier: Apache-2.0
"""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.imaging import Preprocessing, ReadImage, read_radiograph, read_source, try_read_image
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import ImageRefused, Refusal

STEP = Preprocessing(96, 96)
WHOLE = replace(STEP, decoding="full")


def draw(size: tuple[int, int] = (900, 1010)) -> Image.Image:
    """A phantom as a large picture of (width, height)."""
    return Image.fromarray(draw_nth(1, seed=0).pixels).resize(size, Image.Resampling.BICUBIC)


def encode(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def judge(path: Path, step: Preprocessing) -> tuple[object, ...]:
    found = try_read_image(str(path), step)
    if isinstance(found, Refusal):
        return (found.reason,)
    return (found.geometry, found.digest, [warning.reason for warning in found.warnings])


def make_sound() -> dict[str, bytes]:
    chest = draw()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (900, 900, 3), dtype=np.uint8)
    return {
        "grey": encode(chest),
        "progressive": encode(chest, progressive=True),
        "restarts": encode(chest, restart_marker_rows=4),
        "colour": encode(chest.convert("RGB"), subsampling=2),
        "cmyk": encode(chest.convert("CMYK")),
        "inverted": encode(chest.point(lambda grey: 255 - grey)),
        "upside down": encode(chest.rotate(180)),
        "half": encode(chest.crop((0, 0, 450, 1010)).resize((900, 1010))),
        "even": encode(Image.new("L", (900, 900), 90)),
        "noise": encode(Image.fromarray(noise)),
        "long": encode(chest.resize((600, 2600))),
    }


def damage(data: bytes, seed: int) -> bytes:
    """Bytes changed, a piece lost, or the end cut off."""
    rng, changed = np.random.default_rng(seed), bytearray(data)
    start = int(rng.integers(2, len(data)))
    if seed % 3 == 0:
        return bytes(changed[:start])
    if seed % 3 == 1:
        del changed[start : start + int(rng.integers(1, 400))]
        return bytes(changed)
    for place in rng.integers(2, len(data), rng.choice((1, 20, 300))):
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def test_sound_files_of_every_kind_come_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    for name, data in make_sound().items():
        path.write_bytes(data)
        assert judge(path, STEP) == judge(path, WHOLE), name


@pytest.mark.parametrize("name", ["grey", "progressive", "restarts", "colour"])
def test_damaged_files_are_refused_for_the_same_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    data = make_sound()[name]
    for seed in range(12):
        path.write_bytes(damage(data, seed))
        assert judge(path, STEP)[0] == judge(path, WHOLE)[0], seed


def test_what_is_inverted_is_turned_back_for_the_network_and_for_drawing(tmp_path: Path) -> None:
    chest = draw()
    paths = tmp_path / "as-is.jpg", tmp_path / "inverted.jpg"
    paths[0].write_bytes(encode(chest, quality=98))
    paths[1].write_bytes(encode(chest.point(lambda grey: 255 - grey), quality=98))
    as_is, inverted = (try_read_image(str(path), STEP) for path in paths)
    assert isinstance(as_is, ReadImage)
    assert isinstance(inverted, ReadImage)
    assert (as_is.is_turned_back, inverted.is_turned_back) == (False, True)
    assert np.abs(as_is.pixels - inverted.pixels).max() < 0.02
    for read in (as_is, inverted):
        source = read_source(read)
        assert np.array_equal(source.pixels, read_radiograph(read.image).pixels)
        assert source.pixels.shape == read.geometry.source_size == (1010, 900)
        assert (source.digest, source.warnings) == (read.digest, read.warnings)


def test_a_file_that_changes_in_between_is_not_drawn_on(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(encode(draw()))
    read = try_read_image(str(path), STEP)
    assert isinstance(read, ReadImage)
    path.write_bytes(encode(draw(), quality=80))
    with pytest.raises(ImageRefused, match="was changed while it was used") as refused:
        read_source(read)
    assert refused.value.reason == "unreadable"


def test_real_radiographs_come_to_the_same(shared: Path) -> None:
    """Refused or not alike; the network's input differs by the decoder's averaging only."""
    step = Preprocessing(224, 224)
    n_other = 0
    paths = sorted((shared / "data" / "covid3" / "normal").glob("nih_*.jpg"))[::6]
    for path in paths:
        found, whole = (
            try_read_image(str(path), one) for one in (step, replace(step, decoding="full"))
        )
        assert isinstance(found, Refusal) == isinstance(whole, Refusal)
        if isinstance(found, ReadImage) and isinstance(whole, ReadImage):
            assert np.sqrt(np.mean((found.pixels - whole.pixels) ** 2)) < 0.005
            words = [[w.reason for w in one.warnings] for one in (found, whole)]
            n_other += words[0] != words[1]
    assert len(paths) > 30
    assert n_other <= 1
