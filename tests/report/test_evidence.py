from dataclasses import replace

import matplotlib
import numpy as np
import pytest

from cxrlens.report import Case
from cxrlens.report.evidence import (
    CONTOUR_RGB,
    LESION_RGB,
    draw_contours,
    draw_evidence,
    draw_lesion,
    draw_signed,
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


def test_contours_leave_what_they_surround_as_it_is() -> None:
    white = np.ones((600, 600), np.float32)
    regions = np.zeros((600, 600), bool)
    regions[200:300, 100:250] = True
    drawn = draw_contours(white, regions)
    assert (drawn[regions] == 255).all()
    # from inside to outside: a line of two pixels, its black edge, the image
    assert drawn[250, 250:256].tolist() == [[*CONTOUR_RGB]] * 2 + [[0, 0, 0]] * 2 + [[255] * 3] * 2
    assert (draw_contours(GREY, np.zeros(GREY.shape, bool)) == to_colour(GREY)).all()


def test_signs_share_one_scale() -> None:
    black = np.zeros((40, 60), np.float32)
    drawn = draw_signed(black, heat([-2.0, -2.0, 1.0, 1.0])).astype(int)
    assert drawn[20, 2, 2] > drawn[20, 2, 1]  # against: purple
    assert drawn[20, 57, 0] > drawn[20, 57, 2]  # for: orange
    palette = matplotlib.colormaps["PuOr_r"]
    for column, strength in ((2, -1.0), (57, 0.5)):  # of the largest value either way
        expected = 255 * 0.65 * abs(strength) * np.array(palette((strength + 1) / 2)[:3])
        assert np.abs(drawn[20, column] - expected).max() <= 1
    for nothing in ([1.0, 1.0], [np.nan, 1.0]):
        assert (draw_signed(GREY, heat(nothing)) == to_colour(GREY)).all()
    with pytest.raises(InputError, match="source image"):
        draw_signed(GREY[:9], heat([0.0, 1.0]))
