"""`cxrlens import`: rows 43 to 45 of the catalogue of bad inputs, and the way to an answer."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torchvision import transforms

from cxrlens.vocabulary import NOT_A_DEVICE, UNKNOWN_TRAINING

OPTIONS = ("--arch", "resnet18", "--classes", "covid,normal,pneumonia", "--size", "64")


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """As the notebook has it: a new head on torchvision's network."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None)
    network.fc = nn.Sequential(nn.Linear(512, 8), nn.ReLU(), nn.Linear(8, 3), nn.LogSoftmax(dim=1))
    with torch.no_grad():
        network.train()(torch.randn(8, 3, 64, 64))
    return network.eval()


@pytest.fixture
def checkpoint(network: nn.Module, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.pth"
    optimiser = torch.optim.Adam(network.parameters())
    torch.save(
        {
            "model_state_dict": network.state_dict(),
            "optimizer_state_dict": optimiser.state_dict(),
            "epoch": 10,
        },
        path,
    )
    return path


def test_from_the_checkpoint_to_an_answer(cxrlens, checkpoint, phantom_folder) -> None:
    outcome = cxrlens("import", checkpoint, *OPTIONS)
    assert outcome.code == 0, outcome.err
    assert NOT_A_DEVICE in outcome.out
    assert UNKNOWN_TRAINING in outcome.err
    assert "--head-activation" in outcome.err
    bundle = Path("runs/import/bundle")
    assert str(bundle) in outcome.out
    image = next((phantom_folder / "pneumonia").iterdir())
    for command in (
        ("predict", bundle, image, "--out", "predicted"),
        ("explain", bundle, image, "--target", "covid", "--out", "explained"),
        ("evaluate", bundle, phantom_folder, "--out", "evaluated"),
    ):
        outcome = cxrlens(*command)
        assert outcome.code == 0, outcome.err
    assert UNKNOWN_TRAINING in outcome.err
    assert "on cases that it may have been trained on (" in outcome.out
    assert UNKNOWN_TRAINING in Path("evaluated/report.html").read_text("utf-8")
    assert Path("explained/overlay.png").exists()


def test_json(cxrlens, checkpoint) -> None:
    size = ("--size", "64x96", "--fit", "crop", "--mean", "0.5", "--std", "0.25,0.5,0.25")
    outcome = cxrlens("import", checkpoint, *OPTIONS[:4], *size, "--json", "--out", "run")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["bundle"] == "run/bundle"
    assert told["classes"] == ["covid", "normal", "pneumonia"]
    assert told["network"]["hidden"] == [8]
    assert told["network"]["mean"] == [0.5, 0.5, 0.5]
    assert told["network"]["std"] == [0.25, 0.5, 0.25]
    preprocessing = told["preprocessing"]
    assert (preprocessing["height"], preprocessing["width"]) == (64, 96)
    assert preprocessing["fit"] == "crop"
    assert len(told["assumptions"]) == 1
    assert told["notice"] == NOT_A_DEVICE


# Row 43: damaged files


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty (0 bytes)"),
        (b"<!DOCTYPE html><html></html>", "b'<!DOCTYPE ht'"),
        (None, "damaged or cut off"),
    ],
)
def test_damaged_files(cxrlens, checkpoint, content, told) -> None:
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2] if content is None else content)
    outcome = cxrlens("import", checkpoint, *OPTIONS)
    _expect_refusal(outcome, str(checkpoint), told)


# Row 44: another class set or architecture


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--arch", "resnet50", *OPTIONS[2:]), ("resnet50", "layer1.0.conv3.weight")),
        (("--arch", "resnet34", *OPTIONS[2:]), ("resnet34", "layer1.2.conv1.weight")),
        ((*OPTIONS[:2], "--classes", "NORMAL,PNEUMONIA"), ("3 outputs", "2: NORMAL, PNEUMONIA")),
        (("--arch", "vgg16", *OPTIONS[2:]), ("vgg16",)),
        (OPTIONS[:2], ("--classes",)),
        (OPTIONS[2:], ("--arch",)),
        ((*OPTIONS, "--mean", "x"), ("--mean 'x' is no list of numbers",)),
        ((*OPTIONS, "--size", "ax4"), ("--size 'ax4' is neither",)),
        ((*OPTIONS, "--size", "224x"), ("--size '224x' is neither",)),
        ((*OPTIONS, "--fit", "fill"), ("fit 'fill' is not known",)),
        ((*OPTIONS, "--head-activation", "gelu"), ("head activation 'gelu' is not known",)),
    ],
)
def test_what_does_not_fit(cxrlens, checkpoint, options, told) -> None:
    _expect_refusal(cxrlens("import", checkpoint, *options), *told)


def test_other_classes_than_the_file_says(cxrlens, network, tmp_path) -> None:
    indices = {"normal": 0, "covid": 1, "pneumonia": 2}
    path = tmp_path / "x.pth"
    torch.save({"state_dict": network.state_dict(), "class_to_idx": indices}, path)
    outcome = cxrlens("import", path, *OPTIONS)
    _expect_refusal(outcome, "covid, normal, pneumonia", "normal, covid, pneumonia")


# Row 45: Python objects


class _Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


def test_a_pickle_with_code_in_it_is_not_run(cxrlens, network, tmp_path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "x.pth"
    torch.save({"state_dict": network.state_dict(), "x": _Attack(canary)}, path)
    _expect_refusal(cxrlens("import", path, *OPTIONS), "posix.mkdir", "torch.save(")
    assert not canary.exists()
    torch.load(path, weights_only=False)
    assert canary.exists()  # it is a real one


def test_the_notebooks_own_objects_are_named(cxrlens, network, tmp_path) -> None:
    steps = transforms.Compose([transforms.Resize(224), transforms.ToTensor()])
    for content, named in (
        ({"state_dict": network.state_dict(), "transforms": steps}, "transforms.Compose"),
        (network, "torch.nn.modules.batchnorm.BatchNorm2d"),
        ({"state_dict": network.state_dict(), "loss": np.float64(1)}, "numpy"),
    ):
        torch.save(content, tmp_path / "x.pth")
        outcome = cxrlens("import", tmp_path / "x.pth", *OPTIONS)
        _expect_refusal(outcome, named, '"state_dict": model.state_dict()')


def _expect_refusal(outcome, *words: str) -> None:
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err
    assert not Path("runs/import").exists()
