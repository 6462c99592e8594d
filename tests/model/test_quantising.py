"""An 8-bit network is kept only if it answers as the model does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from cxrlens.data import StudyTable, read_table
from cxrlens.inference import load_bundle, prepare, save_bundle
from cxrlens.model import Model, Training, load, quantise
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import BundleError, InputError, Silence, TableError

N_PHANTOMS = 135


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> StudyTable:
    """Phantoms that nobody was trained on."""
    folder = tmp_path_factory.mktemp("phantoms")
    for number in range(N_PHANTOMS):
        phantom = draw_nth(number, seed=77, findings=("pneumonia", "covid"))
        place = folder / phantom.label
        place.mkdir(exist_ok=True)
        Image.fromarray(phantom.pixels).save(place / f"{number:03d}.png")
    return read_table(folder)


@pytest.fixture
def model(training: Training, tmp_path: Path) -> Model:
    """A model that lies in a folder of its own."""
    (tmp_path / "run").mkdir()
    save_bundle(training.models[0].bundle, tmp_path / "run" / "bundle")
    return load(tmp_path / "run" / "bundle")


def test_checked_and_kept(model: Model, table: StudyTable, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "int8"
    record = quantise(model, table, folder, n_sample=30)
    assert (record.n_sample, record.check.n_images) == (30, len(table) - 30)
    fast = load(tmp_path / "run" / "bundle", precision="int8", engine="auto")
    assert (fast.engine.name, fast.engine.precision) == ("openvino", "int8")
    # the same figures by another way, on all images: most are the ones checked
    prepared = prepare(table, model.bundle.record.preprocessing, Silence())
    rows = np.arange(len(table))
    exact, quick = (one.answer_rows(prepared, rows, Silence()) for one in (model, fast))
    gaps = [np.abs(np.subtract(a.probabilities, b.probabilities)).max()
            for a, b in zip(exact, quick, strict=True)]  # fmt: skip
    assert 0 < record.check.probability_gaps[2] <= max(gaps)
    assert sum(a.decision != b.decision for a, b in zip(exact, quick, strict=True)) <= 1
    assert record.check.map_correlation > 0.9
    truth = table.frame["label"].to_numpy() == "covid"
    index = model.classes.index("covid")
    areas = [roc_auc_score(truth, [one.probabilities[index] for one in answers])
             for answers in (exact, quick)]  # fmt: skip
    assert abs(areas[0] - areas[1]) < 0.01


def test_refused_where_it_answers_otherwise(
    model: Model, table: StudyTable, tmp_path: Path
) -> None:
    """One channel is ten thousand times the others, and nothing hangs on it: scales follow it."""
    network = model.engine.network
    norm = [one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)][-1]
    with torch.no_grad():
        norm.weight[0] = 1e4
        network.head.output.weight[:, 0] = 0
    folder = tmp_path / "run" / "int8"
    with pytest.raises(InputError, match=r"does not answer as the model does.*nothing is written"):
        quantise(model, table, folder, n_sample=2)
    assert not folder.exists()


def test_too_few_to_check(model: Model, table: StudyTable, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="35 images are left to check on, fewer than 100"):
        quantise(model, table, tmp_path / "int8", n_sample=100)


def test_another_models(
    training: Training, model: Model, table: StudyTable, tmp_path: Path
) -> None:
    quantise(model, table, tmp_path / "run" / "int8", n_sample=30)
    place = tmp_path / "run" / "second"
    record = replace(load_bundle(tmp_path / "run" / "bundle").record, initial_weights="others")
    save_bundle(replace(training.models[0].bundle, record=record), place)
    with pytest.raises(BundleError, match="quantise again"):
        load(place, precision="int8", engine="openvino")
    with pytest.raises(InputError, match="engine torch answers in float32 alone"):
        load(place, precision="int8")
