"""Streams are in order, bounded, and stop when nobody asks.

SPDX-License-Identifier: Apache-2.0
"""

import threading
import tracemalloc
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.imaging import Preprocessing, ReadImage, read_radiograph, stream, try_read
from cxrlens.imaging.streaming import map_ordered
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import Refusal

STEP = Preprocessing(32, 32)


@pytest.fixture
def image(tmp_path: Path) -> str:
    path = tmp_path / "x.png"
    Image.fromarray(draw_nth(0, seed=0).pixels).resize((80, 80)).save(path)
    return str(path)


def test_every_file_is_answered_in_order(image: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.png")
    answers = list(stream([image, missing, image], STEP, workers=3, ahead=2))
    assert [answer.image for answer in answers] == [image, missing, image]
    assert isinstance(answers[0], ReadImage)
    assert isinstance(answers[1], Refusal)
    assert np.array_equal(answers[0].pixels, STEP.apply(read_radiograph(image).pixels))
    assert answers[1] == try_read(missing)


def test_an_endless_list_is_read_only_so_far_ahead(image: str) -> None:
    taken = 0
    others = set(threading.enumerate())  # a whole run has threads of other tests' libraries

    def count() -> Iterator[str]:
        nonlocal taken
        for path in repeat(image):
            taken += 1
            yield path

    answers = stream(count(), STEP, workers=2, ahead=3)
    for n, _ in enumerate(islice(answers, 10), start=1):
        assert taken <= n + 3
    answers.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= others


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(draw_nth(0, seed=0).pixels).resize((500, 500)).save(path)  # 1 MB as float32
    peaks = []
    for n in (10, 60):
        tracemalloc.start()
        for _ in stream([str(path)] * n, STEP, workers=2, ahead=3):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2e6


def test_order_holds_whatever_takes_longest() -> None:
    last = threading.Event()

    def work(name: str) -> str:
        if name == "0":
            last.wait(5)  # the first can only end after the third began
        if name == "2":
            last.set()
        return name

    names = [str(i) for i in range(20)]
    assert list(map_ordered(work, names, workers=3, ahead=5)) == names


def test_faults_of_ours_are_not_swallowed() -> None:
    def fail(name: str) -> str:
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError, match="a"):
        list(map_ordered(fail, ["a"], workers=1, ahead=1))


@pytest.mark.parametrize("name", ["workers", "ahead"])
def test_bounds_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be 1 or more; got 0"):
        stream([], STEP, **{name: 0})
