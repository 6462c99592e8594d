from pathlib import Path

import numpy as np
import pytest
from pandas import read_csv
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score

from cxrlens.data import StudyTable, make_frame, read_table
from cxrlens.evaluation import score_heatmap
from cxrlens.imaging import read_mask
from cxrlens.model import Training, evaluate, examine
from cxrlens.vocabulary import BundleError, TableError


def test_figures_are_those_of_the_predictions(training: Training) -> None:
    examination = training.examination
    truth = [Path(one.image).parent.name for one in examination.predictions]
    decisions = [one.decision for one in examination.predictions]
    assert examination.evaluation.accuracy.value == pytest.approx(accuracy_score(truth, decisions))


def test_maps_are_judged_over_all_positives_also_those_missed(training: Training) -> None:
    examination = training.examination
    assert examination.maps is not None
    for report in examination.maps.per_class:
        cases = [
            score_heatmap(one.heatmaps[one.classes.index(report.class_name)], read_mask(Path(mask)))
            for one, mask in zip(examination.predictions, examination.masks, strict=True)
            if mask is not None and Path(one.image).parent.name == report.class_name
        ]
        assert report.n_images == len(cases) > 0
        assert report.pointing_game.value == pytest.approx(np.mean([c.pointing for c in cases]))


def test_what_the_model_was_trained_on_is_left_out(
    training: Training, phantom_folder: Path
) -> None:
    table = read_table(phantom_folder)
    examination = examine(training.models[0], table)
    parts = training.table.frame["split"]
    assert examination.evaluation.n_images == int((parts == "test").sum())
    assert any("were used to train this model" in note for note in examination.notes)
    ours = examination.evaluation.macro_auroc
    assert ours.value == pytest.approx(training.examination.evaluation.macro_auroc.value, abs=1e-6)


def test_nothing_left_to_judge_on_is_refused(training: Training) -> None:
    with pytest.raises(TableError, match="were used to train or calibrate this model"):
        evaluate(training.models[0], training.table.split("train"))


def test_other_classes_are_refused_and_both_named(training: Training, tmp_path: Path) -> None:
    for name in ("NORMAL", "PNEUMONIA"):
        for number in range(4):
            pixels = np.full((80, 80), 40 * number, np.uint8)
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    with pytest.raises(BundleError, match=r"NORMAL, PNEUMONIA.*covid, normal, pneumonia"):
        evaluate(training.models[0], tmp_path)


def test_file_size_stands_beside_the_model(training: Training) -> None:
    (control,) = training.examination.controls
    assert control.name == "file bytes"
    assert control.auroc.value is not None
    assert control.auroc.value >= 0.5


def test_each_of_several_labels_is_judged_where_it_is_known(
    several: Training, several_labels: Path
) -> None:
    examination = several.examination
    table = read_csv(several_labels).set_index("path")
    for index, report in enumerate(examination.evaluation.per_class):
        labels = [table[f"label:{report.class_name}"][one.image] for one in examination.predictions]
        scores = [one.probabilities[index] for one in examination.predictions]
        known = np.isin(labels, (0, 1))
        assert report.n_uncertain == labels.count(-1)
        assert report.n_missing == int(np.isnan(labels).sum())
        truth, score = np.array(labels)[known], np.array(scores)[known]
        assert report.auroc.value == pytest.approx(roc_auc_score(truth, score))
        negative, positive = confusion_matrix(truth, score >= 0.5, labels=(0, 1)).tolist()
        told = report.outcomes
        assert negative == [told.true_negatives, told.false_positives]
        assert positive == [told.false_negatives, told.true_positives]
    aurocs = [report.auroc.value for report in examination.evaluation.per_class]
    assert examination.evaluation.macro_auroc.value == pytest.approx(np.mean(aurocs))
    assert examination.maps is None
    record = several.models[0].bundle.record
    assert record.is_multilabel
    assert record.operating_point.rule == "each >= 0.5"


def test_one_class_an_image_can_judge_a_model_of_several(
    several: Training, phantom_folder: Path
) -> None:
    examination = examine(several.models[0], phantom_folder)
    labels = examination.table.labels
    assert labels is not None
    names = [Path(one.image).parent.name for one in examination.predictions]
    assert labels[:, 0].tolist() == [float(name == "pneumonia") for name in names]
    assert np.isnan(labels[:, 2]).all()  # no image is labelled for opacity
    assert any("nothing of opacity" in note for note in examination.notes)
    assert any("does not answer for normal" in note for note in examination.notes)
    assert examination.evaluation.per_class[2].auroc.value is None


def test_a_model_of_several_refuses_data_without_one_of_its_classes(several: Training) -> None:
    frame = make_frame({"image": ["a.png"], "label:Effusion": [1], "label:Mass": [0]})
    with pytest.raises(BundleError, match="--map Effusion=NAME"):
        evaluate(several.models[0], StudyTable(frame, ("Effusion", "Mass"), "."))


def test_several_labels_an_image_are_refused_with_the_way_out(training: Training) -> None:
    frame = make_frame({"image": ["a.png"], "label:Effusion": [1], "label:Mass": [0]})
    with pytest.raises(TableError, match="--column label=Effusion"):
        evaluate(training.models[0], StudyTable(frame, ("Effusion", "Mass"), "."))


def test_sources_views_and_sizes_stand_beside_the_model_where_they_differ(
    training: Training, tmp_path: Path
) -> None:
    table = training.table.split("test")
    images = []
    for number, image in enumerate(table.images):
        smaller = tmp_path / f"{number}.png"
        with Image.open(image) as opened:
            opened.resize((200 + number % 2, 200)).save(smaller)
        images.append(str(smaller))
    known = [f"source of {label}" for label in table.frame["label"]]
    frame = table.frame.assign(image=images, mask=None, source=known)
    examination = examine(training.models[0], StudyTable(frame, table.classes, str(tmp_path)))
    by_name = {one.name: one.auroc.value for one in examination.controls}
    assert list(by_name) == ["file bytes", "image size", "source"]
    assert by_name["source"] is not None
    assert by_name["source"] > 0.7
    assert examination.sources == tuple(known)
