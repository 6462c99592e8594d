"""A quantised network is kept beside its bundle, with the proof that it answers alike.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cxrlens.imaging import write_whole
from cxrlens.inference.engine import EngineOutput
from cxrlens.inference.quantised_network import QuantisedNetwork, read_quantised
from cxrlens.vocabulary import BundleError, InputError, OutputError, show_name, to_plain

RECORD_FILE = "int8.json"

_PART = ".int8-"
"""How the name of what is not whole yet begins."""

MIN_ALIKE = 0.995
"""Share of the images checked whose decisions and flags must all be the same."""

MAX_AUROC_GAP = 0.002
"""Largest change of a class's AUROC that passes."""


@dataclass(frozen=True)
class QuantisationCheck:
    """How a quantised network answers for images that did not set its scales."""

    n_images: int
    """Images answered for by both."""

    n_alike: int
    """Those with the same decisions and flags."""

    probability_gaps: tuple[float, float, float]
    """|difference| of the deciding probabilities, the largest of each image's classes: median,
    99th percentile and largest over the images."""

    map_correlation: float
    """Median over the images of the correlation (Pearson) between the leading class's maps."""

    auroc_gap: float | None
    """Largest |difference| of a class's AUROC; None where no class has both labels among them."""

    @property
    def fault(self) -> str | None:
        """Why it does not pass; None where it does."""
        if self.n_alike < MIN_ALIKE * self.n_images:
            return (
                f"{self.n_alike} of {self.n_images} decisions are the same, fewer than "
                f"{MIN_ALIKE:.1%}"
            )
        if self.auroc_gap is not None and not self.auroc_gap <= MAX_AUROC_GAP:
            return f"an AUROC changes by {self.auroc_gap:.4f}, more than {MAX_AUROC_GAP}"
        return None


@dataclass(frozen=True)
class QuantisedRecord:
    """What stands beside a quantised network: the content of `int8.json`."""

    bundle: str
    """Digest of the bundle that it was made from."""

    digests: dict[str, str]
    """SHA-256 of its files."""

    n_sample: int
    """Images that set its scales."""

    check: QuantisationCheck
    """That it passed."""

    openvino: str
    """Version that wrote it."""

    outputs: tuple[str, ...] = ("logits", "maps")
    """What it gives; those made before features were asked for do not say."""


def place_quantised(bundle: Path) -> Path:
    """Name the folder of a bundle's quantised network: beside it, and called after it.

    Args:
        bundle: its folder.

    Example:
        >>> place_quantised(Path("/runs/demo/bundle")).as_posix()
        '/runs/demo/bundle-int8'
    """
    whole = bundle.absolute()
    return whole.with_name(f"{whole.name}-int8")


def load_quantised(folder: Path, bundle: str) -> QuantisedNetwork:
    """Load what `quantise` kept.

    Args:
        folder: as `place_quantised` names it.
        bundle: the bundle's digest.

    Raises:
        InputError: if there is none.
        BundleError: if it is damaged, or belongs to another bundle.
    """
    place = f"'{show_name(str(folder))}'"
    try:
        text = (folder / RECORD_FILE).read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"precision int8 is asked for, and there is no {place}: make it by "
            "`cxrlens quantise BUNDLE DATA`"
        ) from error
    except OSError as error:
        raise BundleError(f"{place} cannot be read: {error.strerror}; quantise again") from error
    try:
        record = TypeAdapter(QuantisedRecord).validate_json(text)
    except ValidationError as error:
        raise BundleError(
            f"{place} is damaged: its record cannot be read; quantise again"
        ) from error
    if record.bundle != bundle:
        raise BundleError(
            f"{place} was made from bundle {record.bundle[:12]}…, this one is {bundle[:12]}…; "
            "quantise again"
        )
    if record.outputs != EngineOutput._fields:
        raise BundleError(
            f"{place} gives {' and '.join(record.outputs)} and no features of the image: an "
            "earlier version made it; quantise again"
        )
    return read_quantised(folder, record.digests)


def check_place(folder: Path) -> None:
    """Refuse a place that could not be written in the end, before long work is done for it.

    Args:
        folder: where a quantised network is to be kept.

    Raises:
        OutputError: if something else is there, or nothing can be written beside it.
    """
    if os.path.lexists(folder) and not (folder / RECORD_FILE).is_file():
        raise OutputError(
            f"'{show_name(str(folder))}' is there and is no quantised network: move it away"
        )
    with _explaining(folder):
        Path(tempfile.mkdtemp(prefix=_PART, dir=folder.parent)).rmdir()


def keep_quantised(network: QuantisedNetwork, record: QuantisedRecord, folder: Path) -> None:
    """Write the folder beside its place, then let it take the name: it is whole or not there.

    Args:
        network: that passed the check.
        record: what is said of it.
        folder: replaced where there is an older one; if that fails the older one stays.

    Raises:
        OutputError: if it cannot be written, or something else is there.
    """
    check_place(folder)
    with _explaining(folder):
        part = Path(tempfile.mkdtemp(prefix=_PART, dir=folder.parent))
    before = part.with_name(f"{part.name}-before")
    try:
        with _explaining(folder):
            for name, data in zip(record.digests, (network.graph, network.weights), strict=True):
                write_whole(part / name, data)
            write_whole(part / RECORD_FILE, json.dumps(to_plain(record), indent=2).encode())
            part.chmod(0o755)  # others may read it, as they may read the bundle
            if folder.exists():
                folder.replace(before)
            part.replace(folder)
    finally:
        if before.exists() and not folder.exists():
            before.replace(folder)
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)


@contextmanager
def _explaining(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write '{show_name(str(folder))}': {error.strerror}; free the place or choose "
            "another"
        ) from error
