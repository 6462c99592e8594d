from dataclasses import replace

import numpy as np
import pytest

from cxrlens.report import Case
from cxrlens.report.evidence import (
    LESION_RGB,
    draw_evidence,
    draw_lesion,
    find_map,
    has_evidence,
    to_colour,
)
from cxrlens.vocabulary import Geometry, Heatmap, InputError

GEOMETRY = Geometry((40, 60), (8, 8), 0.0, 0.0, 40.0, 60.0)
GREY = np.random.default_rng(0).uniform(0, 1, (40, 60)).astype(np.float32)


def heat(*rows: list[float]) -> Heatmap:
    return Heatmap(np.array(rows, np.float32), GEOMETRY, "pneumonia", "cam")


@pytest.mark.parametrize(
    "grid", [[0.0, 0.0], [2.0, 2.0], [np.nan, 1.0], [np.inf, 1.0], [-2.0, -1.0], [-1.0, 0.0]]
)
def test_a_map_without_evidence_is_not_drawn_as_heat(grid: list[float]) -> None:
    assert not has_evidence(heat(grid))
    assert (draw_evidence(GREY, heat(grid)) == to_colour(GREY)).all()


def test_evidence_is_drawn_on_its_side_only() -> None:
    drawn = draw_evidence(GREY, heat([-1.0, -1.0, 1.0, 1.0]))
    assert (drawn[:, :30] == to_colour(GREY)[:, :30]).all()
    assert (drawn[:, 31:] != to_colour(GREY)[:, 31:]).any(axis=2).all()


def test_a_map_of_another_image_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(40, 60\) pixels; got one of \(10, 10\)"):
        draw_evidence(np.zeros((10, 10), np.float32), heat([0.0, 1.0]))


def test_maps_are_found_by_class(cases: tuple[Case, ...]) -> None:
    prediction = cases[0].prediction
    for name in prediction.classes:
        found = find_map(prediction, name)
        assert found is not None
        assert found.class_name == name
    assert find_map(prediction, None) is None
    assert find_map(replace(prediction, heatmaps=()), "normal") is None


def test_the_lesions_contour_survives_a_thumbnail() -> None:
    image = np.zeros((1500, 1500, 3), np.uint8)
    mask = np.zeros((1500, 1500), bool)
    mask[500:900, 400:700] = True
    drawn = draw_lesion(image, mask)
    assert (drawn[700, 395:400] == LESION_RGB).all()
    assert not drawn[mask].any()
