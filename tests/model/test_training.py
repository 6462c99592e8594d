import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import cxrlens as cxr
from cxrlens.data import read_table
from cxrlens.model import Training, run_training
from cxrlens.training import Recipe, load_recipe
from cxrlens.vocabulary import InputError, OutputError, RecipeError


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
    assert plain["stages"][0]["epochs"] == 2
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


# Going on


class Stop(Exception):
    """A training is interrupted."""


class StopAt:
    """Interrupts after so many steps of a task."""

    def __init__(self, word: str, steps: int) -> None:
        self.word, self.left = word, steps

    def advance(self, task: str, *_: object) -> None:
        self.left -= self.word in task
        if self.left < 0:
            raise Stop


def read_weights(folder: Path) -> bytes:
    return (folder / "bundle" / "weights.safetensors").read_bytes()


def test_the_run_folder_tells_of_every_epoch_and_parameter(
    phantom_folder: Path, quick_recipe: Recipe, tmp_path: Path
) -> None:
    result = run_training(read_table(phantom_folder), quick_recipe, tmp_path)
    epochs = pd.read_csv(tmp_path / "epochs.csv")
    (history,) = result.histories
    assert epochs["val_loss"].tolist() == [epoch.val_loss for epoch in history]
    assert epochs["stage"].tolist() == ["everything"] * 2
    network = result.models[0].bundle.network
    counts = pd.read_csv(tmp_path / "parameters.csv").set_index("group")
    assert counts.loc["total", "parameters"] == sum(p.numel() for p in network.parameters())
    assert list((tmp_path / "logs").iterdir())
    assert not (tmp_path / "checkpoint").exists()


def test_an_interrupted_training_goes_on_to_the_same_bundle(
    phantom_folder: Path, quick_recipe: Recipe, training: Training, tmp_path: Path
) -> None:
    table = read_table(phantom_folder)
    with pytest.raises(Stop):
        run_training(table, quick_recipe, tmp_path, progress=StopAt("train", 1))
    assert (tmp_path / "checkpoint").exists()
    again = run_training(table, quick_recipe, tmp_path)
    ours = training.models[0].bundle.network.state_dict()
    theirs = again.models[0].bundle.network.state_dict()
    assert all(bool((ours[key] == theirs[key]).all()) for key in ours)
    assert len(again.histories[0]) == 2


def test_copies_are_the_same_after_an_interruption(
    phantom_folder: Path, quick: list[str], tmp_path: Path
) -> None:
    """Stopped inside an epoch, with a class of which most images are copies."""
    copied = ["balance=copies", "copies_per_class=24", "copies.mirror=true", "batch_size=12"]
    recipe = load_recipe("phantom", [*quick, *copied, "epochs=1", "checkpoint_steps=1"])
    table = read_table(phantom_folder)
    few = table.take([i for i, name in enumerate(table.frame["label"]) if name != "covid" or i % 3])
    (tmp_path / "whole").mkdir()
    (tmp_path / "halves").mkdir()
    run_training(few, recipe, tmp_path / "whole")
    with pytest.raises(Stop):
        run_training(few, recipe, tmp_path / "halves", progress=StopAt("train", 3))
    assert (tmp_path / "halves" / "checkpoint").exists()
    run_training(few, recipe, tmp_path / "halves")
    assert read_weights(tmp_path / "halves") == read_weights(tmp_path / "whole")
    plain = replace(recipe, optimisation=replace(recipe.optimisation, balance="none"))
    (tmp_path / "plain").mkdir()
    run_training(few, plain, tmp_path / "plain")
    assert read_weights(tmp_path / "plain") != read_weights(tmp_path / "whole")


def test_folds_that_are_done_are_taken_and_the_others_go_on(
    phantom_folder: Path, quick: list[str], tmp_path: Path
) -> None:
    recipe = load_recipe("phantom", [*quick, "epochs=1"])
    table = read_table(phantom_folder)
    (tmp_path / "whole").mkdir()
    (tmp_path / "halves").mkdir()
    expected = run_training(table, recipe, tmp_path / "whole", folds=2)
    with pytest.raises(Stop):
        run_training(
            table, recipe, tmp_path / "halves", folds=2, progress=StopAt("fold 2/2: train", 0)
        )
    before = read_weights(tmp_path / "halves" / "fold1")
    result = run_training(table, recipe, tmp_path / "halves", folds=2)
    assert read_weights(tmp_path / "halves" / "fold1") == before
    for fold in ("fold1", "fold2"):
        assert read_weights(tmp_path / "halves" / fold) == read_weights(tmp_path / "whole" / fold)
    losses = [[epoch.val_loss for epoch in history] for history in expected.histories]
    assert [[epoch.val_loss for epoch in history] for history in result.histories] == losses


def test_another_recipe_split_or_kind_of_training_is_refused_by_name(
    phantom_folder: Path, quick_recipe: Recipe, quick: list[str], tmp_path: Path
) -> None:
    table = read_table(phantom_folder)
    with pytest.raises(Stop):
        run_training(table, quick_recipe, tmp_path, progress=StopAt("train", 1))
    other = load_recipe("phantom", [*quick, "epochs=3"])
    with pytest.raises(OutputError, match="another recipe: its stages"):
        run_training(table, other, tmp_path)
    with pytest.raises(OutputError, match="training without folds"):
        run_training(table, quick_recipe, tmp_path, folds=2)
    fewer = table.take(list(range(2, len(table))))
    with pytest.raises(OutputError, match="not the split of these data"):
        run_training(fewer, quick_recipe, tmp_path)


def test_images_without_a_label_are_left_out_with_a_note(
    phantom_folder: Path, quick_recipe: Recipe, tmp_path: Path
) -> None:
    table = read_table(phantom_folder)
    labels = table.frame["label"].copy()
    labels.iloc[[0, 40]] = None
    result = run_training(
        replace(table, frame=table.frame.assign(label=labels)), quick_recipe, tmp_path
    )
    assert len(result.table) == 70
    assert any("2 of 72 images have no label" in note for note in result.examination.notes)


def test_several_labels_are_learnt_and_an_interrupted_training_goes_on(
    several_labels: Path, several: Training, quick_recipe: Recipe, tmp_path: Path
) -> None:
    table = read_table(several_labels)
    with pytest.raises(Stop):
        run_training(table, quick_recipe, tmp_path, progress=StopAt("train", 1))
    again = run_training(table, quick_recipe, tmp_path)
    ours = several.models[0].bundle.network.state_dict()
    theirs = again.models[0].bundle.network.state_dict()
    assert all(bool((ours[key] == theirs[key]).all()) for key in ours)
    assert cxr.load(tmp_path / "bundle").bundle.record.is_multilabel


def test_a_training_that_diverges_leaves_the_last_good_model(
    phantom_folder: Path, quick_recipe: Recipe, tmp_path: Path
) -> None:
    from dataclasses import replace

    (stage,) = quick_recipe.stages
    wild = replace(stage, name="wild", learning_rate=1e30, warm_up=0.0)
    recipe = replace(quick_recipe, stages=(stage, wild))
    table = read_table(phantom_folder)
    for _ in range(2):  # and so does the attempt to go on with it
        with pytest.raises(
            InputError, match=r"'wild'.*weights of epoch \d are kept in .*last-good"
        ):
            run_training(table, recipe, tmp_path)
    model = cxr.load(tmp_path / "last-good-bundle")
    assert model.classes == table.classes
    assert not (tmp_path / "bundle").exists()
    assert (tmp_path / "checkpoint").exists()


# Several seeds


def test_seeds_move_the_training_and_not_the_split(
    phantom_folder: Path, quick: list[str], tmp_path: Path
) -> None:
    recipe = load_recipe("phantom", [*quick, "epochs=1", "seed=4"])
    table = read_table(phantom_folder)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = run_training(table, recipe, tmp_path / "one")
    with pytest.raises(Stop):
        run_training(table, recipe, tmp_path / "two", seeds=2, progress=StopAt("seed 5: train", 0))
    before = read_weights(tmp_path / "two" / "seed4")
    two = run_training(table, recipe, tmp_path / "two", seeds=2)
    assert read_weights(tmp_path / "two" / "seed4") == before == read_weights(tmp_path / "one")
    assert read_weights(tmp_path / "two" / "seed5") != before
    split = (tmp_path / "one" / "split.csv").read_bytes()
    for seed in ("seed4", "seed5"):
        assert (tmp_path / "two" / seed / "split.csv").read_bytes() == split
        assert (tmp_path / "two" / seed / "epochs.csv").exists()
    assert two.split_digest == one.split_digest
    assert [model.bundle.record.recipe["seed"] for model in two.models] == [4, 5]
    first, second = two.runs
    assert (first.seed, second.seed) == (4, 5)
    assert first.examination.evaluation.macro_auroc == one.examination.evaluation.macro_auroc
    mean = two.examination.evaluation
    assert mean.n_images == one.examination.evaluation.n_images
    aurocs = [run.examination.evaluation.macro_auroc.value for run in two.runs]
    assert mean.macro_auroc.value == pytest.approx(np.mean(aurocs))
    assert two.spread is not None
    assert two.spread.macro_auroc == (min(aurocs), max(aurocs))
    assert any("images × 2 seeds" in note for note in two.examination.notes)
    with pytest.raises(OutputError, match="a model in seed4; resume it with the same --folds"):
        run_training(table, recipe, tmp_path / "two")
    with pytest.raises(OutputError, match="training without folds and seeds"):
        run_training(table, recipe, tmp_path / "one", seeds=2)
    done = [read_weights(tmp_path / "two" / seed) for seed in ("seed4", "seed5")]
    three = run_training(table, recipe, tmp_path / "two", seeds=3)
    assert [read_weights(tmp_path / "two" / seed) for seed in ("seed4", "seed5")] == done
    assert three.spread is not None
    assert [one.seed for one in three.spread.by_seed] == [4, 5, 6]
    assert three.spread.by_seed[:2] == two.spread.by_seed
    with pytest.raises(OutputError, match="a model in seed6; resume it with the same --folds"):
        run_training(table, recipe, tmp_path / "two", seeds=2)


@pytest.mark.slow
def test_seeds_and_folds_together(phantom_folder: Path, quick: list[str], tmp_path: Path) -> None:
    recipe = load_recipe("phantom", [*quick, "epochs=1"])
    table = read_table(phantom_folder)
    with pytest.raises(Stop):
        run_training(
            table, recipe, tmp_path, folds=2, seeds=2, progress=StopAt("seed 1, fold 1/2: train", 0)
        )
    before = [read_weights(tmp_path / "seed0" / fold) for fold in ("fold1", "fold2")]
    for folds, seeds in ((2, None), (None, 2), (None, None)):
        with pytest.raises(OutputError, match=r"a model in seed[01]/fold[12]; resume it with the"):
            run_training(table, recipe, tmp_path, folds=folds, seeds=seeds)
    result = run_training(table, recipe, tmp_path, folds=2, seeds=2)
    assert [read_weights(tmp_path / "seed0" / fold) for fold in ("fold1", "fold2")] == before
    assert len(result.models) == 4
    for seed in ("seed0", "seed1"):
        for fold in ("fold1", "fold2"):
            assert (tmp_path / seed / fold / "bundle").is_dir()
    assert result.examination.evaluation.n_images == 72
    assert result.examination.evaluation.n_folds == 2
    answered = [run.examination.table for run in result.runs]
    assert answered[0].images == answered[1].images
    assert answered[0].folds.tolist() == answered[1].folds.tolist()


def test_one_seed_is_not_several(
    quick_recipe: Recipe, phantom_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="2 or more; got 1"):
        run_training(read_table(phantom_folder), quick_recipe, tmp_path, seeds=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("labels", [("0", "0"), ("1", "1"), ("0", "-1"), ("", "")])
def test_a_class_never_trained_answers_nothing(
    several_labels: Path, quick_recipe: Recipe, tmp_path: Path, labels: tuple[str, str]
) -> None:
    lines = several_labels.read_text().splitlines()
    told = [f"{lines[0]},label:rare"]
    told += [f"{line},{labels[number % 2]}" for number, line in enumerate(lines[1:])]
    path = several_labels.parent / f"rare{'_'.join(labels)}.csv"
    path.write_text("\n".join(told) + "\n")
    training = run_training(read_table(path), quick_recipe, tmp_path)
    (model,) = training.models
    assert model.classes == ("pneumonia", "covid", "opacity")
    answer = model.predict(training.table.images[0])
    assert len(answer.probabilities) == 3
    assert "rare" not in answer.classes
    assert any("rare" in note and "does not" in note for note in training.examination.notes)


def test_thresholds_are_chosen_on_validation_and_judged_on_test(training: Training) -> None:
    plain, *chosen = training.examination.operating
    assert plain.rule == "argmax"
    assert chosen
    table, split = training.examination.table, training.table
    is_val = (split.frame["split"] == "val").to_numpy()
    for report in chosen:
        assert "validation" in report.chosen_on
        for one in report.per_class:
            (threshold,) = one.chosen
            labels = split.frame["label"][is_val]
            assert threshold.n_positives == int((labels == one.class_name).sum())
            assert "in-sample" in threshold.sensitivity.method
            index = table.classes.index(one.class_name)
            flagged = table.probabilities[:, index] >= threshold.value
            truth = table.truth == index
            assert one.sensitivity.value == pytest.approx(flagged[truth].mean())
            assert one.specificity.value == pytest.approx((~flagged)[~truth].mean())
