"""An 8-bit network is kept only if it answers as the model does."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from cxrlens.data import StudyTable, read_table
from cxrlens.inference import load_bundle, place_quantised, prepare, save_bundle
from cxrlens.model import Model, Training, load, quantise
from cxrlens.model.examining import tabulate_answers
from cxrlens.model.quantising import compare_aurocs
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import BundleError, InputError, OutputError, Silence, TableError

N_PHANTOMS = 135


def draw_table(folder: Path, findings: tuple[str, ...]) -> StudyTable:
    for number in range(N_PHANTOMS):
        phantom = draw_nth(number, seed=77, findings=findings)
        place = folder / phantom.label
        place.mkdir(exist_ok=True)
        Image.fromarray(phantom.pixels).save(place / f"{number:03d}.png")
    return read_table(folder)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> StudyTable:
    """Phantoms of two classes that nobody was trained on."""
    return draw_table(tmp_path_factory.mktemp("mixed"), ("pneumonia", "covid"))


@pytest.fixture(scope="module")
def table(mixed: StudyTable) -> StudyTable:
    """The same, nothing being known of them: the AUROC of so small a model hangs on its last
    digits."""
    frame = mixed.frame.assign(label=None)
    return replace(mixed, frame=frame)


@pytest.fixture
def model(training: Training, tmp_path: Path) -> Model:
    """A model that lies in a folder of its own."""
    (tmp_path / "run").mkdir()
    save_bundle(training.models[0].bundle, tmp_path / "run" / "bundle")
    return load(tmp_path / "run" / "bundle")


def test_checked_and_kept(model: Model, table: StudyTable, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "bundle-int8"
    record = quantise(model, table, folder, n_sample=30).record
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
    assert record.check.auroc_gap is None  # nothing is known of the labels


def test_the_auroc_is_compared(model: Model, mixed: StudyTable, tmp_path: Path) -> None:
    prepared = prepare(mixed, model.bundle.record.preprocessing, Silence())
    rows = np.arange(len(mixed))
    exact = model.answer_rows(prepared, rows, Silence())
    chance = np.random.default_rng(0)
    moved = [replace(one, probabilities=tuple(chance.dirichlet([1, 1, 1]))) for one in exact]
    folds = np.zeros(len(rows), dtype=np.int64)
    tables = [tabulate_answers(prepared, rows, answers, folds) for answers in (exact, moved)]
    gaps = []
    for name in ("covid", "pneumonia"):  # of the third there is none
        index, truth = model.classes.index(name), mixed.frame["label"] == name
        areas = [roc_auc_score(truth, [one.probabilities[index] for one in answers])
                 for answers in (exact, moved)]  # fmt: skip
        gaps.append(abs(areas[0] - areas[1]))
    assert compare_aurocs(*tables) == pytest.approx(max(gaps))
    assert compare_aurocs(tables[0], tables[0]) == 0


def test_refused_where_it_answers_otherwise(
    model: Model, mixed: StudyTable, tmp_path: Path
) -> None:
    """One channel is ten thousand times the others, and nothing hangs on it: scales follow it."""
    network = model.engine.network
    norm = [one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)][-1]
    with torch.no_grad():
        norm.weight[0] = 1e4
        network.head.output.weight[:, 0] = 0
    folder = tmp_path / "run" / "bundle-int8"
    with pytest.raises(InputError, match=r"does not answer as the model does.*nothing is written"):
        quantise(model, mixed, folder, n_sample=2)
    assert not folder.exists()


def test_too_few_to_check(model: Model, table: StudyTable, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="35 images are left to check on, fewer than 100"):
        quantise(model, table, tmp_path / "int8", n_sample=100)


def test_another_models(
    training: Training, model: Model, table: StudyTable, tmp_path: Path
) -> None:
    """A bundle that was trained again in the same place, and one that never had any."""
    place = tmp_path / "run" / "bundle"
    quantise(model, table, place_quantised(place), n_sample=30)
    record = replace(load_bundle(place).record, initial_weights="others")
    shutil.rmtree(place)
    save_bundle(replace(training.models[0].bundle, record=record), place)
    with pytest.raises(BundleError, match=r"was made from bundle .*quantise again"):
        load(place, precision="int8", engine="openvino")
    with pytest.raises(InputError, match="engine torch answers in float32 alone"):
        load(place, precision="int8")
    place.rename(tmp_path / "run" / "second")
    with pytest.raises(InputError, match=r"there is no .*second-int8"):
        load(tmp_path / "run" / "second", precision="int8", engine="openvino")


def test_repeats_of_what_set_the_scales_check_nothing(
    model: Model, table: StudyTable, tmp_path: Path
) -> None:
    """All 135 phantoms twice, 30 of them set the scales: 105 twice are left, not 240 of 270."""
    twice = table.take(np.tile(np.arange(len(table)), 2))
    record = quantise(model, twice, tmp_path / "run" / "bundle-int8", n_sample=30).record
    used = 30 - (270 - record.check.n_images - 30)
    assert 0 <= used <= 30
    assert record.check.n_images % 2 == 0
    assert record.check.n_images <= 2 * 120


def test_what_is_there_is_not_thrown_away(model: Model, table: StudyTable, tmp_path: Path) -> None:
    place = tmp_path / "run" / "bundle-int8"
    place.mkdir()
    (place / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is no quantised network: move it away"):
        quantise(model, table, place, n_sample=30)
    assert (place / "mine.txt").read_text() == "mine"
