"""A baseline: always where the finding lay on average.

SPDX-License-Identifier: Apache-2.0
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from PIL import Image
from pydantic import BeforeValidator, ConfigDict

from cxrlens.explanation.method import Maps, Method
from cxrlens.explanation.question import Question
from cxrlens.inference import TorchEngine
from cxrlens.vocabulary import Grid, InputError, show_name

_WHITE = {"L": 255, "I;16": 65535}
"""By Pillow's name for grey of 8 and of 16 bits."""


def read_mean_mask(path: str | os.PathLike[str]) -> Grid:
    """Read a grid of shares from a picture.

    Args:
        path: a grey PNG of 8 or 16 bits; black is 0, white is 1.

    Returns:
        Its rows and columns, in [0, 1].

    Raises:
        InputError: if the file cannot be read, or is no such picture.
    """
    name = f"mean mask {show_name(os.fsdecode(path))!r}"
    try:
        with Image.open(Path(path), formats=("PNG",)) as image:
            mode, grid = image.mode, np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} cannot be read ({error}); give a grey PNG") from error
    if mode not in _WHITE:
        raise InputError(f"{name} is not grey of 8 or 16 bits but of mode {mode}")
    return (grid / _WHITE[mode]).astype(np.float32)


def _check_mask(value: Any) -> Grid | None:  # noqa: ANN401 (a person may give anything)
    if value is None:
        return None
    if isinstance(value, str | os.PathLike):
        return read_mean_mask(value)
    grid = np.asarray(value)
    is_number = grid.ndim == 2 and grid.size > 0 and grid.dtype.kind in "biuf"
    if not is_number or not ((grid >= 0) & (grid <= 1)).all():
        raise InputError(
            f"setting mean_mask of method 'mean-mask' must be rows x columns of shares in [0, 1]; "
            f"got {grid.dtype} of {' x '.join(map(str, grid.shape)) or 'one value'}"
            + (f" from {grid.min()} to {grid.max()}" if is_number else "")
        )
    return grid.astype(np.float32)


@dataclass(frozen=True, eq=False)
class MeanMaskSettings:
    """Where the finding lay in other images."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    mean_mask: Annotated[np.ndarray | None, BeforeValidator(_check_mask)] = None
    """Shares in [0, 1], rows x columns that tile the network's input evenly; or a grey PNG of 8 or
    16 bits, as `cxrlens explain-card` writes it. There is no default."""


def make_mean_mask(_: TorchEngine, question: Question, settings: MeanMaskSettings) -> Maps:
    """Show the same mask for all images.

    Args:
        _: it does not look at the network.
        question: images; only their number matters.
        settings: the mask.

    Returns:
        N x rows x cols of the mask, in [0, 1].

    Raises:
        InputError: if no mask was given.

    Source: Arun et al. 2021, "Assessing the Trustworthiness of Saliency Maps for Localizing
        Abnormalities in Medical Imaging" (its average mask).
    """
    mask = settings.mean_mask
    if mask is None:
        raise InputError(
            "method 'mean-mask' needs the setting mean_mask, the mean of the masks of other "
            "images; `cxrlens explain-card` writes one"
        )
    return np.repeat(mask[None], len(question), axis=0)


MEAN_MASK = Method(
    name="mean-mask",
    make=make_mean_mask,
    words="always where the finding lay on average",
    source="Arun et al. 2021, Assessing the Trustworthiness of Saliency Maps",
    settings=MeanMaskSettings,
    is_baseline=True,
)
