"""The class activation map: the logit itself before it is averaged over the image.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.explanation.blank import blank_maps
from cxrlens.explanation.method import Maps, Method, NoSettings
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine


def make_cam(engine: TorchEngine, question: Question, _: NoSettings) -> Maps:
    """Take the maps that come out of the forward pass.

    Args:
        engine: runs the network.
        question: images and targets.
        _: it takes no settings.

    Returns:
        N x rows x cols, signed, in units of the logit; the mean of a map plus the head's offset
        is the class's logit.

    Source: Zhou et al. 2016, "Learning Deep Features for Discriminative Localization", eq. 2.
    """
    output = engine.run(question.pixels)
    return blank_maps(question.pick(output.maps), question.pick(output.logits))


CAM = Method(
    name="cam",
    make=make_cam,
    words="the logit before it is averaged over the image",
    source="Zhou et al. 2016, Learning Deep Features for Discriminative Localization",
    is_signed=True,
)
"""What every prediction carries."""
