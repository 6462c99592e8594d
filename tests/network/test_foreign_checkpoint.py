"""What stands beside the tensors is kept; Python objects are named and never made.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import transforms

from cxrlens.network import read_checkpoint
from cxrlens.vocabulary import WeightsError, digest

STATE = OrderedDict([("fc.weight", torch.ones(3, 2)), ("fc.bias", torch.zeros(3))])


def _pack(content: object, *, is_zip: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=is_zip)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "key",
    ["state_dict", "model_state_dict", "model", "model.state_dict", "net", "network", "weights"],
)
def test_a_checkpoint_dictionary(key: str) -> None:
    network = nn.Linear(2, 3)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    data = _pack(
        {
            "epoch": 3,
            key: STATE,
            "optimizer_state_dict": optimiser.state_dict(),
            "class_to_idx": {"NORMAL": 0, "PNEUMONIA": 1},
            "input_size": (3, 224, 224),
            "arch": "resnet34",
        }
    )
    checkpoint = read_checkpoint(data, Path("x.pth"))
    assert list(checkpoint.state) == list(STATE)
    assert checkpoint.beside["class_to_idx"] == {"NORMAL": 0, "PNEUMONIA": 1}
    assert checkpoint.beside["input_size"] == (3, 224, 224)
    assert key not in checkpoint.beside
    assert checkpoint.digest == digest(data)


@pytest.mark.parametrize(
    "wrapper", ["module.", "_orig_mod.", "model.", "module.model.", "model.module."]
)
def test_what_wrappers_put_before_every_name_is_taken_off(wrapper: str) -> None:
    content = {f"{wrapper}{key}": value for key, value in STATE.items()}
    assert list(read_checkpoint(_pack(content), Path("x")).state) == list(STATE)


def test_only_what_stands_before_every_name_is_taken_off() -> None:
    content = {"module.a.weight": torch.ones(1), "a.bias": torch.ones(1)}
    assert set(read_checkpoint(_pack(content), Path("x")).state) == set(content)


def test_a_dictionary_without_a_state_dict_says_where_one_is_looked_for() -> None:
    with pytest.raises(WeightsError, match=r"under 'epoch'.*state_dict, model_state_dict, model"):
        read_checkpoint(_pack({"epoch": 3, "parameters": STATE}), Path("x.pth"))


def _list_objects() -> dict[str, tuple[object, tuple[str, ...]]]:
    steps = transforms.Compose([transforms.Resize(224), transforms.CenterCrop(224)])
    named = ("torchvision.transforms.transforms.Compose",)
    return {
        "transforms": ({"state_dict": STATE, "transforms": steps}, named),
        "a whole model": (nn.Sequential(nn.Linear(2, 3)), ("torch.nn.modules.linear.Linear",)),
        "a numpy number": ({"state_dict": STATE, "loss": np.float64(0.5)}, ("numpy",)),
    }


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("what", list(_list_objects()))
def test_objects_are_named_and_how_to_save_without_them(what: str, is_zip: bool) -> None:
    content, named = _list_objects()[what]
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(_pack(content, is_zip=is_zip), Path("saved.pth"))
    told = str(caught.value)
    for word in (*named, "saved.pth", "Python objects"):
        assert word in told
    assert "OrderedDict" not in told
    assert "_rebuild_tensor" not in told
    assert "\n" not in told


def test_the_line_that_saves_plainly_does_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(_pack(nn.Linear(2, 3)), Path("saved.pth"))
    line = str(caught.value).rpartition("try again: ")[2]
    exec(line, {"model": nn.Linear(2, 3)})  # noqa: S102 (the line is ours)
    checkpoint = read_checkpoint(Path("plain.pth").read_bytes(), Path("plain.pth"))
    assert set(checkpoint.state) == {"weight", "bias"}
    assert checkpoint.beside["class_to_idx"] == {"NORMAL": 0, "PNEUMONIA": 1}


@pytest.mark.parametrize(
    "odd",
    [
        torch.eye(3).to_sparse(),
        torch.ones(3, 3, device="meta"),
        torch.ones(3, 3, dtype=torch.complex64),
    ],
)
def test_tensors_of_another_kind_are_refused_by_name(odd: torch.Tensor) -> None:
    with pytest.raises(WeightsError, match=r"x\.pth: 'fc\.weight' is no dense tensor"):
        read_checkpoint(_pack({**STATE, "fc.weight": odd}), Path("x.pth"))


class _Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


@pytest.mark.parametrize("is_zip", [True, False])
def test_code_is_named_and_not_run(is_zip: bool, tmp_path: Path) -> None:
    data = _pack({"state_dict": STATE, "x": _Attack(tmp_path / "canary")}, is_zip=is_zip)
    with pytest.raises(WeightsError, match=r"posix\.mkdir|nt\.mkdir"):
        read_checkpoint(data, Path("saved.pth"))
    assert not (tmp_path / "canary").exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_torchscript_archive_is_refused_as_such() -> None:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(2, 3), torch.ones(1, 2)), buffer)
    with pytest.raises(WeightsError, match=r"x\.pt is a TorchScript archive"):
        read_checkpoint(buffer.getvalue(), Path("x.pt"))


def test_a_pickle_that_is_no_torch_file_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"collections\.Counter|x\.pkl"):
        read_checkpoint(pickle.dumps([1, 2], protocol=4), Path("x.pkl"))
