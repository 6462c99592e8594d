"""Two models on images that neither has seen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrlens.data import StudyTable, read_table
from cxrlens.model import Model, Training, compare_models, examine
from cxrlens.vocabulary import BundleError, TableError


def test_figures_are_those_of_each_alone_on_what_neither_has_seen(
    training: Training, other: Training, phantom_folder: Path
) -> None:
    models = training.models[0], other.models[0]
    made = compare_models(*models, read_table(phantom_folder))
    parts = [one.table.frame.set_index("image")["split"] for one in (training, other)]
    unseen = [name for name in parts[0].index if parts[0][name] == parts[1][name] == "test"]
    assert 0 < made.comparison.n_images == len(unseen)
    assert made.n_seen == len(parts[0]) - len(unseen)
    assert any("were used to train one of the models" in note for note in made.notes)
    table = read_table(phantom_folder)
    kept = table.take(np.flatnonzero(np.isin(table.images, unseen)))
    alone = [examine(one, kept).evaluation for one in models]
    auroc, accuracy = made.comparison.overall
    assert auroc.first.value == pytest.approx(alone[0].macro_auroc.value)
    assert auroc.second.value == pytest.approx(alone[1].macro_auroc.value)
    assert accuracy.first == alone[0].accuracy
    assert accuracy.second == alone[1].accuracy


def test_nothing_left_is_refused(training: Training) -> None:
    model = training.models[0]
    with pytest.raises(TableError, match="were used to train one of the models"):
        compare_models(model, model, training.table.split("train"))


def test_other_classes_and_other_kinds_are_refused(
    training: Training, several: Training, phantom_folder: Path
) -> None:
    with pytest.raises(BundleError, match=r"the first covid, normal, pneumonia, the second"):
        compare_models(training.models[0], several.models[0], phantom_folder)
    model = training.models[0]
    record = replace(model.bundle.record, is_multilabel=True)
    turned = Model(replace(model.bundle, record=record))
    with pytest.raises(BundleError, match="the second model decides for each class on its own"):
        compare_models(model, turned, phantom_folder)


def test_several_labels(several: Training, several_labels: Path) -> None:
    model = several.models[0]
    made = compare_models(model, model, several_labels)
    assert made.comparison.is_multilabel
    values = [one.difference.estimate.value for one in made.comparison.told]
    assert set(values) == {0.0}


def test_data_of_other_classes_are_refused(training: Training, phantom_folder: Path) -> None:
    table = read_table(phantom_folder)
    names = {"covid": "c", "normal": "n", "pneumonia": "p"}
    frame = table.frame.assign(label=[names[one] for one in table.frame["label"]])
    other = StudyTable(frame, ("c", "n", "p"), table.root)
    with pytest.raises(BundleError, match="--map"):
        compare_models(training.models[0], training.models[0], other)
