import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from cxrlens.report import Case, Sample, draw, draw_grid
from cxrlens.vocabulary import NOT_A_DEVICE, InputError, Refusal


def read_texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(lambda x: hasattr(x, "get_text")))


def save(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file)
    return file.getvalue()


def test_bars_are_the_probabilities_and_the_decision_stands_out(cases: tuple[Case, ...]) -> None:
    prediction = cases[0].prediction
    figure = draw(prediction, cases[0].pixels)
    bars = figure.axes[1].patches
    assert [bar.get_width() for bar in bars] == pytest.approx(prediction.probabilities)
    colours = [bar.get_facecolor() for bar in bars]
    decided = prediction.classes.index(prediction.decision or "")
    assert [c for c in colours if colours.count(c) == 1] == [colours[decided]]
    texts = read_texts(figure)
    assert f"decided: {prediction.decision} (argmax)" in texts
    assert NOT_A_DEVICE in texts
    assert save(figure).startswith(b"\x89PNG")


def test_a_refused_image_stands_beside_the_reason(cases: tuple[Case, ...]) -> None:
    refusal = Refusal("a.png", "truncated", "the file ends early")
    prediction = replace(cases[0].prediction, decision=None, probabilities=(), refusal=refusal)
    texts = read_texts(draw(prediction, cases[0].pixels))
    assert "refused" in texts
    assert "the file ends early" in texts


def test_no_maps_no_heat(cases: tuple[Case, ...]) -> None:
    figure = draw(replace(cases[0].prediction, heatmaps=()), cases[0].pixels)
    assert np.asarray(figure.axes[0].images[0].get_array()).ndim == 2


@pytest.mark.parametrize(
    "name", ["患者.png", "a$_b^$c$.png", "a\nb.png", "\udcff.png", "\u202egnp.exe", "x" * 300]
)
def test_any_name_can_be_drawn(cases: tuple[Case, ...], name: str) -> None:
    case = cases[0]
    classes = (name, *case.prediction.classes[1:])
    prediction = replace(case.prediction, image=name, classes=classes)
    assert save(draw(prediction, case.pixels))
    assert save(draw_grid([Sample(name, case.pixels, case.pixels)]))


def test_another_images_map_is_refused(cases: tuple[Case, ...]) -> None:
    with pytest.raises(InputError, match="source image"):
        draw(cases[0].prediction, cases[0].pixels[:100])


@pytest.mark.parametrize("n", [1, 3, 4])
def test_the_grid_shows_raw_beside_seen(cases: tuple[Case, ...], n: int) -> None:
    samples = [Sample(f"label {i}", c.pixels, c.pixels[::4, ::4]) for i, c in enumerate(cases[:n])]
    figure = draw_grid(samples)
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    for sample, raw, seen in zip(samples, shown[::2], shown[1::2], strict=True):
        assert (np.asarray(raw) == sample.raw).all()
        assert (np.asarray(seen) == sample.seen).all()
        assert sample.label in read_texts(figure)
    assert save(figure)
