"""Decoded images that are kept on disk are those that decoding again would give.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.imaging.test_image_identity import write_hdf5

from cxrlens.imaging import DecodedImages, PixelStore, Preprocessing, decode, pixel_store, store
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import InputError, OutputError, digest

STEP = Preprocessing(32, 40)
N_BYTES = 4096 + 2 * 32 * 40


def write_images(folder: Path, n: int) -> list[str]:
    """Phantoms; one has its polarity turned, one numbers that no detector has."""
    folder.mkdir(exist_ok=True)
    paths = []
    for i in range(n):
        paths.append(str(folder / f"{i}.tif"))
        pixels = draw_nth(i, seed=0).pixels[::2, ::2]
        if i == 1:
            pixels = 255 - pixels
        image = Image.fromarray(pixels.astype(np.float32) * 9 - 50 if i == 2 else pixels)
        image.save(paths[-1])
    return paths


def check_same(found: DecodedImages, wanted: DecodedImages) -> None:
    """To the bit, and to the letter of the warnings."""
    assert np.array_equal(found.pixels, wanted.pixels)
    assert np.array_equal(found.kept, wanted.kept)
    assert np.array_equal(found.n_bytes, wanted.n_bytes)
    for name in ("refusals", "source_sizes", "digests", "warnings"):
        assert getattr(found, name) == getattr(wanted, name)


def list_sizes(folder: Path) -> list[int]:
    return sorted(path.stat().st_size for path in folder.glob("*.pixels"))


def is_mapped(images: DecodedImages) -> bool:
    """Whether the pixels lie in a file, not in memory."""
    return not images.pixels.flags.writeable


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_images(tmp_path_factory.mktemp("images"), 8)


@pytest.fixture(scope="module")
def fresh(paths: list[str]) -> DecodedImages:
    images = decode(paths, STEP)
    assert [one.reason for one in images.warnings[1]] == ["inverted"]
    assert "range-guessed" in [one.reason for one in images.warnings[2]]
    return images


def test_the_second_reading_takes_what_the_first_kept(
    paths: list[str], fresh: DecodedImages, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG broken")
    given = [*paths[:3], str(bad), *paths[3:]]
    wanted = decode(given, STEP)
    for _ in range(3):
        seen: list[int] = []
        images = decode(given, STEP, store=PixelStore(tmp_path / "s"), progress=seen.append)
        check_same(images, wanted)
        assert is_mapped(images)
        assert images.notes == ()
        assert seen == list(range(1, 10))
        assert list_sizes(tmp_path / "s") == [8 * N_BYTES]
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700


def test_any_order_and_any_part_of_it(
    paths: list[str], fresh: DecodedImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = PixelStore(tmp_path)
    check_same(decode(paths, STEP, store=one), fresh)
    for limit in (0, 10**9):
        monkeypatch.setattr(store, "_MAX_COPIED_BYTES", limit)
        for rows in ([7, 6, 5], [2, 3, 4], [0, 1, 5, 6], [3, 3]):
            images = decode([paths[row] for row in rows], STEP, store=one)
            assert np.array_equal(images.pixels, fresh.pixels[rows])
            assert images.warnings == tuple(fresh.warnings[row] for row in rows)
            assert is_mapped(images) == (rows == [2, 3, 4] or limit == 0)
    assert is_mapped(decode([paths[4]], STEP, store=one, scratch=tmp_path))
    assert decode([], STEP, store=one).pixels.shape == (0, 32, 40)
    assert len(list(tmp_path.iterdir())) == 1


def test_one_file_under_two_names_is_kept_once(
    paths: list[str], fresh: DecodedImages, tmp_path: Path
) -> None:
    """Its warnings name the file that is asked for, whichever was kept."""
    second = tmp_path / "it's another.tif"
    second.write_bytes(Path(paths[1]).read_bytes())
    given = [paths[1], str(second)]
    for _ in range(2):
        check_same(decode(given, STEP, store=PixelStore(tmp_path / "s")), decode(given, STEP))
        assert list_sizes(tmp_path / "s") == [N_BYTES]


def test_one_name_with_another_content_is_another_image(paths: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for source in (paths[0], paths[1], paths[0]):
        path.write_bytes(Path(source).read_bytes())
        images = decode([str(path)], STEP, store=PixelStore(tmp_path / "s"))
        check_same(images, decode([str(path)], STEP))
    assert list_sizes(tmp_path / "s") == [2 * N_BYTES]


@pytest.mark.parametrize(
    "other",
    [
        Preprocessing(40, 32),
        Preprocessing(32, 40, "crop"),
        Preprocessing(32, 40, remove_text=True),
        Preprocessing(32, 40, decoding="full"),
    ],
)
def test_another_preprocessing_has_a_file_of_its_own(
    other: Preprocessing, paths: list[str], fresh: DecodedImages, tmp_path: Path
) -> None:
    one = PixelStore(tmp_path)
    for _ in range(2):
        check_same(decode(paths[:3], other, store=one), decode(paths[:3], other))
        assert np.array_equal(decode(paths, STEP, store=one).pixels, fresh.pixels)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_another_version_kept_is_ignored(
    paths: list[str], fresh: DecodedImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode(paths, STEP, store=PixelStore(tmp_path))
    (before,) = tmp_path.iterdir()
    monkeypatch.setattr(pixel_store, "PIXEL_PATH", pixel_store.PIXEL_PATH + 1)
    check_same(decode(paths, STEP, store=PixelStore(tmp_path)), fresh)
    (after,) = set(tmp_path.iterdir()) - {before}
    before.replace(after)  # under the right name it does not prove itself
    check_same(decode(paths, STEP, store=PixelStore(tmp_path)), fresh)
    assert list_sizes(tmp_path) == [16 * N_BYTES]


def read_probes(folder: Path) -> dict[str, list[int]]:
    """Some network inputs at a few points, by how they are made."""
    image = Image.fromarray(draw_nth(0, seed=0).pixels)
    image.save(folder / "small.png")
    image.resize((1600, 1250), Image.Resampling.BICUBIC).save(folder / "large.jpg", quality=90)
    steps = {
        "stretched": Preprocessing(48, 32),
        "cropped": Preprocessing(48, 32, "crop"),
        "without text": Preprocessing(48, 32, remove_text=True),
    }
    return {
        f"{name}, {told}": decode([str(folder / name)], step).pixels[0, 4::13, 16].tolist()
        for name in ("small.png", "large.jpg")
        for told, step in steps.items()
    }


def test_what_moves_a_pixel_raises_the_version(tmp_path: Path) -> None:
    """If this fails, raise `PIXEL_PATH` and write the new values here: old stores are wrong."""
    assert pixel_store.PIXEL_PATH == 2
    wanted = {
        "small.png, stretched": [53254, 52224, 59176, 59339],
        "small.png, cropped": [53429, 52876, 60108, 59991],
        "small.png, without text": [53254, 52224, 59176, 59339],
        "large.jpg, stretched": [53243, 52225, 59181, 59349],
        "large.jpg, cropped": [52997, 52487, 60239, 60211],
        "large.jpg, without text": [53256, 52237, 59190, 59344],
    }
    found = read_probes(tmp_path)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=2, err_msg=name)


def test_images_in_an_array_are_kept_with_what_is_white_there(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for white in (1023, 4095, 1023):
        write_hdf5(path, white)
        given = [f"{path}#0/0", f"{path}#0/1", f"{path}#0/2"]
        for _ in range(2):
            images = decode(given, STEP, store=PixelStore(tmp_path / "s"))
            check_same(images, decode(given, STEP))
            assert [one.reason for one in images.refusals] == ["no-image"]
    assert list_sizes(tmp_path / "s") == [4 * N_BYTES]


@pytest.mark.parametrize("place", [10, N_BYTES + 20, 2 * N_BYTES + 60, 3 * N_BYTES + 4096, -1])
def test_a_flipped_bit_is_decoded_again_and_made_good(
    place: int, paths: list[str], fresh: DecodedImages, tmp_path: Path
) -> None:
    """In the checksum, in the address, in the facts and in the pixels."""
    decode(paths, STEP, store=PixelStore(tmp_path))
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[place] ^= 4
    file.write_bytes(data)
    for _ in range(2):
        check_same(decode(paths, STEP, store=PixelStore(tmp_path)), fresh)
        assert list_sizes(tmp_path) == [9 * N_BYTES]


@pytest.mark.parametrize("n_bytes", [0, 100, N_BYTES, 5 * N_BYTES - 1])
def test_a_truncated_file_is_filled_again(
    n_bytes: int, paths: list[str], fresh: DecodedImages, tmp_path: Path
) -> None:
    decode(paths, STEP, store=PixelStore(tmp_path))
    (file,) = tmp_path.iterdir()
    os.truncate(file, n_bytes)
    check_same(decode(paths, STEP, store=PixelStore(tmp_path)), fresh)
    assert list_sizes(tmp_path) == [8 * N_BYTES]


def test_a_full_disk_is_told_and_stops_nothing(
    paths: list[str], fresh: DecodedImages, tmp_path: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * N_BYTES + 10, limits[1]))
    try:
        images = decode(paths, STEP, store=PixelStore(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    check_same(images, fresh)
    assert images.notes == (
        f"The store '{tmp_path}' could not keep all decoded images (File too large): 5 of them "
        "will be decoded again next time.",
    )
    again = decode(paths, STEP, store=PixelStore(tmp_path))
    check_same(again, fresh)
    assert again.notes == ()
    assert list_sizes(tmp_path) == [8 * N_BYTES]


def test_the_limit_holds(paths: list[str], fresh: DecodedImages, tmp_path: Path) -> None:
    limit = 6.5 * N_BYTES / 1e9
    decode(paths[:4], Preprocessing(40, 32), store=PixelStore(tmp_path, limit))
    (first,) = tmp_path.iterdir()
    images = decode(paths, STEP, store=PixelStore(tmp_path, limit))
    check_same(images, fresh)
    assert not first.exists()
    assert list_sizes(tmp_path) == [6 * N_BYTES]
    assert f"(its limit of {limit:g} GB is reached): 2 of them" in images.notes[0]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_must_leave_room(limit: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="limit must be above 0 GB; got"):
        PixelStore(tmp_path, limit)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    with pytest.raises(OutputError, match=r"cannot make the store '.*/s': File exists; choose"):
        PixelStore(tmp_path / "s")


BUILD = """
import json, os, sys, time
from pathlib import Path
from cxrlens.imaging import PixelStore, Preprocessing, decode
from cxrlens.vocabulary import digest
folder, paths = Path(sys.argv[1]), json.loads(sys.argv[2])
if len(sys.argv) > 3:
    os.setgid(65534)
    os.setuid(65534)
print("ready", flush=True)
sys.stdin.readline()
images = decode(paths, Preprocessing(32, 40), store=PixelStore(folder))
print(json.dumps([digest(images.pixels.tobytes()), images.notes]), flush=True)
"""


def start(folder: Path, paths: list[str], *more: str) -> "subprocess.Popen[str]":
    """Start another process that will read the images with a store, and wait until it could."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), json.dumps(paths), *more],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process: "subprocess.Popen[str]") -> tuple[str, list[str]]:
    told, _ = process.communicate()
    assert process.returncode == 0
    found, notes = json.loads(told)
    return found, notes


def release(*processes: "subprocess.Popen[str]") -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def test_two_processes_that_fill_it_at_once(tmp_path: Path) -> None:
    paths = write_images(tmp_path / "images", 16)
    wanted = digest(decode(paths, STEP).pixels.tobytes())
    both = [start(tmp_path / "s", paths), start(tmp_path / "s", paths[::-1])]
    release(*both)
    (first, notes), (second, more) = map(finish, both)
    assert (notes, more) == ([], [])
    assert first == wanted
    assert second == digest(decode(paths[::-1], STEP).pixels.tobytes())
    assert list_sizes(tmp_path / "s") == [16 * N_BYTES]
    images = decode(paths, STEP, store=PixelStore(tmp_path / "s"))
    assert digest(images.pixels.tobytes()) == wanted
    assert list_sizes(tmp_path / "s") == [16 * N_BYTES]


def test_a_process_that_is_killed_leaves_what_it_kept(tmp_path: Path) -> None:
    paths = write_images(tmp_path / "images", 24)
    process = start(tmp_path / "s", paths)
    release(process)
    while sum(list_sizes(tmp_path / "s")) < 3 * N_BYTES:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    (size,) = list_sizes(tmp_path / "s")
    assert size < 24 * N_BYTES
    check_same(decode(paths, STEP, store=PixelStore(tmp_path / "s")), decode(paths, STEP))
    assert list_sizes(tmp_path / "s") == [24 * N_BYTES]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_store_that_may_only_be_read(paths: list[str], fresh: DecodedImages) -> None:
    """What is there is taken; what is not is decoded, and told."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        place, images = Path(folder) / "s", Path(folder) / "images"
        given = write_images(images, 4)
        decode(given[:3], STEP, store=PixelStore(place))
        for path in (Path(folder), images, place):
            path.chmod(0o555)
        for n, told in ((3, 0), (4, 1)):
            process = start(place, given[:n], "as another user")
            release(process)
            found, notes = finish(process)
            assert found == digest(fresh.pixels[:n].tobytes())
            assert len(notes) == told
        assert "(Permission denied): 1 of them" in notes[0]
        assert list_sizes(place) == [3 * N_BYTES]
