"""All methods, by name.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.explanation.cam import CAM
from cxrlens.explanation.centre import CENTRE
from cxrlens.explanation.edges import EDGES
from cxrlens.explanation.gradcam import GRADCAM
from cxrlens.explanation.integrated_gradients import INTEGRATED_GRADIENTS
from cxrlens.explanation.library_cams import (
    EIGENCAM,
    GRADCAM_PLUS_PLUS,
    HIRESCAM,
    LAYERCAM,
    SCORECAM,
)
from cxrlens.explanation.lime import LIME
from cxrlens.explanation.mean_mask import MEAN_MASK
from cxrlens.explanation.method import Method
from cxrlens.explanation.noise import RANDOM
from cxrlens.explanation.occlusion import OCCLUSION
from cxrlens.explanation.rise import RISE
from cxrlens.explanation.smoothgrad import SMOOTHGRAD
from cxrlens.vocabulary import InputError, suggest

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        CAM,
        GRADCAM,
        GRADCAM_PLUS_PLUS,
        HIRESCAM,
        LAYERCAM,
        SCORECAM,
        EIGENCAM,
        OCCLUSION,
        LIME,
        RISE,
        INTEGRATED_GRADIENTS,
        SMOOTHGRAD,
        MEAN_MASK,
        CENTRE,
        RANDOM,
        EDGES,
    )
}
"""In the order in which tables list them."""


def find_method(name: str) -> Method:
    """Find a method by its name.

    Raises:
        InputError: if there is none of that name.
    """
    if name not in METHODS:
        raise InputError(f"unknown method {name!r}; {suggest(name, METHODS)}")
    return METHODS[name]
