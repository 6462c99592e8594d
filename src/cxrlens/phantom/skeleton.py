"""The bones: spine, ribs and clavicles.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from jaxtyping import Float64

from cxrlens.phantom.anatomy import SIDES, Build
from cxrlens.phantom.plane import Columns, Plane, round_edge, soften

_HEIGHTS = np.linspace(-1.6, 1.6, 1601)


def shape_bones(build: Build) -> Plane:
    """Give the attenuation of all bones."""
    bones = _shape_spine(build)
    for side in SIDES:
        across = side * build.x
        bones = bones + _shape_ribs(build, across) + _shape_clavicle(build, side, across)
        bones = bones + _shape_scapula(build, across)
    return bones


def _shape_spine(build: Build) -> Plane:
    """Vertebral bodies, with the discs between them."""
    column = round_edge(0.085 - np.abs(build.x), 0.05)
    pitch = build.trait(20, 0.120, 0.135)
    bodies = 0.8 + 0.2 * np.cos(2 * np.pi * (build.y / pitch + build.trait(21, 0.0, 1.0)))
    spinous = np.exp(-((build.x / 0.018) ** 2)) * (0.5 + 0.5 * bodies)
    return np.asarray(0.16 * column * bodies + 0.05 * spinous)


def _shape_ribs(build: Build, across: Columns) -> Plane:
    """Posterior ribs fall a little to the side; anterior ones fall steeply to the middle."""
    tilt = build.trait(22, 0.8, 1.2)
    lateral = np.clip(across - 0.08, 0, None)
    behind = build.y - tilt * (0.55 * lateral**2.2 - 0.12 * lateral)
    before = build.y + tilt * (0.62 * lateral - 0.75 * lateral**4)
    part = np.clip((build.y - build.trait(6, -0.80, -0.70)) / 1.35, 0, 1)
    cage = build.trait(8, 0.72, 0.82) + 0.05 - 0.42 * (1 - part) ** 3.0
    inside = soften((cage - across) / 0.05)
    posterior = np.interp(behind, _HEIGHTS, _line_up(build, 24, -0.72, 0.022))
    anterior = np.interp(before, _HEIGHTS, _line_up(build, 36, -0.28, 0.026))
    medial = soften((across - 0.07) / 0.03)
    cartilage = soften((across - 0.26) / 0.16)
    return np.asarray(inside * (0.24 * medial * posterior + 0.16 * cartilage * anterior))


def _line_up(
    build: Build, first: int, top: float, half_width: float
) -> Float64[np.ndarray, " heights"]:
    """Ribs along one line down the chest: each a tube with a denser rim."""
    profile = np.zeros_like(_HEIGHTS)
    pitch = build.trait(23, 0.135, 0.155)
    for rib in range(10):
        centre = top + pitch * rib + build.trait(first + rib, -0.010, 0.010)
        offset = np.abs(_HEIGHTS - centre) / half_width
        tube = np.sqrt(np.clip(1 - offset**2, 0, None))
        profile += 0.55 * tube + 0.6 * np.exp(-(((offset - 0.85) / 0.22) ** 2))
    return profile


def _shape_clavicle(build: Build, side: int, across: Columns) -> Plane:
    """A slender S from the breastbone up to the shoulder."""
    lateral = across - 0.07
    height = build.trait(50, -0.66, -0.56) + side * build.trait(51, -0.02, 0.02)
    centre = height - build.trait(52, 0.10, 0.22) * lateral - 0.05 * np.sin(7.0 * lateral)
    thick = 0.024 + 0.012 * np.exp(-((lateral / 0.06) ** 2))
    offset = np.abs(build.y - centre) / thick
    tube = np.sqrt(np.clip(1 - offset**2, 0, None)) + 0.5 * np.exp(-(((offset - 0.9) / 0.2) ** 2))
    return np.asarray(0.26 * tube * soften(lateral / 0.03) * soften((0.86 - across) / 0.1))


def _shape_scapula(build: Build, across: Columns) -> Plane:
    """The blade beside the upper lung, with a denser medial border."""
    height = build.y + build.trait(53, 0.28, 0.36)
    border = build.trait(54, 0.68, 0.80) + 0.10 * height
    inwards = across - border - 0.5 * np.clip(height, 0, None) ** 2
    blade = round_edge(inwards, 0.03) * soften((0.42 - np.abs(height)) / 0.08)
    rim = np.exp(-(((inwards - 0.012) / 0.012) ** 2))
    return np.asarray(blade * (0.10 + 0.08 * rim))
