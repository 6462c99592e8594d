"""A prediction becomes a case: the image that it speaks about is read again.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping

from cxrlens.imaging import read_mask, read_radiograph
from cxrlens.report.records import Case
from cxrlens.vocabulary import Prediction


def read_case(
    prediction: Prediction,
    truth: str | None = None,
    *,
    mask: str | None = None,
    labels: Mapping[str, int | None] | None = None,
    origin: Mapping[str, str] | None = None,
) -> Case:
    """Read the image of a prediction, so that both can be drawn.

    Args:
        prediction: for an image file that is still there.
        truth: the true class, where it is known.
        mask: the file of the true lesion, or the mask as text (`imaging.read_mask`).
        labels: of several labels an image, what is known of each class.
        origin: what else is known of the image.

    Returns:
        The case, at the image's own size.

    Raises:
        ImageRefused: if the image or the mask cannot be read.
    """
    return Case(
        name=prediction.image,
        pixels=read_radiograph(prediction.image).pixels,
        truth=truth,
        prediction=prediction,
        mask=None if mask is None else read_mask(mask),
        labels=labels,
        origin=origin or {},
    )
