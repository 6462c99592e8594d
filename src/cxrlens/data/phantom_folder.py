"""Phantoms are drawn into a folder, to be read as any collection.

SPDX-License-Identifier: Apache-2.0
"""

import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import groupby
from pathlib import Path

from PIL import Image

from cxrlens.phantom import FINDINGS, Phantom, draw_nth
from cxrlens.vocabulary import InputError, Progress, Silence


def write_phantoms(
    folder: Path | str,
    parts: int | Mapping[str, int],
    *,
    seed: int = 0,
    findings: tuple[str, ...] = FINDINGS,
    processes: int = 1,
    progress: Progress | None = None,
) -> dict[str, list[Phantom]]:
    """Draw radiographs with known truth as class folders, with masks of the lesions beside.

    Args:
        folder: must not exist yet.
        parts: how many images; by part (`train`, `val`, `test`) where the data are to bring a
            split. Multiples of three times the number of findings keep patients whole and classes
            even.
        seed: another seed gives other patients.
        findings: the classes, in equal shares.
        processes: that draw at once, a fortieth of a second a phantom. More than one need a main
            module that can be imported without starting over (`if __name__ == "__main__":`).
        progress: is told of every phantom.

    Returns:
        What was drawn, by part (the empty name where there are none), in the order of drawing.

    Raises:
        InputError: if the folder exists, or a finding cannot be drawn.

    Example:
        >>> import tempfile
        >>> drawn = write_phantoms(Path(tempfile.mkdtemp(), "data"), 3, findings=("normal",))
        >>> [phantom.label for phantom in drawn[""]]
        ['normal', 'normal', 'normal']
    """
    folder, progress = Path(folder), progress or Silence()
    counts = {"": parts} if isinstance(parts, int) else dict(parts)
    if folder.exists():
        raise InputError(f"the folder for phantoms exists already: {folder}; name a new one")
    drawn: dict[str, list[Phantom]] = {part: [] for part in counts}
    total = sum(counts.values())
    with ExitStack() as stack:
        draw = partial(draw_nth, seed=seed, findings=findings)
        phantoms: Iterator[Phantom] = map(draw, range(total))
        if processes > 1:
            # A fresh process inherits no threads, whatever the caller has loaded.
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(processes))
            phantoms = pool.imap(draw, range(total), chunksize=12)
        for done, (part, name, phantom) in enumerate(_name_phantoms(phantoms, counts), start=1):
            _write_phantom(folder, part, name, phantom)
            drawn[part].append(phantom)
            progress.advance("draw phantoms", done, total)
    return drawn


def _name_phantoms(
    phantoms: Iterator[Phantom], counts: Mapping[str, int]
) -> Iterator[tuple[str, str, Phantom]]:
    """Give each phantom its part and a file name that holds its patient's number."""
    parts = iter([part for part, n in counts.items() for _ in range(n)])
    by_patient = groupby(phantoms, key=lambda phantom: phantom.patient_id)
    for number, (_, images) in enumerate(by_patient):
        for image, phantom in enumerate(images):
            yield next(parts), f"phantom{number:05d}_{image}.png", phantom


def _write_phantom(folder: Path, part: str, name: str, phantom: Phantom) -> None:
    files = {folder / part / phantom.label / name: phantom.pixels}
    if phantom.lesion.any():
        files[folder / "masks" / part / phantom.label / name] = phantom.lesion
    for path, pixels in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
