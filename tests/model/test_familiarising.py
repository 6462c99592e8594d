"""A training says what is familiar, and `fit_ood` says it for a bundle that has nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from cxrlens.data import StudyTable, TableOptions, read_table, write_phantoms
from cxrlens.imaging import try_read
from cxrlens.inference import load_bundle, prepare
from cxrlens.model import Model, Training, fit_ood, load, run_calibration, run_training
from cxrlens.training import Recipe
from cxrlens.vocabulary import Refusal, Silence, TableError, digest_lines

FINDINGS = ("normal", "pneumonia", "covid")


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> StudyTable:
    """Enough phantoms for statistics of a training part and a validation part."""
    folder = tmp_path_factory.mktemp("collection") / "data"
    write_phantoms(folder, 240, seed=31, findings=FINDINGS)
    return read_table(folder)


@pytest.fixture(scope="session")
def run(
    collection: StudyTable, quick_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Training, Path]:
    """A training on them, and its folder."""
    folder = tmp_path_factory.mktemp("familiar")
    return run_training(collection, quick_recipe, folder), folder


def list_part(table: StudyTable, part: str) -> StudyTable:
    return table.take(np.flatnonzero(table.frame["split"].to_numpy() == part))


def test_a_training_keeps_its_training_images(run: tuple[Training, Path]) -> None:
    """Bank, calibration and p-values written a second time, from the images up."""
    training, folder = run
    model, table = training.models[0], training.table
    known = model.bundle.familiarity
    assert known is not None
    features, digests = {}, []
    for part in ("train", "val"):
        rows = list_part(table, part)
        prepared = prepare(rows, model.bundle.record.preprocessing, Silence())
        pixels = (np.asarray(prepared.images.pixels[:]) / 65535).astype(np.float32)
        found = model.engine.run(pixels).features
        features[part] = found / np.linalg.norm(found, axis=1, keepdims=True)
        digests += prepared.images.digests
    n_train, n_val = (len(features[part]) for part in ("train", "val"))
    record = known.record
    assert (record.n_bank, record.n_calibrating) == (n_train, n_val)
    assert record.rows == digest_lines(digests)
    judge = NearestNeighbors(n_neighbors=record.k).fit(features["train"])
    expected = np.sort(judge.kneighbors(features["val"])[0][:, -1])
    np.testing.assert_allclose(known.distances, expected, atol=2e-3)
    assert load_bundle(folder / "bundle").record.familiarity == record
    test = list_part(table, "test")
    answers = [*model.predict_many(test.images)]
    p_values = [one.unfamiliarity.p_value for one in answers if one.unfamiliarity]
    assert len(p_values) == len(answers)
    assert np.mean(p_values) > 0.3  # usual images are no rarer than those of validation


def test_a_radiograph_behind_blinds_is_warned_of(
    run: tuple[Training, Path], tmp_path: Path
) -> None:
    model = run[0].models[0]
    image = run[0].table.images[0]
    usual = model.predict(image)
    assert usual.features is not None
    assert usual.brightness is not None
    read = try_read(image)
    assert not isinstance(read, Refusal)
    seen = model.bundle.record.preprocessing.apply(read.pixels)
    assert usual.brightness == pytest.approx(seen.mean(), abs=1e-4)
    assert usual.features == pytest.approx(model.engine.run(seen[None]).features[0], rel=1e-3)
    is_dark = np.arange(read.pixels.shape[1]) % 16 >= 8
    striped = np.where(is_dark, 0.2 * read.pixels, read.pixels)
    Image.fromarray((255 * striped).astype(np.uint8)).save(tmp_path / "strange.png")
    strange = model.predict(tmp_path / "strange.png")
    assert strange.unfamiliarity is not None
    assert strange.unfamiliarity.is_out
    assert strange.unfamiliarity.distance > usual.unfamiliarity.distance
    assert "out-of-distribution" in [one.reason for one in strange.warnings]
    assert strange.status == "predicted with warnings"


def test_answers_for_a_table_keep_no_features(run: tuple[Training, Path]) -> None:
    model = run[0].models[0]
    rows = list_part(run[0].table, "test")
    prepared = prepare(rows, model.bundle.record.preprocessing, Silence())
    answers = model.answer_rows(prepared, np.arange(len(rows)), Silence())
    assert {one.features is None for one in answers} == {True}
    assert all(one.unfamiliarity for one in answers)


def test_too_few_images_leave_it_out(training: Training) -> None:
    model = training.models[0]
    assert model.bundle.familiarity is None
    answer = model.predict(training.table.images[0])
    assert answer.unfamiliarity is None
    assert answer.features is not None


def forget(model: Model) -> Model:
    record = replace(model.bundle.record, familiarity=None)
    return Model(replace(model.bundle, record=record, familiarity=None))


def test_fitted_afterwards_it_is_what_the_training_kept(
    run: tuple[Training, Path], collection: StudyTable, tmp_path: Path
) -> None:
    training, folder = run
    model = training.models[0]
    table = read_table(folder / "split.csv", TableOptions(Path(collection.root)))
    new = fit_ood(forget(model), table, out=tmp_path / "new")
    before, after = model.bundle.familiarity, new.bundle.familiarity
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(after.distances, before.distances, atol=1e-5)
    assert after.record.calibrated_on == "validation images"
    assert new.bundle.record.parent == model.bundle.record.digest
    name = "weights.safetensors"
    assert new.bundle.record.digests[name] == model.bundle.record.digests[name]
    assert new.bundle.seen == model.bundle.seen  # validation had been seen
    assert load(tmp_path / "new" / "bundle").bundle.record == new.bundle.record


def test_without_a_split_what_it_did_not_see_calibrates_and_is_then_seen(
    run: tuple[Training, Path], collection: StudyTable, tmp_path: Path
) -> None:
    model = forget(run[0].models[0])
    assert not (collection.frame["split"] == "train").any()
    new = fit_ood(model, collection, limit=0.2, out=tmp_path / "new")
    record = new.bundle.record.familiarity
    assert record is not None
    assert record.n_bank == len(model.bundle.seen)
    assert record.n_calibrating == len(collection) - len(model.bundle.seen)
    assert record.limit == 0.2
    assert len(new.bundle.seen) == len(collection)


def test_calibration_keeps_it(run: tuple[Training, Path], tmp_path: Path) -> None:
    model = run[0].models[0]
    write_phantoms(tmp_path / "site", 108, seed=32, findings=FINDINGS)
    (tmp_path / "out").mkdir()
    done = run_calibration(model, read_table(tmp_path / "site"), tmp_path / "out")
    assert done.model.bundle.record.familiarity == model.bundle.record.familiarity
    image = run[0].table.images[3]
    assert done.model.predict(image).unfamiliarity == model.predict(image).unfamiliarity


def test_what_cannot_be_fitted_is_refused(
    run: tuple[Training, Path], collection: StudyTable, tmp_path: Path
) -> None:
    model = forget(run[0].models[0])
    write_phantoms(tmp_path / "other", 36, seed=33, findings=FINDINGS)
    with pytest.raises(TableError, match="none of the 36 images is known to have trained"):
        fit_ood(model, tmp_path / "other", out=tmp_path / "a")
    split = run[0].table.frame["split"].to_numpy()
    rows = np.flatnonzero(split != "test")
    taught = run[0].table.take(rows).with_split([None] * len(rows))
    with pytest.raises(TableError, match="0 images to calibrate on"):
        fit_ood(model, taught, out=tmp_path / "b")
    assert not (tmp_path / "b" / "bundle").exists()
