"""The store of decoded pixels: every image at the network's size, ready to be used many times.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from cxrlens.imaging.decoded_facts import DecodedFacts, read_facts, write_facts
from cxrlens.imaging.image_identity import ImageIdentity, identify
from cxrlens.imaging.pixel_places import InMemory, InShard, OnDisk, PixelPlace
from cxrlens.imaging.pixel_record import StoredImage, StoredPixels
from cxrlens.imaging.pixel_shard import PixelShard
from cxrlens.imaging.pixel_store import PixelStore
from cxrlens.imaging.preprocessing import Preprocessing
from cxrlens.imaging.read_image import ReadImage
from cxrlens.imaging.streaming import map_ordered, try_read_image
from cxrlens.vocabulary import ImageWarning, Refusal, show_name

_MAX_COPIED_BYTES = 4_000_000_000
"""More pixels than this are not copied from a store into memory, but into its folder."""


@dataclass(frozen=True, eq=False)
class DecodedImages:
    """The images of a collection that could be read, at the network's size.

    All fields but `refusals` have one entry an image kept.
    """

    pixels: StoredPixels
    """value / 65535 is the grey in [0, 1]; read-only where it lies on disk."""

    kept: Int[np.ndarray, " n"]
    """Index of each image in the paths that were given, ascending."""

    refusals: tuple[Refusal, ...]
    """The images that were left out, in the order given."""

    source_sizes: tuple[tuple[int, int], ...]
    """(height, width) of each image in its own pixels."""

    digests: tuple[str, ...]
    """SHA-256 of each file's bytes."""

    n_bytes: Int[np.ndarray, " n"]
    """Size of each file in bytes."""

    warnings: tuple[tuple[ImageWarning, ...], ...]
    """What must be known about each image."""

    notes: tuple[str, ...] = ()
    """What went wrong with the store, one sentence each, for people."""


@dataclass(frozen=True, eq=False)
class _Image:
    """One image at the network's size."""

    pixels: StoredImage
    facts: DecodedFacts
    row: int | None = None
    """Its place in the shard that it was taken from."""
    identity: ImageIdentity | None = None
    """Of an image that was looked for in a shard, and is not there."""


def decode(
    paths: Sequence[str],
    preprocessing: Preprocessing,
    *,
    workers: int = 2,
    scratch: Path | None = None,
    store: PixelStore | None = None,
    progress: Callable[[int], None] | None = None,
) -> DecodedImages:
    """Read all images with threads and keep them at the network's size.

    An image that cannot be read never stops the others. Few images are held at their own size at
    a time.

    Args:
        paths: the files.
        preprocessing: how the network's input is made.
        workers: number of threads, 1 or more.
        scratch: a folder for the pixels (2 bytes each); the file there has no name and is gone
            with the last use of the array, however the process ends. None keeps them in memory,
            or where they lie in the store.
        store: images that are there are not decoded, the others are added. Where it cannot be
            read or added to, that is noted and the work goes on. None decodes all.
        progress: called after each image with the number done so far.

    Returns:
        The images kept, in the order given, and why the others were not.

    Raises:
        OutputError: if the pixels cannot be written to `scratch`, or the store is damaged by
            others meanwhile.
        ValueError: if `workers` is below 1.
    """
    shard = None if store is None else store.open_shard(preprocessing)

    def read_one(image: str) -> _Image | Refusal:
        identity = None if shard is None else identify(image)
        found = None if shard is None or identity is None else _find(shard, identity, image)
        if found is not None:
            return found
        read = try_read_image(image, preprocessing)
        return read if isinstance(read, Refusal) else _Image(*_shrink(read), identity=identity)

    kept: dict[int, DecodedFacts] = {}
    refusals: list[Refusal] = []
    n_lost = 0
    with closing(_choose_place(len(paths), preprocessing, scratch, shard)) as place:
        for i, result in enumerate(
            map_ordered(read_one, paths, workers=workers, ahead=2 * workers)
        ):
            if isinstance(result, Refusal):
                refusals.append(result)
            else:
                row = result.row
                if shard is not None and row is None:
                    row = _keep(shard, result, paths[i])
                    n_lost += row is None
                place.add(result.pixels, row)
                kept[i] = result.facts
            if progress is not None:
                progress(i + 1)
        notes = _tell_fault(shard, n_lost)
        return _gather(place.finish(), kept, refusals, notes)


def _choose_place(
    n: int, preprocessing: Preprocessing, scratch: Path | None, shard: PixelShard | None
) -> PixelPlace:
    size = (preprocessing.height, preprocessing.width)
    if scratch is not None:
        return OnDisk(scratch, size)
    if shard is None:
        return InMemory(n, size)
    if 2 * n * size[0] * size[1] > _MAX_COPIED_BYTES:
        return InShard(shard, lambda: OnDisk(shard.path.parent, size))
    return InShard(shard, lambda: InMemory(n, size))


def _find(shard: PixelShard, identity: ImageIdentity, image: str) -> _Image | None:
    found = shard.find(identity.address)
    if found is None:
        return None
    return _Image(found.pixels, read_facts(found.facts, _name(image)), found.row)


def _keep(shard: PixelShard, made: _Image, image: str) -> int | None:
    """Add an image, unless its file has changed since it was looked for."""
    if made.identity is None or made.identity.digest != made.facts.digest:
        return None
    facts = write_facts(made.facts, _name(image))
    return None if facts is None else shard.keep(made.identity.address, facts, made.pixels)


def _name(image: str) -> str:
    """The image as its warnings call it."""
    return repr(show_name(os.fspath(image)))


def _tell_fault(shard: PixelShard | None, n_lost: int) -> tuple[str, ...]:
    if shard is None or shard.fault is None or n_lost == 0:
        return ()
    folder = show_name(str(shard.path.parent))
    return (
        f"The store '{folder}' could not keep all decoded images ({shard.fault}): {n_lost} of them "
        "will be decoded again next time.",
    )


def _shrink(read: ReadImage) -> tuple[StoredImage, DecodedFacts]:
    small = np.rint(read.pixels * np.float32(65535)).astype(np.uint16)
    return small, DecodedFacts(read.geometry.source_size, read.digest, read.n_bytes, read.warnings)


def _gather(
    pixels: StoredPixels,
    kept: dict[int, DecodedFacts],
    refusals: list[Refusal],
    notes: tuple[str, ...],
) -> DecodedImages:
    return DecodedImages(
        pixels,
        np.array(list(kept), dtype=np.int64),
        tuple(refusals),
        tuple(one.source_size for one in kept.values()),
        tuple(one.digest for one in kept.values()),
        np.array([one.n_bytes for one in kept.values()], dtype=np.int64),
        tuple(one.warnings for one in kept.values()),
        notes,
    )
