from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from cxrlens.report import Case, draw_cases, draw_one_per_class, save_figure
from cxrlens.report.evidence import draw_evidence
from cxrlens.vocabulary import NOT_A_DEVICE, InputError


def list_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def show_grey(case: Case) -> np.ndarray:
    return np.repeat(np.rint(case.pixels * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def read_picture(axes: Axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def find_colour(figure: Figure, start: str) -> tuple[float, float, float]:
    return next(to_rgb(t.get_color()) for t in figure.texts if t.get_text().startswith(start))


def test_every_case_is_titled_and_a_mistake_is_told_by_words(cases: tuple[Case, ...]) -> None:
    figure = draw_cases(cases, title="A sample", notes=["a note"])
    texts = list_texts(figure)
    assert "A sample" in texts
    assert "a note" in texts
    assert NOT_A_DEVICE in texts
    said = [text for text in texts if text.startswith("predicted: ")]
    true = [text for text in texts if "true: " in text]
    assert len(said) == len(true) == len(figure.axes) == len(cases)
    assert any(case.is_right is False for case in cases)
    for case, one, other in zip(cases, said, true, strict=True):
        p = max(case.prediction.probabilities)
        assert one == f"predicted: {case.prediction.decision} ({p:.2f})"
        verdict = "right" if case.truth == case.prediction.decision else "WRONG"
        assert other == f"{verdict}, true: {case.truth}"
        assert "/".join(case.name.split("/")[-2:]) in texts
    right, wrong = find_colour(figure, "right"), find_colour(figure, "WRONG")
    assert right[1] > right[0]
    assert wrong[0] > wrong[1]


def test_pictures_are_the_evidence_or_the_bare_image(cases: tuple[Case, ...]) -> None:
    bare = replace(cases[0], mask=None)
    heatmap = bare.prediction.heatmap
    assert heatmap is not None
    expected = {False: show_grey(bare), True: draw_evidence(bare.pixels, heatmap)}
    for with_maps, picture in expected.items():
        (axes,) = draw_cases([bare], with_maps=with_maps).axes
        assert (read_picture(axes) == picture).all()
    assert any("cam" in text for text in list_texts(draw_cases([bare])))
    assert not any("cam" in text for text in list_texts(draw_cases([bare], with_maps=False)))


def test_the_lesion_is_explained_only_where_it_is_drawn(cases: tuple[Case, ...]) -> None:
    sick = next(case for case in cases if case.mask is not None and case.mask.any())
    assert "Cyan line: the true finding." in list_texts(draw_cases([sick]))
    healthy = replace(sick, mask=np.zeros_like(sick.mask))
    assert "Cyan line: the true finding." not in list_texts(draw_cases([healthy]))


def test_a_map_without_evidence_is_said_to_be_one(cases: tuple[Case, ...]) -> None:
    maps = tuple(replace(m, grid=-abs(m.grid) - 1) for m in cases[0].prediction.heatmaps)
    case = replace(cases[0], prediction=replace(cases[0].prediction, heatmaps=maps))
    assert any(text.startswith("no evidence found") for text in list_texts(draw_cases([case])))


def test_without_any_truth_nothing_is_said_of_it(cases: tuple[Case, ...]) -> None:
    unknown = [replace(case, truth=None) for case in cases]
    assert not any("true" in text for text in list_texts(draw_cases(unknown, with_maps=False)))
    mixed = list_texts(draw_cases([cases[0], *unknown[1:]], with_maps=False))
    assert mixed.count("truth not known") == len(cases) - 1


def test_several_classes_are_all_named(cases: tuple[Case, ...]) -> None:
    names = cases[0].prediction.classes
    prediction = replace(
        cases[0].prediction,
        is_multilabel=True,
        decision=names[1],
        decisions=(names[1], names[3]),
        probabilities=(0.1, 0.9, 0.2, 0.6),
    )
    labels: dict[str, int | None] = {names[1]: 1, names[3]: 0, names[0]: None}
    several = Case("a", cases[0].pixels, names[1], prediction, None, labels)
    texts = list_texts(draw_cases([several, *cases[:3]], columns=2))
    assert f"predicted: {names[1]} (0.90)" in texts
    assert f"and {names[3]} (0.60)" in texts
    assert f"WRONG, true: {names[1]}" in texts
    assert any("likeliest class" in text for text in texts)
    none = replace(prediction, decision=None, decisions=())
    labels = dict.fromkeys(names, 0)
    texts = list_texts(draw_cases([Case("a", cases[0].pixels, "none of them", none, None, labels)]))
    assert "predicted: none of them" in texts
    assert "right, true: none of them" in texts


def test_pictures_of_a_row_stand_side_by_side(cases: tuple[Case, ...]) -> None:
    names = cases[0].prediction.classes
    many = replace(cases[0].prediction, is_multilabel=True, decisions=names)
    case = replace(cases[0], truth=None, prediction=many)
    figure = draw_cases([case, cases[1]])
    figure.canvas.draw()
    assert "and 1 more" in list_texts(figure)
    tops = [axes.get_window_extent().y1 for axes in figure.axes]
    assert tops[0] == pytest.approx(tops[1])
    assert min(text.get_window_extent().y0 for text in figure.texts[:5]) >= tops[0] - 2


@pytest.mark.parametrize("shape", [(300, 700), (700, 300), (40, 40)])
def test_proportions_are_kept_and_nothing_overlaps(
    cases: tuple[Case, ...], shape: tuple[int, int], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).random(shape).astype(np.float32)
    prediction = replace(cases[0].prediction, heatmaps=())
    odd = Case("x/" + "W" * 300, pixels, "M" * 200, prediction)
    figure = draw_cases([odd, cases[0], cases[1], odd, cases[2]], columns=3, title="T" * 500)
    save_figure(tmp_path / "a.png", figure)
    first = figure.axes[0].get_window_extent()
    assert first.height / first.width == pytest.approx(shape[0] / shape[1], rel=0.02)
    renderer = figure.canvas.get_renderer()
    boxes = [thing.get_window_extent(renderer) for thing in (*figure.texts, *figure.axes)]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        for other in boxes[:number]:
            # Boxes of letters hold room for descenders that single lines need not have.
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            along = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across <= 2 or along <= 3
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == figure.canvas.get_width_height()


@pytest.mark.parametrize(
    "name", ["患者.png", "a$_b^$c$.png", "a\nb.png", "\udcff.png", "\u202egnp.exe", "_x", ""]
)
def test_any_name_can_be_drawn(cases: tuple[Case, ...], name: str, tmp_path: Path) -> None:
    prediction = replace(cases[0].prediction, decision=name, classes=(name, "b"), heatmaps=())
    case = replace(cases[0], name=name, truth=name, prediction=prediction)
    save_figure(tmp_path / "a.png", draw_cases([case], title=name, notes=[name]))
    save_figure(tmp_path / "b.png", draw_one_per_class([case], title=name, notes=[name]))


def test_each_class_has_its_first_case_right_or_wrong(cases: tuple[Case, ...]) -> None:
    figure = draw_one_per_class(cases[::-1])
    first = {case.truth: case for case in cases}  # the last one of each is the first from behind
    classes = [name for name in cases[0].prediction.classes if name in first]
    texts = list_texts(figure)
    for name, raw in zip(classes, figure.axes[::2], strict=True):
        assert (read_picture(raw) == show_grey(first[name])).all()
    for raw, seen in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        assert (read_picture(raw) != read_picture(seen)).any()
    missing = [name for name in cases[0].prediction.classes if name not in first]
    assert missing
    assert f"No case of: {', '.join(missing)}." in texts


def test_what_cannot_be_drawn_is_said(cases: tuple[Case, ...]) -> None:
    with pytest.raises(InputError, match="no case"):
        draw_cases([])
    with pytest.raises(InputError, match="none of the 1 cases"):
        draw_one_per_class([replace(cases[0], truth=None)])
    with pytest.raises(InputError, match="0 columns"):
        draw_cases(cases, columns=0)
    with pytest.raises(InputError, match="source image"):
        draw_cases([replace(cases[0], pixels=cases[0].pixels[:100], mask=None)])
