"""Many files become radiographs, in order and in constant memory.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from cxrlens.imaging.preprocessing import Preprocessing
from cxrlens.imaging.radiograph import Radiograph
from cxrlens.imaging.read_image import ReadImage, read_image, read_source
from cxrlens.imaging.reading import read_radiograph
from cxrlens.vocabulary import ImageRefused, Refusal

S = TypeVar("S")
T = TypeVar("T")


def stream(
    images: Iterable[str],
    preprocessing: Preprocessing,
    *,
    workers: int | None = None,
    ahead: int = 32,
) -> Iterator[ReadImage | Refusal]:
    """Read files for a network with threads, in order, some ahead of the one that is asked for.

    Args:
        images: the files; taken from one by one, so it may be endless.
        preprocessing: how the network's input is made.
        workers: number of threads; None takes one a processor core.
        ahead: how many images are read before they are asked for, at most; each takes the memory
            of the network's input, and each thread's that of a file's own pixels.

    Yields:
        For every file, in order, what the network sees, or why it was refused.

    Raises:
        ValueError: if `workers` or `ahead` is below 1.
    """

    def read(image: str) -> ReadImage | Refusal:
        return try_read_image(image, preprocessing)

    n_workers = count_cores() if workers is None else workers
    return map_ordered(read, images, workers=n_workers, ahead=ahead)


def count_cores() -> int:
    """Count the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def try_read_image(image: str, preprocessing: Preprocessing) -> ReadImage | Refusal:
    """Read one file for a network, or give the reason why it is refused.

    Args:
        image: the file.
        preprocessing: of the network.

    Returns:
        What the network sees, or the refusal.
    """
    try:
        return read_image(image, preprocessing)
    except ImageRefused as error:
        return _refuse(image, error)


def try_read_source(read: ReadImage) -> Radiograph | Refusal:
    """Read an image's own pixels again, or give the reason why they are gone.

    Args:
        read: what was read for the network.

    Returns:
        The radiograph, or the refusal.
    """
    try:
        return read_source(read)
    except ImageRefused as error:
        return _refuse(read.image, error)


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
        return _refuse(image, error)


def _refuse(image: str, error: ImageRefused) -> Refusal:
    return Refusal(image, error.reason, str(error), error.figure)


def map_ordered(
    function: Callable[[S], T], images: Iterable[S], *, workers: int, ahead: int
) -> Iterator[T]:
    """Apply a function to each image in threads; results come in order, at most `ahead` wait.

    Args:
        function: what is done with each image.
        images: the files, or what was made of them; taken from one by one.
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
    function: Callable[[S], T], images: Iterator[S], workers: int, ahead: int
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
