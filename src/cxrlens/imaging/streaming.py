"""Many files become radiographs, in order and in constant memory.

SPDX-License-Identifier: Apache-2.0
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from cxrlens.imaging.preprocessing import Preprocessing
from cxrlens.imaging.radiograph import Radiograph
from cxrlens.imaging.reading import read_radiograph
from cxrlens.vocabulary import GreyImage, ImageRefused, Refusal

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ReadImage:
    """One file that could be read."""

    image: str
    """The file, as it was named by the user."""

    radiograph: Radiograph
    """Its pixels at their own size."""

    pixels: GreyImage
    """The network's input made from it."""


def stream(
    images: Iterable[str], preprocessing: Preprocessing, *, workers: int = 2, ahead: int = 8
) -> Iterator[ReadImage | Refusal]:
    """Read files with threads, in order, a few ahead of the one that is asked for.

    Args:
        images: the files; taken from one by one, so it may be endless.
        preprocessing: how the network's input is made.
        workers: number of threads.
        ahead: how many images are read before they are asked for, at most; each takes the memory
            of its pixels (4 bytes each).

    Yields:
        For every file, in order, the image, or why it was refused.

    Raises:
        ValueError: if `workers` or `ahead` is below 1.
    """

    def read(image: str) -> ReadImage | Refusal:
        radiograph = try_read(image)
        if isinstance(radiograph, Refusal):
            return radiograph
        return ReadImage(image, radiograph, preprocessing.apply(radiograph.pixels))

    return map_ordered(read, images, workers=workers, ahead=ahead)


def try_read(image: str) -> Radiograph | Refusal:
    """Read one file, or give the reason why it is refused, so that a batch can go on.

    Args:
        image: the file.

    Returns:
        The radiograph, or the refusal.
    """
    try:
        return read_radiograph(image)
    except ImageRefused as error:
        return Refusal(image, error.reason, str(error), error.figure)


def map_ordered(
    function: Callable[[str], T], images: Iterable[str], *, workers: int, ahead: int
) -> Iterator[T]:
    """Apply a function to each image in threads; results come in order, at most `ahead` wait.

    Args:
        function: what is done with each image.
        images: the files; taken from one by one.
        workers: number of threads, 1 or more.
        ahead: results that may wait to be asked for, 1 or more.

    Returns:
        The results in the order of the images.

    Raises:
        ValueError: if `workers` or `ahead` is below 1.
    """
    for name, value in (("workers", workers), ("ahead", ahead)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more; got {value}")
    return _run_window(function, iter(images), workers, ahead)


def _run_window(
    function: Callable[[str], T], images: Iterator[str], workers: int, ahead: int
) -> Iterator[T]:
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[T]] = deque(pool.submit(function, i) for i in islice(images, ahead))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, i) for i in islice(images, 1))
                yield result
        finally:  # also when the caller stops asking: what has not begun never does
            pool.shutdown(cancel_futures=True)
