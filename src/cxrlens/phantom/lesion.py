"""The diseases: where they lie and what they do to the lungs.

SPDX-License-Identifier: Apache-2.0

Each disease orders the pixels of the lungs by how early it would take them, and takes so many
that it covers a share of the image drawn beforehand: that is why every lesion covers 1-8 %.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cxrlens.phantom.anatomy import Build, Lung
from cxrlens.phantom.plane import PIXEL, SIZE, Plane, blur, make_noise, soften
from cxrlens.vocabulary import PixelMask


@dataclass(frozen=True, eq=False)
class Lesion:
    """What a disease does to the image."""

    mask: PixelMask
    """Where it is."""

    added: Plane
    """Attenuation that it adds (negative: takes away)."""

    markings: Plane
    """Share of the vessels that still shows, 0 to 1."""


def draw_lesion(
    finding: str, build: Build, lungs: list[Lung], stream: np.random.RandomState
) -> Lesion:
    """Draw a disease into the lungs.

    Args:
        finding: one of `FINDINGS`.
        build: the patient.
        lungs: the patient's right lung, then the left one.
        stream: where the randomness comes from.
    """
    if finding == "pneumonia":
        return _draw_pneumonia(build, lungs, stream)
    if finding == "covid":
        return _draw_covid(build, lungs, stream)
    if finding == "pneumothorax":
        return _draw_pneumothorax(build, lungs, stream)
    nothing = np.zeros((SIZE, SIZE))
    return Lesion(nothing > 1, nothing, nothing + 1)


def _take(score: Plane, field: PixelMask, share: float) -> tuple[PixelMask, float]:
    """Take the pixels of the field with the smallest scores, a share of the image in total."""
    inside = np.sort(score[field])
    count = min(int(share * SIZE * SIZE), len(inside) - 1)
    limit = float(inside[count])
    return field & (score < limit), limit


def _draw_pneumonia(build: Build, lungs: list[Lung], stream: np.random.RandomState) -> Lesion:
    """One consolidation with a ragged rim, anywhere in one lung."""
    draws = stream.random_sample(6)
    lung = lungs[int(draws[0] * 2)]
    rows, columns = np.nonzero(lung.field)
    place = int(draws[1] * len(rows))
    long = 0.75 + 0.6 * draws[2]
    away = np.sqrt(
        ((build.x - build.x[0, columns[place]]) * long) ** 2
        + ((build.y - build.y[rows[place], 0]) / long) ** 2
    )
    score = away + 0.035 * make_noise(stream, 16) + 0.015 * make_noise(stream, 8)
    mask, limit = _take(score, lung.field, 0.014 + 0.022 * draws[3])
    grain = np.clip(0.85 + 0.3 * make_noise(stream, 8), 0.2, None)
    opacity = soften((limit - score) / 0.08 + 0.35) * soften(lung.thickness / 0.25)
    return Lesion(mask, (0.46 + 0.22 * draws[4]) * opacity * grain, 1 - 0.6 * opacity)


def _draw_covid(build: Build, lungs: list[Lung], stream: np.random.RandomState) -> Lesion:
    """Patches of ground glass along the chest wall of both lungs."""
    draws = stream.random_sample(4)
    share, left = 0.020 + 0.022 * draws[0], 0.35 + 0.3 * draws[1]
    mask, opacity = np.zeros((SIZE, SIZE), dtype=bool), np.zeros((SIZE, SIZE))
    rough = 0.03 * make_noise(stream, 8)
    for lung, part in zip(lungs, (left, 1 - left), strict=True):
        score = _spread_patches(build, lung, stream) + rough
        taken, limit = _take(score, lung.field, share * part)
        mask |= taken
        opacity = opacity + soften((limit - score) / 0.06 + 0.35) * soften(lung.thickness / 0.25)
    grain = np.clip(0.8 + 0.5 * make_noise(stream, 4), 0.1, None)
    return Lesion(mask, (0.24 + 0.14 * draws[2]) * opacity * grain, 1 - 0.3 * opacity)


def _spread_patches(build: Build, lung: Lung, stream: np.random.RandomState) -> Plane:
    """Distance to the nearer one of one or two patches near the chest wall."""
    score = np.full((SIZE, SIZE), 9.0)
    draws = stream.random_sample((2, 3))
    patches = draws if stream.random_sample() < 0.5 else draws[:1]
    for down, inwards, flat in patches:
        row = int((0.24 + 0.50 * down) * SIZE)
        depth = lung.depth[row] - (0.04 + 0.14 * inwards)
        column = int(np.argmin(np.abs(depth)))
        across, along = build.x - build.x[0, column], build.y - build.y[row, 0]
        score = np.minimum(score, np.sqrt((across * (1 + 0.5 * flat)) ** 2 + along**2))
    return score


def _draw_pneumothorax(build: Build, lungs: list[Lung], stream: np.random.RandomState) -> Lesion:
    """Air between the chest wall and a lung that has drawn back from it, most at the apex."""
    draws = stream.random_sample(5)
    lung = lungs[int(draws[0] * 2)]
    inner = ndimage.distance_transform_edt(lung.depth[::2, ::2] > 0.02) * 2 * PIXEL
    away = blur(np.repeat(np.repeat(inner, 2, axis=0), 2, axis=1), 1.5)
    from_apex = build.y - build.y[int(np.argmax(lung.field.any(axis=1))), 0]
    score = away + (0.10 + 0.20 * draws[1]) * from_apex
    mask, limit = _take(score, lung.field, 0.018 + 0.030 * draws[2])
    beyond = soften((limit - score) / 0.012 + 0.5) * soften(lung.thickness / 0.2)
    line = np.exp(-(((score - limit) / 0.012) ** 2)) * (lung.thickness > 0.2)
    added = (0.20 + 0.08 * draws[3]) * line - (0.12 + 0.06 * draws[4]) * beyond
    return Lesion(mask, added, 1 - beyond)
