"""A bundle is calibrated on other cases: its weights stay, its parent is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrlens.data import StudyTable, read_table, write_phantoms
from cxrlens.evaluation import read_rule
from cxrlens.model import SiteCalibration, Training, examine, load, run_calibration
from cxrlens.vocabulary import BundleError, TableError


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> StudyTable:
    """Phantoms of other patients than the model was trained on."""
    folder = tmp_path_factory.mktemp("site") / "data"
    write_phantoms(folder, 108, seed=11, findings=("normal", "pneumonia", "covid"))
    return read_table(folder)


@pytest.fixture(scope="session")
def done(
    training: Training, site: StudyTable, tmp_path_factory: pytest.TempPathFactory
) -> SiteCalibration:
    """Calibrated, with thresholds."""
    folder = tmp_path_factory.mktemp("calibrated")
    rule = read_rule("sensitivity>=0.8")
    return run_calibration(training.models[0], site, folder, rule=rule)


def test_the_weights_are_the_same_to_the_bit_and_the_parent_is_named(
    training: Training, done: SiteCalibration
) -> None:
    before, after = training.models[0].bundle.record, done.model.bundle.record
    assert after.digests["weights.safetensors"] == before.digests["weights.safetensors"]
    assert after.parent == before.digest
    assert after.digest != before.digest
    assert after.calibration is not None
    assert after.calibration.weights == before.digests["weights.safetensors"]
    assert {one.class_name: one.n_positives for one in after.calibration.counts} == {
        "covid": 36, "normal": 36, "pneumonia": 36,
    }  # fmt: skip


def test_answers_carry_raw_and_calibrated_probabilities(
    training: Training, done: SiteCalibration, site: StudyTable
) -> None:
    image = site.images[5]
    before, after = training.models[0].predict(image), done.model.predict(image)
    assert after.logits == before.logits
    assert after.probabilities == before.probabilities
    assert before.calibrated == ()
    scaling = done.model.bundle.record.calibration.scaling
    expected = scaling.apply(np.array([after.logits]))[0]
    assert after.calibrated == pytest.approx(expected)
    # three classes exclude each other: the largest decides, thresholds flag
    assert after.decision == after.classes[int(np.argmax(after.calibrated))]
    levels = {t.class_name: t.value for t in after.operating_point.thresholds}
    by_class = dict(zip(after.classes, after.calibrated, strict=True))
    assert after.flagged == tuple(n for n in after.classes if by_class[n] >= levels[n])


def test_what_calibrated_it_is_left_out_of_its_figures(
    done: SiteCalibration, site: StudyTable
) -> None:
    with pytest.raises(TableError, match="train or calibrate"):
        examine(done.model, site)


def test_another_set_is_judged_by_the_bundle_s_own_calibration(
    done: SiteCalibration, tmp_path: Path
) -> None:
    write_phantoms(tmp_path / "data", 36, seed=12, findings=("normal", "pneumonia", "covid"))
    seen = examine(done.model, tmp_path / "data")
    assert "own calibration" in seen.calibration.method
    (operating,) = seen.operating
    assert operating.rule == "sensitivity>=0.8"
    assert "108 images" in operating.chosen_on
    table = seen.table
    for index, one in enumerate(operating.per_class):
        level = one.thresholds[0]
        flagged = table.calibrated[:, index] >= level
        expected = flagged[table.truth == index].mean()
        assert one.sensitivity.value == pytest.approx(expected)


def test_thresholds_are_those_of_the_final_probabilities(
    done: SiteCalibration, site: StudyTable
) -> None:
    point = done.model.bundle.record.operating_point
    assert (point.rule, point.threshold_rule) == ("argmax", "sensitivity>=0.8")
    answers = [done.model.predict(image) for image in site.images[:12]]
    assert all(answer.operating_point == point for answer in answers)
    for one in point.thresholds:
        assert one.sensitivity.value >= 0.8
        assert one.n_positives == 36


def test_a_bundle_can_be_calibrated_again(done: SiteCalibration, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", 108, seed=13, findings=("normal", "pneumonia", "covid"))
    table = read_table(tmp_path / "data")
    (tmp_path / "again").mkdir()
    again = run_calibration(done.model, table, tmp_path / "again", method="temperature")
    record = again.model.bundle.record
    assert record.parent == done.model.bundle.record.digest
    assert record.operating_point.rule == "argmax"
    assert record.operating_point.thresholds == ()
    assert any("not taken over" in note for note in again.notes)
    assert load(tmp_path / "again" / "bundle").bundle.record == record


def test_too_few_cases_and_other_classes_are_refused(
    training: Training, site: StudyTable, tmp_path: Path
) -> None:
    model = training.models[0]
    labels = site.frame["label"].to_numpy()
    few = site.take(np.flatnonzero(labels != "covid"))
    with pytest.raises(TableError, match="covid: 0 patients with"):
        run_calibration(model, few, tmp_path / "few")
    with pytest.raises(TableError, match="20 patients with and without"):
        run_calibration(model, site.take(range(0, 108, 3)), tmp_path / "vector", method="vector")
    frame = site.frame.assign(label=["other" if one == "covid" else one for one in labels])
    other = replace(site, frame=frame, classes=("normal", "other", "pneumonia"))
    with pytest.raises(BundleError, match="other"):
        run_calibration(model, other, tmp_path / "other")
    assert not any((tmp_path / name).exists() for name in ("few", "vector", "other"))
