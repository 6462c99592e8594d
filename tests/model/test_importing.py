"""What a notebook saved becomes a bundle that says where it comes from.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn

import cxrlens as cxr
from cxrlens.imaging import Preprocessing, read_radiograph
from cxrlens.model import Model, evaluate, import_checkpoint, load
from cxrlens.model.examining import examine
from cxrlens.network import ImportSettings
from cxrlens.vocabulary import (
    ARGMAX,
    EACH_AT_HALF,
    UNKNOWN_TRAINING,
    InputError,
    OutputError,
    RecipeError,
    WeightsError,
    digest,
)

CLASSES = ("covid", "normal", "pneumonia")
SMALL = ImportSettings(size=(64, 64))


def _build(n_outputs: int = 3) -> torchvision.models.ResNet:
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None)
    network.fc = nn.Linear(512, n_outputs)
    with torch.no_grad():
        network.train()(torch.randn(8, 3, 64, 64))
    return network.eval()


@pytest.fixture
def network() -> torchvision.models.ResNet:
    return _build()


@pytest.fixture
def saved(network: torchvision.models.ResNet, tmp_path: Path) -> Path:
    path = tmp_path / "saved.pth"
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, path)
    return path


def test_the_answers_are_the_notebooks(
    network: torchvision.models.ResNet, saved: Path, phantom_folder: Path, tmp_path: Path
) -> None:
    image = next((phantom_folder / "normal").iterdir())
    ours = import_checkpoint(
        saved, arch="resnet18", classes=CLASSES, settings=SMALL, out=tmp_path / "run"
    ).predict(image)
    grey = Preprocessing(64, 64).apply(read_radiograph(image).pixels)
    colours = np.repeat(grey[None], 3, axis=0)
    normalised = (colours - np.reshape([0.485, 0.456, 0.406], (3, 1, 1))) / np.reshape(
        [0.229, 0.224, 0.225], (3, 1, 1)
    )
    with torch.no_grad():
        logits = network(torch.tensor(normalised[None], dtype=torch.float32))[0]
    np.testing.assert_allclose(ours.logits, logits, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.probabilities, logits.softmax(0), atol=1e-4)
    assert ours.decision == CLASSES[int(logits.argmax())]
    assert [heat.grid.shape for heat in ours.heatmaps] == [(2, 2)] * 3


def test_the_bundle_says_that_it_was_imported(saved: Path, tmp_path: Path) -> None:
    import_checkpoint(saved, arch="resnet18", classes=CLASSES, settings=SMALL, out=tmp_path / "run")
    model = load(tmp_path / "run" / "bundle")
    record = model.bundle.record
    assert record.initial_weights == f"imported from saved.pth sha256:{digest(saved.read_bytes())}"
    assert not record.data.is_known
    assert record.data.counts == {}
    assert record.metrics is None
    assert record.operating_point == ARGMAX
    assert model.bundle.seen == frozenset()
    assert isinstance(record.recipe, dict)
    assert record.recipe["name"] == "import"
    assert record.recipe["arch"] == "resnet18"
    assert any("--mean" in one for one in record.recipe["assumptions"])
    card = (tmp_path / "run" / "bundle" / "card.md").read_text("utf-8")
    assert UNKNOWN_TRAINING in card
    assert "imported from saved.pth" in card
    assert "report.html" not in card
    assert str(tmp_path) not in card


@pytest.mark.slow
def test_an_evaluation_says_so_too(saved: Path, phantom_folder: Path, tmp_path: Path) -> None:
    model = import_checkpoint(
        saved, arch="resnet18", classes=CLASSES, settings=SMALL, out=tmp_path / "run"
    )
    examination = examine(model, phantom_folder)
    assert UNKNOWN_TRAINING in examination.notes
    assert examination.maps is not None
    assert 0 <= evaluate(model, phantom_folder).macro_auroc.value <= 1


def test_classes_and_architecture_from_the_file(
    network: torchvision.models.ResNet, tmp_path: Path
) -> None:
    indices = {"normal": 1, "pneumonia": 2, "covid": 0}
    content = {"state_dict": network.state_dict(), "class_to_idx": indices, "arch": "resnet18"}
    torch.save(content, tmp_path / "x.pth")
    model = cxr.import_checkpoint(tmp_path / "x.pth", settings=SMALL, out=tmp_path / "one")
    assert isinstance(model, Model)
    assert model.classes == CLASSES
    again = import_checkpoint(
        tmp_path / "x.pth", classes=CLASSES, settings=SMALL, out=tmp_path / "two"
    )
    assert again.classes == CLASSES
    with pytest.raises(InputError, match=r"are normal, covid, pneumonia, .*has covid, normal"):
        import_checkpoint(
            tmp_path / "x.pth", classes=("normal", "covid", "pneumonia"), out=tmp_path / "three"
        )
    assert not (tmp_path / "three").exists()


@pytest.mark.parametrize(
    "odd", [{"a": 1, "b": 2, "c": 3}, {"a": "0"}, {0: "a", 1: "b", 2: "c"}, [], {"a": 0, "b": 0}]
)
def test_an_odd_class_to_idx_says_nothing(
    odd: object, network: torchvision.models.ResNet, tmp_path: Path
) -> None:
    content = {"state_dict": network.state_dict(), "class_to_idx": odd}
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(InputError, match="does not say its classes"):
        import_checkpoint(tmp_path / "x.pth", arch="resnet18", out=tmp_path / "run")


def test_an_output_that_stands_for_itself(tmp_path: Path) -> None:
    network = _build(n_outputs=1)
    torch.save(network.state_dict(), tmp_path / "x.pth")
    settings = ImportSettings(size=(64, 64), is_multilabel=True)
    model = import_checkpoint(
        tmp_path / "x.pth",
        arch="resnet18",
        classes=["pneumonia"],
        settings=settings,
        out=tmp_path / "run",
    )
    assert model.bundle.record.is_multilabel
    assert model.bundle.record.operating_point == EACH_AT_HALF
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    output = model.engine.run(np.full((1, 64, 64), 0.5, dtype=np.float32))
    assert output.logits.shape == (1, 1)


@pytest.mark.parametrize("classes", [("a", "a", "b"), ("a",), ("a", "", "b"), ()])
def test_classes_that_are_none_are_refused(
    classes: tuple[str, ...], saved: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"in the order of (the|its) outputs"):
        import_checkpoint(saved, arch="resnet18", classes=classes, out=tmp_path / "run")


def test_what_must_be_given_is_asked_for(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not say its architecture; give it, such as --arch"):
        import_checkpoint(saved, classes=CLASSES, out=tmp_path / "run")
    for path in (tmp_path, tmp_path / "gone.pth"):
        with pytest.raises(WeightsError, match=str(path)):
            import_checkpoint(path, arch="resnet18", classes=CLASSES, out=tmp_path / "run")
    with pytest.raises(RecipeError, match="preprocessing height must be"):
        import_checkpoint(
            saved,
            arch="resnet18",
            classes=CLASSES,
            settings=ImportSettings(size=(0, 0)),
            out=tmp_path / "run",
        )
    assert not (tmp_path / "run").exists()


def test_nothing_is_overwritten(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not empty"):
        import_checkpoint(saved, arch="resnet18", classes=CLASSES, out=tmp_path)
