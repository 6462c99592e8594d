"""The shape of a patient's chest: outlines of body, lungs, heart and diaphragm.

SPDX-License-Identifier: Apache-2.0

Outlines are given as functions of the row or of the column, so that a thickness at every pixel
follows by broadcasting. A side is -1 (the patient's right, on the viewer's left) or +1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

from cxrlens.phantom.plane import PIXEL, SIZE, Columns, Plane, Rows, open_stream, round_edge, soften
from cxrlens.vocabulary import PixelMask

SIDES = (-1, 1)
"""The patient's right (on the viewer's left), then the patient's left."""

Traits = Float64[np.ndarray, " traits"]
"""Numbers in [0, 1), one a trait in which patients differ."""


@dataclass(frozen=True, eq=False)
class Build:
    """A patient's anatomy, placed on the plane."""

    x: Columns
    """Distance of each column from the patient's midline, in body units."""

    y: Rows
    """Height of each row in the patient's frame, in body units; downwards is positive."""

    traits: Traits
    """The patient's own numbers; the same in all of the patient's images."""

    breath: float
    """How far the diaphragm stands below its usual place in this image, in body units."""

    def trait(self, number: int, low: float, high: float) -> float:
        """Scale one of the patient's numbers to a range."""
        return float(low + (high - low) * self.traits[number])


@dataclass(frozen=True, eq=False)
class Lung:
    """One lung as it projects onto the plane."""

    side: int
    """-1 for the patient's right, 1 for the left."""

    thickness: Plane
    """Air along the ray, 0 to 1."""

    depth: Plane
    """Distance from the outer chest wall towards the midline in body units, along the row."""

    field: PixelMask
    """Where lung shows beside the mediastinum and above the diaphragm."""


def place_build(anatomy_key: str, position: Traits) -> Build:
    """Place a patient on the plane.

    Args:
        anatomy_key: names the patient.
        position: four numbers in [0, 1) of this image: shift right, shift down, distance from the
            tube, depth of breath.
    """
    traits = open_stream(anatomy_key, "anatomy").random_sample(64)
    centres = (np.arange(SIZE) + 0.5) * PIXEL - 1
    scale = (1.0 + 0.12 * (traits[0] - 0.5)) * (1 + 0.03 * (position[2] - 0.5))
    width = scale * (1 + 0.10 * (traits[1] - 0.5))
    right = 0.10 * (traits[2] - 0.5) + 0.03 * (position[0] - 0.5)
    down = 0.10 * (traits[3] - 0.5) + 0.03 * (position[1] - 0.5)
    return Build(
        x=((centres - right) / width)[None, :],
        y=((centres - down) / scale)[:, None],
        traits=traits,
        breath=float(0.05 * (position[3] - 0.5)),
    )


def shape_body(build: Build) -> Plane:
    """Give the thickness of the trunk, 0 in the air beside it to about 1."""
    shoulder = soften((build.y + build.trait(4, 1.02, 1.12)) / 0.42)
    half_width = 0.24 + shoulder * build.trait(5, 0.73, 0.83)
    return round_edge(half_width - np.abs(build.x), 0.42)


def shape_lung(build: Build, side: int) -> Lung:
    """Give one lung: its air, its distance from the chest wall and its visible field.

    Args:
        build: the patient.
        side: -1 for the patient's right, 1 for the left.
    """
    across = side * build.x
    apex, middle = build.trait(6, -0.80, -0.70), build.trait(7, 0.25, 0.31)
    part = np.clip((build.y - apex) / 1.35, 0, 1)
    breadth = build.trait(8, 0.72, 0.82) - middle
    outer = middle + breadth * (1 - (1 - part) ** 3.0) ** 0.60 - 0.05 * part**4
    inner = middle - (middle - 0.07) * (1 - (1 - part) ** 7) ** 0.5
    wall = outer - across + np.where(build.y < apex, -1.0, 0.0)
    dome = _shape_dome(build, side, across)
    thickness = (
        round_edge(wall, 0.24) * round_edge(across - inner, 0.12) * round_edge(dome - build.y, 0.05)
    )
    edge = _shape_border(build, side)
    field = (wall > 0.02) & (across > edge + 0.015) & (across > inner) & (build.y < dome - 0.02)
    # the grid leaves single pixels at the sharp corners
    whole = np.asarray(ndimage.binary_opening(field), dtype=np.bool_)
    return Lung(side, thickness, wall + np.zeros_like(thickness), whole)


def shape_heart(build: Build) -> Plane:
    """Give the share of the lungs' air that heart and great vessels take, 0 to 1."""
    edges = [round_edge(_shape_border(build, side) - side * build.x, 0.14) for side in SIDES]
    return np.asarray(edges[0] * edges[1])


def shape_airways(build: Build) -> Plane:
    """Give the air of windpipe, main bronchi and stomach, 0 to about 1."""
    centre = build.trait(18, -0.015, 0.015)
    fork = build.trait(19, -0.24, -0.18)
    windpipe = round_edge(0.034 - np.abs(build.x - centre), 0.03) * soften((fork - build.y) / 0.05)
    below = build.y - fork
    bronchi = round_edge(0.022 - np.abs(np.abs(build.x - centre) - 0.9 * below), 0.02)
    bronchi = bronchi * soften(below / 0.03 + 0.5) * soften((0.17 - below) / 0.05)
    bubble = np.hypot((build.x - 0.36) / 0.15, (build.y - build.trait(55, 0.70, 0.78)) / 0.09)
    stomach = build.trait(56, 0.0, 0.8) * soften((1.1 - bubble) / 0.4)
    return np.asarray(0.8 * windpipe + 0.5 * bronchi + stomach)


def _shape_border(build: Build, side: int) -> Rows:
    """How far the mediastinum reaches to one side, by row."""
    y = build.y
    size = build.trait(9, 0.85, 1.15)
    if side < 0:
        atrium = _bump(y, build.trait(10, 0.20, 0.28), 0.24, 0.105 * size)
        return np.asarray(build.trait(11, 0.085, 0.105) + atrium)
    knob = _bump(y, build.trait(12, -0.38, -0.32), 0.085, 0.07)
    trunk = _bump(y, -0.12, 0.12, 0.05)
    ventricle = _bump(y, build.trait(13, 0.36, 0.42), 0.30, 0.29 * size)
    return np.asarray(build.trait(14, 0.08, 0.10) + knob + trunk + ventricle)


def _bump(y: Rows, centre: float, reach: float, height: float) -> Rows:
    return np.asarray(height * np.exp(-(((y - centre) / reach) ** 2)))


def _shape_dome(build: Build, side: int, across: Columns) -> Columns:
    """The row of the diaphragm, by column."""
    top = build.trait(15, 0.40, 0.52) + build.breath
    top += 0.0 if side < 0 else build.trait(16, 0.01, 0.06)
    lateral = (across - build.trait(17, 0.28, 0.36)) / 0.42
    fall = np.where(lateral > 0, 0.16 * lateral**2 + 0.10 * lateral**6, 0.06 * lateral**2)
    return np.asarray(top + fall)
