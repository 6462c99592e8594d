"""The relatives of Grad-CAM: their formulas, and the library used as it is meant to be used.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytorch_grad_cam import EigenCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from scipy.special import softmax
from tests.explanation.test_gradcam import Logits, as_tensor, make, scale_up

from cxrlens.explanation import Question
from cxrlens.explanation.layer import LayerSettings, trace_layer
from cxrlens.inference import TorchEngine

BuildEngine = Callable[..., TorchEngine]
Ask = Callable[..., Question]

LIBRARY = {
    "gradcam++": GradCAMPlusPlus,
    "hirescam": HiResCAM,
    "layercam": LayerCAM,
    "scorecam": ScoreCAM,
    "eigencam": EigenCAM,
}


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize("layer", ["pooled_map", "layer2"])
def test_against_the_whole_library(
    name: str, layer: str, build_engine: BuildEngine, ask: Ask
) -> None:
    """With its own hooks and its scaling, on a layer that is not the last one too."""
    engine, question = build_engine("resnet18", 3), ask(2)
    if name == "scorecam":
        engine = build_engine("compact", 3)
        layer = "pooled_map"
    modules = dict(engine.network.backbone.network.named_modules())
    module = modules.get(layer, engine.network.pooled_map)
    with LIBRARY[name](Logits(engine.network), [module]) as library:
        asked = [ClassifierOutputTarget(int(target)) for target in question.targets]
        expected = library(as_tensor(question), asked)
    found = make(name, engine, question, layer=layer)
    assert all(np.ptp(grid) > 0 for grid in found)
    n_compared = 0
    for grid, heat in zip(np.maximum(found, 0), expected, strict=True):
        turned = scale_up(grid, 64)
        if name == "eigencam" and np.corrcoef(turned.ravel(), heat.ravel())[0, 1] < 0:
            continue  # the library left the component the other way round
        np.testing.assert_allclose(turned, heat, atol=1e-4)
        n_compared += 1
    assert n_compared > 0


def test_hirescam_is_cam_at_the_pooled_map(engine: TorchEngine, question: Question) -> None:
    cam = make("cam", engine, question) / 64
    found = make("hirescam", engine, question)
    np.testing.assert_allclose(found, cam, rtol=1e-5, atol=1e-6 * np.abs(cam).max())


def test_eigencam_is_the_strongest_direction(engine: TorchEngine, question: Question) -> None:
    """By the eigenvectors of the channels' covariance, the farther end positive."""
    trace = trace_layer(engine, question, LayerSettings())
    found = make("eigencam", engine, question)
    for activations, grid in zip(trace.activations.astype(np.float64), found, strict=True):
        centred = activations.reshape(len(activations), -1)
        centred = centred - centred.mean(axis=1, keepdims=True)
        _, vectors = np.linalg.eigh(centred @ centred.T)
        along = vectors[:, -1] @ centred
        along *= np.sign(along[np.argmax(np.abs(along))])
        expected = np.maximum(along, 0).reshape(grid.shape)
        np.testing.assert_allclose(grid, expected, atol=1e-4 * expected.max())


def test_scorecam_by_its_formula(
    engine: TorchEngine, question: Question, capfd: pytest.CaptureFixture[str]
) -> None:
    """One channel at a time: enlarged, scaled to [0, 1], laid over the image; and no talk."""
    found = make("scorecam", engine, question)
    assert capfd.readouterr() == ("", "")
    trace = trace_layer(engine, question, LayerSettings())
    for n, target in enumerate(question.targets):
        scores = []
        for channel in trace.activations[n]:
            large = torch.nn.functional.interpolate(
                torch.from_numpy(channel)[None, None], size=(64, 64), mode="bilinear",
                align_corners=True,  # as the library does it
            )[0, 0].numpy()  # fmt: skip
            mask = (large - large.min()) / max(np.ptp(large), 1e-8)
            scores.append(engine.run((question.pixels[n] * mask)[None]).logits[0, target])
        weights = softmax(scores)
        expected = np.maximum(np.tensordot(weights, trace.activations[n], axes=1), 0)
        np.testing.assert_allclose(found[n], expected, rtol=1e-4, atol=1e-5 * expected.max())
