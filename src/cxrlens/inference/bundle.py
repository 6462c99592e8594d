"""One folder that is a model: saved whole, loaded only if it is what it says.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import cast

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import save as save_safetensors

from cxrlens.imaging import Preprocessing
from cxrlens.inference.card import write_card
from cxrlens.inference.familiarity import (
    Familiarity,
    FamiliarityRecord,
    dump_familiarity,
    restore_familiarity,
)
from cxrlens.inference.restoration import restore_network
from cxrlens.network import MapClassifier, NetworkSpec
from cxrlens.vocabulary import (
    ARGMAX,
    BundleError,
    Calibration,
    CxrlensError,
    OperatingPoint,
    OutputError,
    Plain,
    Provenance,
    digest,
    to_plain,
)

SCHEMA_VERSION = 2
"""Of `bundle.json`; a newer one is refused. 1 had no calibration and no thresholds."""

READ_VERSIONS = (1, SCHEMA_VERSION)
"""Those that are understood."""

WEIGHTS_FILE = "weights.safetensors"
RECORD_FILE = "bundle.json"
CARD_FILE = "card.md"
SEEN_FILE = "training-files.txt"
FAMILIARITY_FILE = "familiarity.safetensors"


@dataclass(frozen=True)
class TrainingData:
    """What a model was trained on, so that it can be recognised."""

    fingerprint: str
    """SHA-256 over the sorted digests and labels of all files in the table."""

    split_digest: str
    """SHA-256 of the split file."""

    counts: dict[str, dict[str, int]]
    """Images by split and class."""

    is_phantom: bool = False
    """Whether drawn images were among them: then the model knows nothing of patients."""

    is_known: bool = True
    """Whether all this is known; not of a model that was imported."""


UNKNOWN_DATA = TrainingData("unknown", "unknown", {}, is_known=False)
"""Of a model that was trained elsewhere."""


@dataclass(frozen=True)
class BundleRecord:
    """All that a bundle says beside its weights: the content of `bundle.json`."""

    classes: tuple[str, ...]
    """In the order of the outputs."""

    preprocessing: Preprocessing
    """How a radiograph becomes the network's input."""

    network: NetworkSpec
    """How the network is built."""

    recipe: Plain
    """The resolved recipe that it was trained by."""

    initial_weights: str
    """What training started from."""

    data: TrainingData
    """What it was trained on."""

    metrics: Plain = None
    """Figures of the chosen epoch on validation (the data that chose it)."""

    operating_point: OperatingPoint = ARGMAX
    """How a decision follows."""

    is_multilabel: bool = False
    """Whether an image may have several classes, or none: each probability is then the sigmoid of
    its own logit, else they are the softmax of all."""

    calibration: Calibration | None = None
    """How logits become probabilities that fit what comes true; None where nobody fitted it."""

    familiarity: FamiliarityRecord | None = None
    """What `familiarity.safetensors` holds; None where the bundle has no such file."""

    parent: str | None = None
    """Digest of the bundle that this one was made from."""

    provenance: Provenance = field(default_factory=Provenance)
    """What made it, and when."""

    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each other file of the folder."""

    schema_version: int = SCHEMA_VERSION
    """Of this record."""

    digest: str = ""
    """SHA-256 of this record written without this field: the bundle's name in every result."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained network with its record."""

    record: BundleRecord
    """What it is."""

    restore: Callable[[], MapClassifier]
    """Gives the network, in eval mode, on the CPU; raises `BundleError` where it cannot."""

    seen: frozenset[str]
    """SHA-256 of every file that it was trained on, or that chose its epoch, calibrated it or
    chose its thresholds."""

    familiarity: Familiarity | None = None
    """What tells an image that is unlike the training images; None where that is not measured."""

    @cached_property
    def network(self) -> MapClassifier:
        """What was trained; built when it is first asked for."""
        return self.restore()


def save_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Write a bundle; the folder appears whole or not at all.

    Args:
        bundle: the record's digests, and what it says of its familiarity, are made anew.
        folder: must not exist.

    Returns:
        The bundle with its digests filled in.

    Raises:
        OutputError: if the folder exists or cannot be written.
        BundleError: if the calibration belongs to other weights.
    """
    weights = save_safetensors(_contiguous_state(bundle.network))
    familiar = bundle.familiarity
    record = replace(bundle.record, familiarity=None if familiar is None else familiar.record)
    card = write_card(record.classes, to_plain(record)).encode()
    seen = "".join(f"{name}\n" for name in sorted(bundle.seen)).encode()
    contents = {WEIGHTS_FILE: weights, CARD_FILE: card, SEEN_FILE: seen}
    if familiar is not None:
        contents[FAMILIARITY_FILE] = dump_familiarity(familiar)
    digests = {name: digest(data) for name, data in contents.items()}
    record = replace(record, digests=digests, schema_version=SCHEMA_VERSION, digest="")
    _check_calibration(record, folder)
    record = replace(record, digest=_digest_record(to_plain(record)))
    text = json.dumps(to_plain(record), indent=2, ensure_ascii=False, allow_nan=False)
    _write_folder(folder, {**contents, RECORD_FILE: f"{text}\n".encode()})
    return replace(bundle, record=record)


def load_bundle(folder: Path, find_width: Callable[[str], int | None] = lambda _: None) -> Bundle:
    """Read a bundle, refusing anything that is not exactly what was saved.

    Args:
        folder: as `save_bundle` wrote it.
        find_width: gives the number of features of the network of the bundle of a digest, where
            that has been built from this very bundle before: it is then built when it is asked
            for, or never, since that takes longer than all else.

    Returns:
        The network with its record.

    Raises:
        BundleError: if a file is missing, damaged or of another digest, the schema is newer, the
            weights do not fit the network or are not finite, or the calibration belongs to others.
    """
    record = _read_record(folder)
    names = [WEIGHTS_FILE, CARD_FILE, SEEN_FILE]
    names += [] if record.familiarity is None else [FAMILIARITY_FILE]
    contents = {name: _read_file(folder, name) for name in names}
    for name, data in contents.items():
        stated = record.digests.get(name, "nothing")
        if digest(data) != stated:
            raise BundleError(
                f"{folder / name} has SHA-256 {digest(data)[:12]}…, its bundle says "
                f"{stated[:12]}…: the file was changed or damaged; "
                "copy the bundle again from where it was made"
            )
    _check_calibration(record, folder)
    size = (record.preprocessing.height, record.preprocessing.width)
    given = record.network, len(record.classes), size, contents[WEIGHTS_FILE], folder
    restore = _Once(partial(restore_network, *given))
    n_features = find_width(record.digest)
    if n_features is None:
        n_features = restore().backbone.n_features
    familiar = None
    if record.familiarity is not None:
        data, place = contents[FAMILIARITY_FILE], folder / FAMILIARITY_FILE
        familiar = restore_familiarity(record.familiarity, n_features, data, place)
    return Bundle(record, restore, frozenset(contents[SEEN_FILE].decode().split()), familiar)


class _Once:
    """Builds a network when it is first asked for, by whichever thread, and then forgets how.

    What is needed to build it holds its weights once more.
    """

    def __init__(self, build: Callable[[], MapClassifier]) -> None:
        self._build: Callable[[], MapClassifier] | None = build
        self._network: MapClassifier | None = None
        self._lock = Lock()

    def __call__(self) -> MapClassifier:
        with self._lock:
            if self._build is not None:
                self._network, self._build = self._build(), None
            return cast(MapClassifier, self._network)


def _check_calibration(record: BundleRecord, folder: Path) -> None:
    """Refuse a calibration, or thresholds, that were fitted to another model."""
    strange = {one.class_name for one in record.operating_point.thresholds} - {*record.classes}
    if strange:
        raise BundleError(
            f"{folder} has a threshold for {', '.join(sorted(strange))}, its classes are "
            f"{', '.join(record.classes)}; make it again by `cxrlens calibrate`"
        )
    if record.calibration is None:
        return
    stated, own = record.calibration.weights, record.digests.get(WEIGHTS_FILE, "nothing")
    if stated != own:
        raise BundleError(
            f"the calibration in {folder} was fitted to weights of SHA-256 {stated[:12]}…, its own "
            f"are {own[:12]}…: it means nothing for these; make it again by `cxrlens calibrate`"
        )
    scaling = record.calibration.scaling
    if (len(scaling.scales), scaling.is_multilabel) != (len(record.classes), record.is_multilabel):
        raise BundleError(
            f"the calibration in {folder} is for {len(scaling.scales)} classes that "
            f"{'may come together' if scaling.is_multilabel else 'exclude each other'}, its model "
            "is not; make it again by `cxrlens calibrate`"
        )


def _read_record(folder: Path) -> BundleRecord:
    path = folder / RECORD_FILE
    try:
        plain = json.loads(_read_file(folder, RECORD_FILE), parse_constant=_refuse_constant)
        version = plain["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BundleError(f"{path} is no bundle record ({error}); give a bundle folder") from error
    if version not in READ_VERSIONS:
        raise BundleError(
            f"{path} has schema version {version!r}, this cxrlens reads up to {SCHEMA_VERSION}; "
            "use the version of cxrlens that wrote it"
        )
    stated = plain.get("digest")
    if stated != _digest_record({**plain, "digest": ""}):
        raise BundleError(
            f"{path} was changed or damaged: it does not match its own digest {stated}"
        )
    try:
        # Those that do not say were trained on images that were decoded whole.
        plain = {**plain, "preprocessing": {"decoding": "full", **plain["preprocessing"]}}
        return TypeAdapter(BundleRecord).validate_python(plain)
    except (ValidationError, CxrlensError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is not a valid bundle record: {error}") from error


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _digest_record(plain: Plain) -> str:
    return digest(json.dumps(plain, sort_keys=True, ensure_ascii=True, allow_nan=False).encode())


def _read_file(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(
            f"{folder} is no bundle: {name} cannot be read ({error.strerror}); "
            "give the folder that `cxrlens train` wrote as `bundle`"
        ) from error


def _contiguous_state(network: MapClassifier) -> dict[str, torch.Tensor]:
    """Copy the weights in plain memory order, since channels-last tensors cannot be saved."""
    return {key: value.cpu().contiguous() for key, value in network.state_dict().items()}


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write beside, fsync, rename."""
    if os.path.lexists(folder):
        raise OutputError(f"bundle folder {folder} exists already; bundles are never overwritten")
    try:
        beside = Path(tempfile.mkdtemp(prefix=".bundle.", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"cannot write beside {folder}: {error.strerror}") from error
    try:
        for name, data in files.items():
            with (beside / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        beside.chmod(0o755)
        beside.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        # Nothing half-written stays, whatever stopped it; once renamed there is nothing left.
        shutil.rmtree(beside, ignore_errors=True)
