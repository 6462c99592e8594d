import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax

from cxrlens.explanation import METHODS
from cxrlens.imaging import read_radiograph
from cxrlens.inference import EngineName, open_engine, save_bundle
from cxrlens.model import Model, Training, load
from cxrlens.vocabulary import Heatmap, InputError, Refusal


@pytest.fixture(scope="module")
def model(training: Training) -> Model:
    return training.models[0]


@pytest.fixture(scope="module")
def paths(phantom_folder: Path) -> list[Path]:
    return sorted(phantom_folder.glob("[cnp]*/*.png"))


def test_one_file_is_answered_as_among_many(model: Model, paths: list[Path]) -> None:
    many = list(model.predict_many(paths))
    assert [one.image for one in many] == [str(path) for path in paths]
    for path, among in list(zip(paths, many, strict=True))[::17]:
        alone = model.predict(path)
        assert alone.decision == among.decision
        np.testing.assert_allclose(alone.probabilities, among.probabilities, atol=1e-4)
        np.testing.assert_allclose(alone.heatmaps[0].grid, among.heatmaps[0].grid, atol=1e-4)


def test_several_streams_answer_in_order(
    model: Model, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    step = model.bundle.record.preprocessing
    size = (step.height, step.width)
    fast = Model(model.bundle, open_engine(model.bundle.network, size, "openvino", "float32"))
    given = [*paths, "missing.png", *paths]
    found = list(fast.predict_many(given))
    assert [one.image for one in found] == [str(path) for path in given]
    for one, other in zip(found, model.predict_many(given), strict=True):
        assert one.refusal == other.refusal
        np.testing.assert_allclose(one.logits, other.logits, rtol=1e-3, atol=1e-4)


def test_probabilities_are_the_softmax_and_the_decision_their_largest(
    model: Model, paths: list[Path]
) -> None:
    prediction = model.predict(paths[0])
    np.testing.assert_allclose(prediction.probabilities, softmax(prediction.logits))
    assert prediction.decision == model.classes[int(np.argmax(prediction.logits))]
    assert prediction.status == "predicted"
    assert prediction.bundle_digest == model.bundle.record.digest


def test_of_several_labels_each_has_the_sigmoid_of_its_own_logit(
    several: Training, paths: list[Path]
) -> None:
    model = several.models[0]
    for prediction in model.predict_many(paths[::9]):
        for logit, probability in zip(prediction.logits, prediction.probabilities, strict=True):
            assert probability == pytest.approx(1 / (1 + math.exp(-logit)))
        passed = zip(model.classes, prediction.probabilities, strict=True)
        assert prediction.decisions == tuple(name for name, value in passed if value >= 0.5)
        likeliest = model.classes[int(np.argmax(prediction.probabilities))]
        assert prediction.decision == (likeliest if prediction.decisions else None)
        assert prediction.is_multilabel
        assert prediction.heatmap is not None
        assert prediction.heatmap.class_name == likeliest
        assert model.explain(prediction.image).class_name == likeliest
        assert {region.class_name for region in prediction.regions} <= {likeliest}


def test_a_bias_far_up_decides_for_all_and_far_down_for_none(
    several: Training, paths: list[Path], tmp_path: Path
) -> None:
    from cxrlens.inference import load_bundle, save_bundle

    save_bundle(several.models[0].bundle, tmp_path / "bundle")
    for bias, told in ((50.0, "pneumonia; covid; opacity"), (-50.0, "none of them")):
        bundle = load_bundle(tmp_path / "bundle")
        bundle.network.head.output.bias.data.fill_(bias)
        prediction = Model(bundle).predict(paths[0])
        assert prediction.verdict == told
        assert prediction.status == "predicted"
        assert len(prediction.decisions) == (3 if bias > 0 else 0)


def test_the_map_of_a_prediction_is_its_logit(model: Model, paths: list[Path]) -> None:
    prediction = model.predict(paths[0])
    bias = model.bundle.network.head.output.bias.detach().cpu().numpy()
    means = [heat.grid.mean() for heat in prediction.heatmaps]
    np.testing.assert_allclose(np.array(means) + bias, prediction.logits, atol=1e-5)
    assert prediction.heatmap is not None
    size = read_radiograph(paths[0]).pixels.shape
    assert prediction.heatmap.on_source().shape == size


def test_what_cannot_be_read_is_refused_and_does_not_stop_the_rest(
    model: Model, paths: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"<html>not an image</html>")
    answers = list(model.predict_many([paths[0], bad, paths[1]]))
    assert [one.status for one in answers] == ["predicted", "refused", "predicted"]
    refusal = answers[1].refusal
    assert refusal is not None
    assert refusal.reason == "unknown-format"
    assert answers[1].heatmap is None


def test_many_files_are_taken_one_by_one(model: Model, paths: list[Path]) -> None:
    asked = 0

    def endless() -> object:
        nonlocal asked
        while True:
            asked += 1
            yield paths[asked % len(paths)]

    answers = model.predict_many(endless())
    for _ in range(3):
        next(answers)
    assert asked < 100


def test_explain_gives_the_map_of_the_target(model: Model, paths: list[Path]) -> None:
    prediction = model.predict(paths[0])
    for target in (None, *model.classes):
        heatmap = model.explain(paths[0], target=target)
        assert heatmap.class_name == (target or prediction.decision)
        expected = prediction.heatmaps[model.classes.index(heatmap.class_name)]
        np.testing.assert_allclose(heatmap.grid, expected.grid, atol=1e-5)


QUICK: dict[str, dict[str, object]] = {
    "rise": {"n_masks": 20},
    "integrated-gradients": {"n_steps": 3},
    "smoothgrad": {"n_samples": 3},
    "mean-mask": {"mean_mask": np.eye(4)},
}
"""Settings that make a method cheap, or possible."""


@pytest.mark.parametrize("method", METHODS)
def test_every_method_explains_files(
    method: str, training: Training, several: Training, paths: list[Path], tmp_path: Path
) -> None:
    """In order, the refused one among them; of one label an image and of several."""
    files = [paths[0], tmp_path / "missing.png", paths[-1]]
    for model in (training.models[0], several.models[0]):
        found = list(model.explain_many(files, method, **QUICK.get(method, {})))
        assert isinstance(found[1], Refusal)
        for path, heatmap in ((paths[0], found[0]), (paths[-1], found[2])):
            assert isinstance(heatmap, Heatmap)
            answer = model.predict(path)
            assert heatmap.class_name == answer.leading
            assert heatmap.method == method
            assert heatmap.geometry == answer.heatmaps[0].geometry
            assert np.isfinite(heatmap.grid).all()
            alone = model.explain(path, method, **QUICK.get(method, {}))
            scale = np.abs(heatmap.grid).max()
            np.testing.assert_allclose(alone.grid, heatmap.grid, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "occlusion", "stryde": 4}, "no setting 'stryde'; did you mean 'stride'"),
        ({"method": "scorecam", "layer": "poled_map"}, "did you mean 'pooled_map'"),
        ({"method": "mean-mask"}, "explain-card"),
        ({"method": "gradcamm"}, "gradcamm"),
        ({"target": "covit"}, "did you mean 'covid'"),
    ],
)
def test_explain_refuses_what_it_does_not_know(
    model: Model, paths: list[Path], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        model.explain(paths[0], **options)


def test_explain_refuses_an_image_that_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.png"):
        model.explain(tmp_path / "missing.png")


def test_lime_lies_on_the_source_and_agrees_with_explain(
    model: Model, several: Training, paths: list[Path]
) -> None:
    options = {"n_samples": 100, "n_segments": 9, "segments": "grid"}
    for one in (model, several.models[0]):
        prediction = one.predict(paths[0])
        found = one.explain_lime(paths[0], **options)
        order = np.argsort(prediction.probabilities)[::-1]
        assert found.classes == tuple(one.classes[index] for index in order)
        np.testing.assert_allclose(
            found.probabilities, np.array(prediction.probabilities)[order], atol=1e-5
        )
        size = read_radiograph(paths[0]).pixels.shape
        assert found.geometry.source_size == size
        assert found.segments_on_source().shape == size
        target = found.classes[-1]
        heatmap = one.explain(paths[0], "lime", target, **options)
        expected = one.explain_lime(paths[0], target, **options).make_heatmap(target)
        np.testing.assert_array_equal(heatmap.grid, expected.grid)
        np.testing.assert_array_equal(heatmap.on_source(), expected.on_source())


def test_lime_refuses_what_it_does_not_know(
    model: Model, paths: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="did you mean 'covid'"):
        model.explain_lime(paths[0], "covit")
    with pytest.raises(InputError, match="no setting 'samples'; did you mean 'n_samples'"):
        model.explain_lime(paths[0], samples=3)
    with pytest.raises(InputError, match=r"missing\.png"):
        model.explain_lime(tmp_path / "missing.png")


def test_a_loaded_model_answers_the_same(
    model: Model, training: Training, paths: list[Path], tmp_path: Path
) -> None:
    from cxrlens.inference import save_bundle

    save_bundle(model.bundle, tmp_path / "bundle")
    again = load(tmp_path / "bundle").predict(paths[3])
    np.testing.assert_allclose(again.logits, model.predict(paths[3]).logits, atol=1e-6)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_what_is_compiled_answers_without_building_the_network(
    training: Training, paths: list[Path], engine: EngineName, tmp_path: Path
) -> None:
    save_bundle(training.models[0].bundle, tmp_path / "bundle")
    first = load(tmp_path / "bundle", engine=engine)
    expected = [one.logits for one in first.predict_many(paths[:3])]
    again = load(tmp_path / "bundle", engine=engine)
    assert [one.logits for one in again.predict_many(paths[:3])] == expected
    assert "network" not in vars(again.bundle)
    assert "network" not in vars(again.engine)

    # The first thing asked is what draws at random while the network is built.
    by_gradients = again.explain(paths[0], "smoothgrad").grid
    np.testing.assert_allclose(by_gradients, first.explain(paths[0], "smoothgrad").grid, atol=1e-5)
    assert again.engine.network is again.bundle.network
