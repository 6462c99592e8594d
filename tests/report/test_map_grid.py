from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cxrlens.report import Case, draw_maps
from cxrlens.report.evidence import LESION_RGB
from cxrlens.vocabulary import NOT_A_DEVICE, Geometry, Heatmap, InputError

GREY = 0.5


def make_case(case: Case, grids: dict[str, list[list[float]]]) -> Case:
    """The case with other pixels and maps: all grey, 256 x 256."""
    geometry = Geometry((256, 256), (224, 224), 0.0, 0.0, 256.0, 256.0)
    nothing = [[0.0, 0.0]]
    maps = tuple(
        Heatmap(np.array(grids.get(name, nothing), np.float32), geometry, name, "cam")
        for name in case.prediction.classes
    )
    pixels = np.full((256, 256), GREY, np.float32)
    return replace(
        case, pixels=pixels, mask=None, prediction=replace(case.prediction, heatmaps=maps)
    )


def read_picture(axes: Axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array()).astype(int)


def list_titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_orange_speaks_for_and_purple_against_on_one_scale(cases: tuple[Case, ...]) -> None:
    names = cases[0].prediction.classes[:2]
    strong, weak = [[4.0, -4.0]], [[1.0, -1.0]]
    case = make_case(cases[0], dict(zip(names, (strong, weak), strict=True)))
    bare, first, second = map(read_picture, draw_maps([case], names).axes)
    grey = bare[0, 0]
    assert (bare == grey).all()
    for picture in (first, second):
        red, _, blue = picture[128, 0]
        assert red > blue  # orange on the left, where it is positive
        red, _, blue = picture[128, -1]
        assert blue > red
    # A quarter of the strength: the same scale, so less colour than the other map has.
    assert np.abs(second[128, 0] - grey).max() < np.abs(first[128, 0] - grey).max() / 2
    assert np.abs(first[128, 128] - grey).max() <= 2  # halfway lies zero


def test_it_says_what_each_picture_is(cases: tuple[Case, ...]) -> None:
    case = next(one for one in cases if one.mask is not None and one.mask.any())
    names = case.prediction.classes
    figure = draw_maps([case], title="Maps")
    bare, *maps = list_titles(figure)
    assert bare.startswith("predicted: ")
    assert f"true: {case.truth}" in bare
    for name, title, logit in zip(names, maps, case.prediction.logits, strict=True):
        assert title == f"{name}:\nlogit {logit:+.2f}"
    pictures = [read_picture(axes) for axes in figure.axes]
    has_lesion = [bool((picture == LESION_RGB).all(axis=-1).any()) for picture in pictures]
    assert has_lesion == [False, *(True for _ in names)]
    under = str(getattr(figure, "_supxlabel").get_text())  # noqa: B009 (matplotlib has no other way)
    assert "Cyan line" in under.replace("\n", " ")
    assert NOT_A_DEVICE in under
    assert len(draw_maps(cases[:3], names[:1], columns=2).axes) == 6


def test_a_map_that_is_zero_everywhere_leaves_the_image(cases: tuple[Case, ...]) -> None:
    name = cases[0].prediction.classes[0]
    bare, tinted = map(
        read_picture, draw_maps([make_case(cases[0], {name: [[0.0, 0.0]]})], [name]).axes
    )
    assert (bare == tinted).all()


def test_what_cannot_be_drawn_is_refused(cases: tuple[Case, ...]) -> None:
    with pytest.raises(InputError, match="0 cases in 2 columns"):
        draw_maps([])
    with pytest.raises(InputError, match="no map for 'scoliosis'"):
        draw_maps(cases[:1], ["scoliosis"])
    small = replace(cases[0], pixels=cases[0].pixels[:100], mask=None)
    with pytest.raises(InputError, match="hand in the source image"):
        draw_maps([small])
