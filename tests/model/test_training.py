import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import cxrlens as cxr
from cxrlens.data import read_table
from cxrlens.model import Training, run_training
from cxrlens.training import Recipe, load_recipe
from cxrlens.vocabulary import OutputError, RecipeError


def test_the_epoch_kept_is_the_best_on_validation(training: Training) -> None:
    (history,) = training.histories
    assert [epoch.epoch for epoch in history] == [1, 2]
    best = max(history, key=lambda epoch: (epoch.val_auroc, -epoch.val_loss))
    assert [epoch.is_best for epoch in history] == [epoch == best for epoch in history]


def test_no_patient_is_on_two_sides(training: Training) -> None:
    parts = training.table.frame.groupby("patient_id")["split"].nunique()
    assert (parts == 1).all()
    assert set(training.table.frame["split"]) == {"train", "val", "test"}


def test_only_test_cases_are_judged(training: Training) -> None:
    frame = training.table.frame
    tested = set(frame.loc[frame["split"] == "test", "image"])
    assert {one.image for one in training.examination.predictions} == tested
    assert training.examination.evaluation.n_images == len(tested)


def test_the_run_folder_holds_the_whole_training(
    phantom_folder: Path, quick_recipe: Recipe, tmp_path: Path
) -> None:
    result = run_training(read_table(phantom_folder), quick_recipe, tmp_path)
    split = (tmp_path / "split.csv").read_bytes()
    assert hashlib.sha256(split).hexdigest() == result.split_digest
    record = cxr.load(tmp_path / "bundle").bundle.record
    assert record.data.split_digest == result.split_digest
    plain = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    assert plain["optimisation"]["epochs"] == 2
    assert record.recipe == plain


def test_the_same_seed_gives_the_same_model(
    phantom_folder: Path, quick_recipe: Recipe, training: Training, tmp_path: Path
) -> None:
    again = run_training(read_table(phantom_folder), quick_recipe, tmp_path)
    ours = training.models[0].bundle.network.state_dict()
    theirs = again.models[0].bundle.network.state_dict()
    assert all(bool((ours[key] == theirs[key]).all()) for key in ours)


def test_folds_judge_every_image_once_by_a_model_that_never_saw_its_patient(
    phantom_folder: Path, quick: list[str], tmp_path: Path
) -> None:
    recipe = load_recipe("phantom", [*quick, "epochs=1"])
    table = read_table(phantom_folder)
    result = run_training(table, recipe, tmp_path, folds=3)
    answers = result.examination.table
    assert sorted(answers.images) == sorted(table.images)
    assert result.examination.evaluation.n_folds == 3
    for fold, model in enumerate(result.models):
        split = pd.read_csv(tmp_path / f"fold{fold + 1}" / "split.csv")
        seen = set(split.loc[split["split"] != "test", "patient_id"])
        judged = {p for p, f in zip(answers.patients, answers.folds, strict=True) if f == fold}
        assert not seen & judged
        row = int(np.flatnonzero(answers.folds == fold)[0])
        alone = model.predict(answers.images[row])
        np.testing.assert_allclose(alone.logits, answers.logits[row], atol=1e-3)


def test_train_returns_a_model_and_never_overwrites(
    phantom_folder: Path, quick: list[str], tmp_path: Path
) -> None:
    overrides = [*quick, "epochs=1"]
    model = cxr.train(phantom_folder, "phantom", overrides=overrides, out=tmp_path / "run")
    assert model.classes == ("covid", "normal", "pneumonia")
    before = (tmp_path / "run/bundle/weights.safetensors").read_bytes()
    with pytest.raises(OutputError, match="not empty"):
        cxr.train(phantom_folder, "phantom", overrides=overrides, out=tmp_path / "run")
    assert (tmp_path / "run/bundle/weights.safetensors").read_bytes() == before


def test_an_unknown_recipe_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'phantom'"):
        cxr.train(tmp_path, "phantm", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_images_that_cannot_be_read_are_left_out_and_listed(
    phantom_folder: Path, quick_recipe: Recipe, tmp_path: Path
) -> None:
    import shutil

    data = tmp_path / "data"
    shutil.copytree(phantom_folder, data)
    (data / "normal" / "cut.png").write_bytes(next((data / "normal").iterdir()).read_bytes()[:500])
    (data / "covid" / "empty.jpg").write_bytes(b"")
    (tmp_path / "run").mkdir()
    result = run_training(read_table(data), quick_recipe, tmp_path / "run")
    assert sorted(one.reason for one in result.examination.refusals) == ["empty", "truncated"]
    assert len(result.table) == 72
