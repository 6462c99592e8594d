"""A bundle is what was saved, or is refused by name.

SPDX-License-Identifier: Apache-2.0
"""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from cxrlens.inference import (
    Bundle,
    CompiledCache,
    TorchEngine,
    find_width,
    keep_width,
    load_bundle,
    save_bundle,
)
from cxrlens.inference.bundle import CARD_FILE, RECORD_FILE, SEEN_FILE, WEIGHTS_FILE
from cxrlens.network import NetworkSpec
from cxrlens.vocabulary import (
    ARGMAX,
    BundleError,
    Calibration,
    OutputError,
    Scaling,
    digest,
    to_plain,
)

FILES = (WEIGHTS_FILE, CARD_FILE, SEEN_FILE, RECORD_FILE)


class _Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


def _sign(folder: Path, change: Callable[[dict[str, Any]], object] = lambda _: None) -> None:
    """Change the record and make every digest right again, as an attacker could."""
    path = folder / RECORD_FILE
    plain = json.loads(path.read_text("utf-8"))
    for name in plain["digests"]:
        plain["digests"][name] = digest((folder / name).read_bytes())
    change(plain)
    plain["digest"] = ""
    plain["digest"] = digest(json.dumps(plain, sort_keys=True).encode())
    path.write_text(json.dumps(plain), "utf-8")


# There and back


@pytest.mark.parametrize(
    "spec",
    [
        None,
        NetworkSpec("resnet18", mean=(0.5,), std=(0.5,)),
        NetworkSpec("mobilenetv2_100", {"act_layer": "relu"}),
        NetworkSpec("vit_tiny_patch16_224"),
    ],
)
def test_there_and_back(
    spec: NetworkSpec | None, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    bundle = make_bundle(spec) if spec else make_bundle()
    # As training leaves it: weights in channels-last order.
    bundle.network.to(memory_format=torch.channels_last)
    saved = save_bundle(bundle, tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle")
    before, after = bundle.network.state_dict(), loaded.network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not loaded.network.training
    assert loaded.record == saved.record
    assert loaded.seen == bundle.seen
    images = np.random.default_rng(0).random((2, 64, 64), dtype=np.float32)
    ours, theirs = TorchEngine(bundle.network, "cpu"), TorchEngine(loaded.network, "cpu")
    np.testing.assert_array_equal(ours.run(images).logits, theirs.run(images).logits)
    np.testing.assert_array_equal(ours.run(images).maps, theirs.run(images).maps)


def test_the_files_are_plain_and_their_digests_right(bundle: Bundle, tmp_path: Path) -> None:
    saved = save_bundle(bundle, tmp_path / "bundle")
    folder = tmp_path / "bundle"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert saved.record.digests == {
        name: digest((folder / name).read_bytes()) for name in FILES[:3]
    }
    plain = json.loads((folder / RECORD_FILE).read_text("utf-8"))
    assert plain.pop("digest") == saved.record.digest
    assert digest(json.dumps({**plain, "digest": ""}, sort_keys=True).encode()) == (
        saved.record.digest
    )
    assert (folder / SEEN_FILE).read_text().split() == sorted(bundle.seen)
    assert oct(folder.stat().st_mode & 0o777) == "0o755"


def test_a_loaded_bundle_saves_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    save_bundle(load_bundle(folder), tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


# Row 46: not one byte may differ


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused_by_name(name: str, folder: Path) -> None:
    good = (folder / name).read_bytes()
    places = {0, 7, 8, len(good) - 2, *np.linspace(0, len(good) - 2, 40).astype(int).tolist()}
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << (place % 8)
        if name == RECORD_FILE and _says_the_same(good, bytes(bad)):
            continue
        (folder / name).write_bytes(bad)
        with pytest.raises(BundleError, match=name):
            load_bundle(folder)
    (folder / name).write_bytes(good)
    load_bundle(folder)


def _says_the_same(good: bytes, bad: bytes) -> bool:
    """Whether a change is to the space between words only."""
    try:
        return bool(json.loads(good) == json.loads(bad))
    except ValueError:
        return False


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_part_of_a_file_is_refused_by_name(name: str, share: float, folder: Path) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(BundleError, match=name):
        load_bundle(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} cannot be read"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "null", '"x"', "{}", "<html></html>", "\0", "[" * 100_000,
     '{"schema_version": 1}', '{"schema_version": 1, "x": NaN}', '{"schema_version": 1e999}',
     '{"schema_version": 1, "digest": Infinity}', "9" * 5000],
)  # fmt: skip
def test_what_is_no_record_is_refused(text: str, folder: Path) -> None:
    (folder / RECORD_FILE).write_text(text)
    with pytest.raises(BundleError, match=RECORD_FILE):
        load_bundle(folder)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "gone", tmp_path / "file", tmp_path):
        with pytest.raises(BundleError, match=f"{path} is no bundle"):
            load_bundle(path)


@pytest.mark.parametrize("version", [3, 0, 99, "1", None, 1.5])
def test_another_schema_is_refused_and_both_are_told(version: object, folder: Path) -> None:
    _sign(folder, lambda plain: plain.update(schema_version=version))
    with pytest.raises(BundleError, match=f"version {version!r}, this cxrlens reads up to 2;"):
        load_bundle(folder)


def test_the_schema_before_calibration_is_read(folder: Path) -> None:
    def turn_back(plain: dict[str, Any]) -> None:
        plain["schema_version"] = 1
        del plain["calibration"], plain["operating_point"]["thresholds"]
        del plain["operating_point"]["threshold_rule"]

    _sign(folder, turn_back)
    record = load_bundle(folder).record
    assert record.calibration is None
    assert record.operating_point == ARGMAX


# A calibration belongs to one model (row 47 of the catalogue of bad inputs)


def _make_calibration(weights: str, n_classes: int = 2, **changes: object) -> dict[str, Any]:
    scaling = Scaling("temperature", (0.5,) * n_classes, (0.0,) * n_classes, is_multilabel=False)
    plain = to_plain(Calibration(scaling, "40 images", 40, 40, (), weights))
    assert isinstance(plain, dict)
    plain["scaling"].update(changes)
    return plain


def test_a_calibration_of_these_weights_comes_back(folder: Path) -> None:
    weights = digest((folder / WEIGHTS_FILE).read_bytes())
    _sign(folder, lambda plain: plain.update(calibration=_make_calibration(weights)))
    fitted = load_bundle(folder).record.calibration
    assert fitted is not None
    assert fitted.scaling.scales == (0.5, 0.5)


def test_a_calibration_of_another_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    _sign(folder, lambda plain: plain.update(calibration=_make_calibration("0" * 64)))
    with pytest.raises(BundleError, match=r"fitted to weights of SHA-256 000000000000….*its own"):
        load_bundle(folder)


def test_a_calibration_of_another_checkpoint_cannot_be_saved(
    bundle: Bundle, tmp_path: Path
) -> None:
    scaling = Scaling("temperature", (0.5,) * 2, (0.0,) * 2, is_multilabel=False)
    strange = Calibration(scaling, "40 images", 40, 40, (), "0" * 64)
    with pytest.raises(BundleError, match="means nothing"):
        save_bundle(
            replace(bundle, record=replace(bundle.record, calibration=strange)), tmp_path / "x"
        )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"scales": [0.5, -0.5]},
        {"scales": [0.5, None]},
        {"offsets": [0.0]},
        {"is_multilabel": True},
        {"scales": [0.5], "offsets": [0.0]},
        {"method": "guess"},
    ],
)
def test_a_calibration_that_fits_no_such_model_is_refused(
    folder: Path, changes: dict[str, object]
) -> None:
    weights = digest((folder / WEIGHTS_FILE).read_bytes())
    plain = _make_calibration(weights, **changes)
    _sign(folder, lambda record: record.update(calibration=plain))
    with pytest.raises(BundleError):
        load_bundle(folder)


def test_a_threshold_for_a_class_that_is_not_there_is_refused(folder: Path) -> None:
    one = {"value": 0.5, "low": None, "high": None, "n": 1, "method": "m"}
    threshold = {
        "class_name": "elsewhere", "value": 0.5, "sensitivity": one, "specificity": one,
        "n_positives": 1, "n_negatives": 1, "n_positive_patients": 1,
    }  # fmt: skip
    _sign(folder, lambda plain: plain["operating_point"].update(thresholds=[threshold]))
    with pytest.raises(BundleError, match="threshold for elsewhere"):
        load_bundle(folder)


# What the digests cannot tell: they were made right again


def test_signing_alone_changes_nothing(folder: Path) -> None:
    _sign(folder)
    load_bundle(folder)


def test_a_bundle_that_does_not_say_so_was_trained_on_whole_images(folder: Path) -> None:
    _sign(folder, lambda plain: plain["preprocessing"].pop("decoding"))
    assert load_bundle(folder).record.preprocessing.decoding == "full"


def test_a_bundle_from_before_several_labels_and_imports_is_loaded(folder: Path) -> None:
    def age(plain: dict[str, Any]) -> None:
        del plain["is_multilabel"], plain["data"]["is_known"]

    _sign(folder, age)
    record = load_bundle(folder).record
    assert not record.is_multilabel
    assert record.operating_point == ARGMAX
    assert record.data.is_known


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 0])
def test_a_wrong_header_length_is_refused(length: int, folder: Path) -> None:
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(struct.pack("<Q", length) + data[8:])
    with pytest.raises(BundleError, match=WEIGHTS_FILE):
        load_bundle(folder)
    _sign(folder)
    with pytest.raises(BundleError, match="no safetensors file"):
        load_bundle(folder)


def test_a_pickle_is_never_loaded(folder: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"x": _Attack(tmp_path / "canary")}, buffer)
    for data in (pickle.dumps(_Attack(tmp_path / "canary")), buffer.getvalue()):
        (folder / WEIGHTS_FILE).write_bytes(data)
        with pytest.raises(BundleError, match=f"{WEIGHTS_FILE} has SHA-256"):
            load_bundle(folder)
        _sign(folder)
        with pytest.raises(BundleError, match="no safetensors file"):
            load_bundle(folder)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda plain: plain.update(classes=["a", "b", "c"]),
            r"'compact' for 3 classes.*'head.output.weight'.*\(3, 16\).*hold shape \(2, 16\)",
        ),
        (
            lambda plain: plain["network"].update(backbone="resnet18", options={}),
            r"'resnet18' for 2 classes.*network.conv1.weight'.*but 'backbone.network.(blocks|stem)",
        ),
        (
            lambda plain: plain["network"].update(options={"width": 8}),
            r"stem.0.0.weight' of shape \(8, 1, 4, 4\).*\(4, 1, 4, 4\)",
        ),
        (lambda plain: plain["network"].update(backbone="resnet1"), "'resnet1'"),
        (lambda plain: plain["network"].update(backbone="hf_hub:a/b"), "hf_hub:a/b"),
        (lambda plain: plain["network"].update(dropout=2), "dropout"),
        (lambda plain: plain["network"]["options"].update(pretrained=True), "pretrained"),
        (lambda plain: plain["preprocessing"].update(height=-1), "height"),
        (lambda plain: plain.pop("classes"), "classes"),
        (lambda plain: plain.update(classes="ab"), "classes"),
        (lambda plain: plain.update(digests={}), "its bundle says nothing"),
        (lambda plain: plain.update(digests=[]), "digests"),
    ],
)
def test_another_network_than_the_weights_is_refused(
    change: Callable[[dict[str, Any]], object], told: str, folder: Path
) -> None:
    _sign(folder, change)
    with pytest.raises(BundleError, match=told):
        load_bundle(folder)


def test_one_tensor_too_many_or_of_another_kind_is_refused(folder: Path) -> None:
    state = load((folder / WEIGHTS_FILE).read_bytes())
    for changed, told in (
        ({**state, "extra": torch.zeros(1)}, "has no 'extra'"),
        (
            {**state, "head.output.bias": state["head.output.bias"].half()},
            "head.output.bias.*float16",
        ),
        ({}, "no such tensor"),
    ):
        (folder / WEIGHTS_FILE).write_bytes(save(changed))
        _sign(folder)
        with pytest.raises(BundleError, match=told):
            load_bundle(folder)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("key", ["head.output.bias", "backbone.network.stem.0.1.running_var"])
def test_weights_that_are_not_finite_are_refused(bad: float, key: str, folder: Path) -> None:
    state = load((folder / WEIGHTS_FILE).read_bytes())
    state[key][1] = bad
    (folder / WEIGHTS_FILE).write_bytes(save(state))
    _sign(folder)
    with pytest.raises(BundleError, match=f"not finite in '{key}'"):
        load_bundle(folder)


# Writing: whole or not at all


@pytest.mark.parametrize("kind", ["empty folder", "full folder", "file", "dangling link"])
def test_what_exists_is_never_overwritten(kind: str, bundle: Bundle, tmp_path: Path) -> None:
    place = tmp_path / "bundle"
    if kind == "file":
        place.write_text("mine")
    elif kind == "dangling link":
        place.symlink_to(tmp_path / "gone")
    else:
        place.mkdir()
        if kind == "full folder":
            (place / "mine").write_text("mine")
    with pytest.raises(OutputError, match=f"{place} exists already"):
        save_bundle(bundle, place)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    if kind == "full folder":
        assert (place / "mine").read_text() == "mine"


@pytest.mark.parametrize("place", ["file/bundle", "gone/bundle", f"{'x' * 300}"])
def test_a_place_that_cannot_be_written(place: str, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match=place[:20]):
        save_bundle(bundle, tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


FILL = """
import resource, signal, sys
from pathlib import Path
from cxrlens.inference import load_bundle, save_bundle
from cxrlens.vocabulary import OutputError
bundle = load_bundle(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (0, 100, (Path(sys.argv[1]) / "weights.safetensors").stat().st_size - 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save_bundle(bundle, Path(sys.argv[2]))
    except OutputError as error:
        sys.stderr.write(f"{error}\\n")
"""


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    """Really: the system refuses to write more than so many bytes."""
    place = tmp_path / "out" / "bundle"
    place.parent.mkdir()
    told = subprocess.run(
        [sys.executable, "-c", FILL, str(folder), str(place)],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    assert told.count(f"cannot write {place}: File too large") == 3
    assert list(place.parent.iterdir()) == []


def test_metrics_that_are_not_finite_are_written_as_none(bundle: Bundle, tmp_path: Path) -> None:
    metrics = {"val_loss": float("nan")}
    save_bundle(replace(bundle, record=replace(bundle.record, metrics=metrics)), tmp_path / "b")
    assert load_bundle(tmp_path / "b").record.metrics == {"val_loss": None}


# Built before


def test_what_was_built_before_is_built_when_it_is_asked_for(
    bundle: Bundle, tmp_path: Path
) -> None:
    saved = save_bundle(bundle, tmp_path / "bundle")
    own = bundle.network.state_dict()
    known = load_bundle(tmp_path / "bundle", {saved.record.digest: 4}.get)
    assert known.record == saved.record
    assert "network" not in vars(known)
    with torch.inference_mode():  # in the middle of an answer
        torch.manual_seed(0)
        state = known.network.state_dict()
        drawn = torch.rand(3)
    assert all(torch.equal(state[key], own[key]) for key in own)
    assert known.network is known.restore()
    step = saved.record.preprocessing
    known.network(torch.zeros(1, 1, step.height, step.width)).logits.sum().backward()
    torch.manual_seed(0)
    assert torch.equal(torch.rand(3), drawn)

    other = load_bundle(tmp_path / "bundle", {"another": 4}.get)
    assert other.network is other.restore()


def test_what_was_built_before_is_refused_where_it_is_damaged(
    bundle: Bundle, tmp_path: Path
) -> None:
    save_bundle(bundle, tmp_path / "bundle")
    weights = tmp_path / "bundle" / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match="changed or damaged"):
        load_bundle(tmp_path / "bundle", lambda _: 4)


def test_it_is_known_again_by_these_versions_and_undamaged(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "engine-cache", "a" * 64)
    assert find_width(cache) is None
    keep_width(cache, 1280)
    assert find_width(cache) == 1280
    assert find_width(CompiledCache(cache.folder, "b" * 64)) is None
    (entry,) = cache.folder.iterdir()
    entry.write_bytes(entry.read_bytes()[:-1] + b"1")
    assert find_width(cache) is None
    entry.write_bytes(b"")
    assert find_width(cache) is None
