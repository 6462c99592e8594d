"""Weights go where they belong, and no file can run code or end in a traceback.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import pickle
import random
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save, save_file
from torch import nn

from cxrlens.network import MapClassifier, NetworkSpec, load_backbone_weights, read_state_dict
from cxrlens.network.backbone import build_backbone
from cxrlens.vocabulary import WeightsError, digest

SIZE = (64, 64)
COMPACT = NetworkSpec("compact", {"width": 4}, mean=(0.5,), std=(0.25,))
STATE = {"a.weight": torch.arange(12.0).reshape(4, 3), "a.bias": torch.ones(4)}

Build = Callable[..., MapClassifier]


class _Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


def _pack(content: object, *, is_zip: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=is_zip)
    return buffer.getvalue()


FORMS = {"zip": _pack(STATE), "legacy": _pack(STATE, is_zip=False), "safetensors": save(STATE)}


def _same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


# What is read


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_tensors(form: str) -> None:
    assert _same(read_state_dict(FORMS[form], Path("gone")), STATE)


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": STATE, "epoch": 3},
        {"model_state_dict": STATE, "optimizer": {"lr": 0.1}},
        {"model": STATE},
        {"state_dict": {f"module.{key}": value for key, value in STATE.items()}},
        {f"module.{key}": value for key, value in STATE.items()},
    ],
)
def test_checkpoints_are_opened(content: dict[str, Any]) -> None:
    assert _same(read_state_dict(_pack(content), Path("x.pth")), STATE)


def test_a_safetensors_header_that_begins_like_a_pickle() -> None:
    """A header of 640 bytes is written `80 02 00 …`, as pickles of protocol 2 begin."""
    for padding in range(1, 800):
        data = save(STATE, metadata={"note": "x" * padding})
        if data[:2] == b"\x80\x02":
            break
    assert data.startswith(b"\x80\x02")
    assert _same(read_state_dict(data, Path("x.safetensors")), STATE)


# Torchvision's MobileNetV2 is timm's


def _replace_relu6(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU6):
            setattr(module, name, nn.ReLU(inplace=True))
        _replace_relu6(child)


@torch.no_grad()
def test_real_mobilenet_gives_torchvisions_features(shared: Path) -> None:
    path = shared / "weights" / "mobilenet_v2_imagenet_dequant_torchvision.pth"
    theirs = torchvision.models.mobilenet_v2(weights=None)
    theirs.load_state_dict(torch.load(path, weights_only=True))
    _replace_relu6(theirs)
    spec = NetworkSpec("mobilenetv2_100", {"act_layer": "relu"})
    ours = build_backbone(spec, (96, 96))
    told = load_backbone_weights(ours, spec, str(path))
    assert told == f"{path.name} sha256:{digest(path.read_bytes())}"
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    expected = theirs.eval().features(images)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(ours.eval()(images), expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_drawn_mobilenet_gives_torchvisions_features(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2(weights=None)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.running_mean, 0, 0.1)
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    spec = NetworkSpec("mobilenetv2_100")
    ours = build_backbone(spec, (96, 96))
    load_backbone_weights(ours, spec, str(tmp_path / "weights.safetensors"))
    images = torch.randn(1, 3, 96, 96)
    expected = theirs.eval().features(images)
    torch.testing.assert_close(ours.eval()(images), expected, rtol=1e-4, atol=1e-5)


# What fits, and what does not


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_timms_own_file_with_its_classifier(suffix: str, prefix: str, tmp_path: Path) -> None:
    state = timm.create_model("resnet18", num_classes=7).state_dict()
    path = tmp_path / f"w.{suffix}"
    renamed = {f"{prefix}{key}": value for key, value in state.items()}
    path.write_bytes(save(renamed) if suffix == "safetensors" else _pack({"state_dict": renamed}))
    spec = NetworkSpec("resnet18")
    backbone = build_backbone(spec, SIZE)
    load_backbone_weights(backbone, spec, str(path))
    loaded = backbone.network.state_dict()
    assert _same(loaded, {key: state[key] for key in loaded})


def test_none_changes_nothing() -> None:
    backbone = build_backbone(COMPACT, SIZE)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    assert load_backbone_weights(backbone, COMPACT, "none") == "none"
    assert _same(backbone.state_dict(), before)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    save_file(timm.create_model("resnet18").state_dict(), tmp_path / "w.safetensors")
    backbone = build_backbone(COMPACT, SIZE)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    with pytest.raises(WeightsError, match=r"lacks .*first: 'stem.0.0.weight'.* another architec"):
        load_backbone_weights(backbone, COMPACT, str(tmp_path / "w.safetensors"))
    assert _same(backbone.state_dict(), before)


def test_another_shape_is_refused_and_both_are_told(tmp_path: Path) -> None:
    wide = build_backbone(NetworkSpec("compact", {"width": 8}, (0.5,), (0.25,)), SIZE)
    save_file(wide.network.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"'stem.0.0.weight' .*\(8, 1, 4, 4\).*\(4, 1, 4, 4\)"):
        load_backbone_weights(
            build_backbone(COMPACT, SIZE), COMPACT, str(tmp_path / "w.safetensors")
        )


def test_a_device_that_never_ends_is_refused() -> None:
    backbone = build_backbone(COMPACT, SIZE)
    with pytest.raises(WeightsError, match=r"'/dev/zero', which is no file"):
        load_backbone_weights(backbone, COMPACT, "/dev/zero")


def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    backbone = build_backbone(COMPACT, SIZE)
    for weights in (tmp_path, tmp_path / "gone.pth"):
        with pytest.raises(WeightsError, match=str(weights)):
            load_backbone_weights(backbone, COMPACT, str(weights))


# Row 43: damaged files


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n",
        b"PK\x03\x04",
        b"\x80\x02",
        b"\x80\x04.",
        pickle.dumps(STATE["a.bias"].tolist()),
        pickle.dumps({}),
        pickle.dumps({"a": 1}),
        _pack([1, 2, 3]),
        _pack({"state_dict": {"a.weight": 1.0}}),
        _pack({}),
        _pack(nn.Linear(2, 2)),
        struct.pack("<Q", 2**64 - 1) + b"{}",
        struct.pack("<Q", 2**63) + FORMS["safetensors"][8:],
        struct.pack("<Q", 2**32) + FORMS["safetensors"][8:],
        struct.pack("<Q", 2) + b"{}",
    ],
)
def test_what_is_no_weight_file_is_refused(data: bytes) -> None:
    with pytest.raises(WeightsError, match=r"some\.file"):
        read_state_dict(data, Path("some.file"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.75, 0.99])
def test_part_of_a_file_is_refused(form: str, share: float) -> None:
    data = FORMS[form]
    with pytest.raises(WeightsError):
        read_state_dict(data[: int(share * len(data))], Path("x"))


@pytest.mark.parametrize("form", FORMS)
def test_changed_bytes_never_end_in_another_error(form: str) -> None:
    chance = random.Random(0)  # noqa: S311
    n_refused = 0
    for _ in range(250):
        data = bytearray(FORMS[form])
        for _ in range(chance.choice((1, 1, 2, 8))):
            data[chance.randrange(min(len(data), 700))] = chance.randrange(256)
        try:
            read_state_dict(bytes(data), Path("x"))
        except WeightsError:
            n_refused += 1
    assert n_refused > 50


# Row 45: a pickle with code in it


def _list_attacks(canary: Path) -> dict[str, bytes]:
    attack = _Attack(canary)
    raw = {f"protocol {p}": pickle.dumps(attack, protocol=p) for p in range(6)}
    torch_files = {
        f"{where}, {'zip' if is_zip else 'legacy'}": _pack(content, is_zip=is_zip)
        for is_zip in (True, False)
        for where, content in (
            ("alone", attack),
            ("beside tensors", {"state_dict": STATE, "x": attack}),
            ("as a tensor", {**STATE, "x": attack}),
        )
    }
    return raw | torch_files


@pytest.mark.parametrize("form", list(_list_attacks(Path("x"))))
@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_code_in_a_file_is_refused_and_not_run(form: str, name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / name
    path.write_bytes(_list_attacks(canary)[form])
    with pytest.raises(WeightsError, match=name):
        load_backbone_weights(build_backbone(COMPACT, SIZE), COMPACT, str(path))
    assert not canary.exists()


def test_the_attack_is_a_real_one(tmp_path: Path) -> None:
    """Where Python objects may be loaded, it works: the test above would notice."""
    pickle.loads(pickle.dumps(_Attack(tmp_path / "one")))  # noqa: S301
    torch.load(io.BytesIO(_pack({"x": _Attack(tmp_path / "two")})), weights_only=False)
    assert (tmp_path / "one").is_dir()
    assert (tmp_path / "two").is_dir()


# Weights by name


def _has_network() -> bool:
    try:
        with socket.create_connection(("huggingface.co", 443), timeout=2):
            return True
    except OSError:
        return False


def test_imagenet_without_network_names_the_file_to_fetch() -> None:
    if _has_network():
        pytest.skip("there is a network: the weights would be fetched")
    spec = NetworkSpec("resnet18")
    with pytest.raises(WeightsError) as caught:
        load_backbone_weights(build_backbone(spec, SIZE), spec, "imagenet")
    told = str(caught.value)
    for word in ("imagenet", "resnet18", "model.safetensors", "timm/resnet18", "weights=none"):
        assert word in told
    assert "\n" not in told


@pytest.mark.parametrize("name", ["compact", "some of timm"])
def test_imagenet_for_a_network_without_pretrained_weights(name: str) -> None:
    if name != "compact":
        names = [n for n in timm.list_models("*resnet*") if not _is_pretrained(n)]
        name = names[0]
    spec = COMPACT if name == "compact" else NetworkSpec(name)
    backbone = build_backbone(COMPACT, SIZE)
    with pytest.raises(WeightsError, match=f"{name}.*use weights=none"):
        load_backbone_weights(backbone, spec, "imagenet")


def _is_pretrained(name: str) -> bool:
    config = timm.models.get_pretrained_cfg(name)
    return config is not None and bool(config.hf_hub_id)
