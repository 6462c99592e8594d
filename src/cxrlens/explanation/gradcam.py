"""Grad-CAM: a layer's channels, each weighted by how the logit follows it.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np

from cxrlens.explanation.layer import LayerSettings, trace_layer
from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine


def make_gradcam(engine: TorchEngine, question: Question, settings: LayerSettings) -> Maps:
    """Weight the channels of a layer by their mean gradient, and keep what speaks for the class.

    Args:
        engine: runs the network.
        question: images and targets.
        settings: which layer.

    Returns:
        N x rows x cols of the layer, not negative. At the pooled map it is the positive part of
        `cam`, divided by the number of cells.

    Raises:
        InputError: if there is no such layer, or its output is no map.

    Source: Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via
        Gradient-based Localization", eq. 1 and 2.
    """
    trace = trace_layer(engine, question, settings)
    maps, told = trace.make_blank(), trace.is_finite
    weights = trace.gradients[told].mean(axis=(2, 3))
    maps[told] = np.maximum(np.einsum("nc,ncij->nij", weights, trace.activations[told]), 0)
    return maps


GRADCAM = Method(
    name="gradcam",
    make=make_gradcam,
    words="a layer's channels, each weighted by its mean gradient; only what speaks for the class",
    source="Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks",
    settings=LayerSettings,
)
"""Sees any layer; at the pooled map it is the positive part of `cam`."""
