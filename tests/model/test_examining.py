from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score

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
    with pytest.raises(TableError, match="were used to train this model"):
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


def test_several_labels_an_image_are_refused_with_the_way_out(training: Training) -> None:
    frame = make_frame({"image": ["a.png"], "label:Effusion": [1], "label:Mass": [0]})
    with pytest.raises(TableError, match="--column label=Effusion"):
        evaluate(training.models[0], StudyTable(frame, ("Effusion", "Mass"), "."))
