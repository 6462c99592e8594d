"""A heat-map lies where it belongs on the image over which a browser stretches it.

SPDX-License-Identifier: Apache-2.0
"""

import io

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert, select

from cxrlens.serving import tables
from cxrlens.serving.heat_picture import LONGEST_SIDE, draw_heat
from cxrlens.vocabulary import Geometry, Heatmap, to_plain

from .room_by_hand import RoomByHand

GRID = np.zeros((7, 7), np.float32)
GRID[2, 5] = 1.0

GEOMETRIES = {
    "whole": Geometry((2400, 2000), (224, 224), 0.0, 0.0, 2400.0, 2000.0),
    "padded": Geometry((2400, 2001), (224, 224), 0.0, -199.5, 2400.0, 2400.0),
    "cropped": Geometry((2401, 2000), (224, 224), 200.5, 0.0, 2000.0, 2000.0),
    "small": Geometry((300, 401), (224, 224), 0.0, 50.5, 300.0, 300.0),
    "wide": Geometry((501, 1999), (64, 64), 0.0, 0.0, 501.0, 1999.0),
}


def draw(hand: RoomByHand, geometry: Geometry, grid: np.ndarray = GRID) -> np.ndarray:
    case_id = hand.add_case(hand.add_person("Sender"))
    with hand.room.database.write() as connection:
        connection.execute(
            insert(tables.heatmap).values(
                id="1" * 16, case_id=case_id, bundle="b" * 64, method="cam",
                class_name="covid", is_usable=True, geometry=to_plain(geometry),
                grid=grid.astype("<f4").tobytes(), rows=grid.shape[0], cols=grid.shape[1],
            )
        )  # fmt: skip
        row = connection.execute(select(tables.heatmap)).one()
    return np.asarray(Image.open(io.BytesIO(draw_heat(row))))


def centre(weight: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where the weight lies, in source pixels, when the picture is stretched over the source."""
    grid = np.indices(weight.shape) + 0.5
    places = (grid * weight).sum(axis=(1, 2)) / weight.sum()
    return places * np.array(size) / np.array(weight.shape)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_it_aligns_with_the_source_within_half_a_pixel(hand: RoomByHand, name: str) -> None:
    geometry = GEOMETRIES[name]
    drawn = draw(hand, geometry)
    assert drawn.ndim == 3
    assert max(drawn.shape[:2]) == min(LONGEST_SIDE, max(geometry.source_size))
    heat = np.nan_to_num(Heatmap(GRID, geometry, "covid", "cam").on_source())
    seen = np.where(drawn[:, :, :3].any(axis=2), drawn[:, :, 3].astype(float), 0)
    off = np.abs(centre(seen, geometry.source_size) - centre(heat, geometry.source_size))
    a_drawn_pixel = np.array(geometry.source_size) / drawn.shape[:2]
    assert (off <= 0.5 * np.maximum(a_drawn_pixel, 1)).all()


def test_what_the_network_never_saw_is_dimmed(hand: RoomByHand) -> None:
    drawn = draw(hand, GEOMETRIES["cropped"])
    assert drawn[0, 0].tolist() == drawn[-1, -1].tolist() == [0, 0, 0, 128]
    middle = drawn[:, :, 3][drawn.shape[0] // 2]
    assert middle.min() == 0


def test_a_map_that_says_nothing_is_empty(hand: RoomByHand) -> None:
    assert draw(hand, GEOMETRIES["small"], -GRID).max() == 0
