import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from cxrlens.report import Case
from cxrlens.report.thumbnail import LONGEST_SIDE, Panel, draw_panels


def open_panel(panel: Panel) -> np.ndarray:
    head, code = panel.uri.split(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(code)))
    assert image.size == (panel.width, panel.height)
    return np.asarray(image).astype(float)


def test_the_radiograph_stands_first_and_bare(cases: tuple[Case, ...]) -> None:
    for case in cases:
        panel = draw_panels(case)[0]
        assert panel.caption == "radiograph"
        assert np.abs(open_panel(panel).mean(axis=2) - case.pixels * 255).mean() < 4


def test_captions_name_class_and_role(cases: tuple[Case, ...]) -> None:
    right = next(c for c in cases if c.is_right)
    wrong = next(c for c in cases if c.is_right is False)
    decision, truth = wrong.prediction.decision, wrong.truth
    assert [p.caption for p in draw_panels(wrong)][1:] == [f"evidence for {decision}"]
    assert [p.caption for p in draw_panels(wrong, with_truth=True)][1:] == [
        f"evidence for {decision} (decided)",
        f"evidence for {truth} (true)",
    ]
    assert len(draw_panels(right, with_truth=True)) == 2


def test_a_map_that_says_nothing_is_named_as_such(cases: tuple[Case, ...]) -> None:
    case = cases[0]
    maps = tuple(replace(m, grid=np.zeros((4, 4), np.float32)) for m in case.prediction.heatmaps)
    flat = replace(case, prediction=replace(case.prediction, heatmaps=maps), mask=None)
    bare, empty = draw_panels(flat)
    assert empty.caption == f"no evidence found for {case.prediction.decision}"
    assert empty.uri == bare.uri


def test_the_true_lesion_is_outlined(cases: tuple[Case, ...]) -> None:
    case = next(c for c in cases if c.mask is not None and c.mask.any())
    with_mask, without = draw_panels(case)[1], draw_panels(replace(case, mask=None))[1]
    assert np.abs(open_panel(with_mask) - open_panel(without)).max() > 60


def test_a_case_without_maps_is_one_picture(cases: tuple[Case, ...]) -> None:
    bare = replace(cases[0], prediction=replace(cases[0].prediction, heatmaps=()))
    assert len(draw_panels(bare, with_truth=True)) == 1


def test_large_images_shrink(cases: tuple[Case, ...]) -> None:
    tall = np.random.default_rng(0).uniform(0, 1, (900, 450)).astype(np.float32)
    bare = replace(cases[0].prediction, heatmaps=())
    (panel,) = draw_panels(Case("a", tall, None, bare))
    assert (panel.width, panel.height) == (LONGEST_SIDE // 2, LONGEST_SIDE)


def test_of_several_labels_the_likeliest_and_the_worst_mistake_are_shown(
    several_case: Case,
) -> None:
    def caption(case: Case) -> list[str]:
        return [panel.caption for panel in draw_panels(case, with_truth=True)][1:]

    assert [panel.caption for panel in draw_panels(several_case)][1:] == [
        "evidence for pneumonia (decided)"
    ]
    assert caption(several_case) == [
        "evidence for pneumonia (decided)",
        "evidence for opacity (missed)",
    ]
    labels = several_case.labels
    assert labels is not None
    assert caption(replace(several_case, labels={**labels, "pneumonia": 0})) == [
        "evidence for pneumonia (false alarm)"
    ]
    unknown = replace(several_case, labels=dict.fromkeys(labels))
    assert caption(unknown) == ["evidence for pneumonia (decided)"]
    none = replace(several_case.prediction, decision=None, decisions=())
    assert caption(replace(unknown, prediction=none)) == ["evidence for pneumonia (not decided)"]
