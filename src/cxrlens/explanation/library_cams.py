"""Relatives of Grad-CAM, as pytorch-grad-cam weighs a layer's activations.

SPDX-License-Identifier: Apache-2.0

Of the library only what computes the weights and the sum is used. It would also put in hooks,
switch modes and fill gradients itself, which `trace_layer` does without leaving a trace; and it
scales every map to [0, 1] and up to the size of the image, while ours keep the layer's grid and
their unit, so that maps of two images can be compared and a `Heatmap` lies them half-pixel
aligned on the source.
"""

import io
from collections.abc import Callable
from contextlib import redirect_stderr

import numpy as np
import torch
from torch import nn

from cxrlens.explanation.layer import LayerSettings, trace_layer
from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine
from cxrlens.network import MapClassifier

_Make = Callable[[TorchEngine, Question, LayerSettings], Maps]


class _Logits(nn.Module):
    """The network as the library wants it: images in, logits out."""

    def __init__(self, network: MapClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(images).logits
        return logits

    def train(self, _: bool = True) -> "_Logits":
        """Leave the network's mode to the engine, whatever the library asks for."""
        return self


def _use(library_cam: str) -> _Make:
    """Make maps by the library's class of a name, of one image at a time."""

    def make(engine: TorchEngine, question: Question, settings: LayerSettings) -> Maps:
        import pytorch_grad_cam  # noqa: PLC0415 (slow)
        from pytorch_grad_cam.utils.model_targets import (  # noqa: PLC0415 (slow)
            ClassifierOutputTarget,
        )

        trace = trace_layer(engine, question, settings)
        make_cam = getattr(pytorch_grad_cam, library_cam)
        cam = make_cam(_Logits(engine.network), target_layers=[])  # no layers, no hooks
        maps = trace.make_blank()
        for i in np.flatnonzero(trace.is_finite).tolist():
            one = slice(i, i + 1)
            image = torch.from_numpy(question.pixels[one].copy())[:, None].to(engine.device)
            asked = [ClassifierOutputTarget(int(question.targets[i]))]
            # ScoreCAM draws a progress bar for every image.
            with redirect_stderr(io.StringIO()):
                maps[one] = cam.get_cam_image(
                    image, None, asked, trace.activations[one], trace.gradients[one], False
                )
        return maps

    return make


def _keep_positive(make: _Make) -> _Make:
    """Drop what speaks against the class, as the papers do."""

    def make_positive(engine: TorchEngine, question: Question, settings: LayerSettings) -> Maps:
        return np.asarray(np.maximum(make(engine, question, settings), 0))

    return make_positive


def make_eigencam(engine: TorchEngine, question: Question, settings: LayerSettings) -> Maps:
    """Project a layer's activations on their first principal component.

    The sign of a component is arbitrary; it is turned so that its farthest end is positive.

    Args:
        engine: runs the network.
        question: images; their targets move nothing.
        settings: which layer.

    Returns:
        N x rows x cols of the layer, not negative, in units of the activations.

    Raises:
        InputError: if there is no such layer, or its output is no map.

    Source: Muhammad and Yeasin 2020, "Eigen-CAM: Class Activation Map using Principal Components";
        the sign as in Chung and Ying 2025, "Seg-Eigen-CAM", eq. 13.
    """
    from pytorch_grad_cam.utils.svd_on_activations import (  # noqa: PLC0415 (slow)
        get_2d_projection_with_sign_correction,
    )

    trace = trace_layer(engine, question, settings)
    maps, told = trace.make_blank(), trace.is_finite  # the library would take NaN for 0
    maps[told] = get_2d_projection_with_sign_correction(trace.activations[told]).reshape(
        maps[told].shape  # where there is no image, it forgets the grid
    )
    return np.asarray(np.maximum(maps, 0))


GRADCAM_PLUS_PLUS = Method(
    name="gradcam++",
    make=_keep_positive(_use("GradCAMPlusPlus")),
    words="as gradcam, with weights that a small finding moves as much as a large one",
    source="Chattopadhay et al. 2018, Grad-CAM++: Improved Visual Explanations",
    settings=LayerSettings,
)

HIRESCAM = Method(
    name="hirescam",
    make=_use("HiResCAM"),
    words="activation times gradient, cell by cell, over a layer's channels",
    source="Draelos and Carin 2020, Use HiResCAM instead of Grad-CAM",
    settings=LayerSettings,
    is_signed=True,
)
"""At the pooled map it is `cam`, divided by the number of cells."""

LAYERCAM = Method(
    name="layercam",
    make=_keep_positive(_use("LayerCAM")),
    words="as hirescam, but of every cell only a gradient that is positive",
    source="Jiang et al. 2021, LayerCAM: Exploring Hierarchical Class Activation Maps",
    settings=LayerSettings,
)

SCORECAM = Method(
    name="scorecam",
    make=_keep_positive(_use("ScoreCAM")),
    words="a layer's channels, each weighted by the logit of the image seen through it",
    source="Wang et al. 2020, Score-CAM: Score-Weighted Visual Explanations",
    settings=LayerSettings,
)
"""Runs the network once for every channel; one image needs the memory of as many images."""

EIGENCAM = Method(
    name="eigencam",
    make=make_eigencam,
    words="the first principal component of a layer's channels; the same for every class",
    source="Muhammad and Yeasin 2020, Eigen-CAM: Class Activation Map using Principal Components",
    settings=LayerSettings,
)
