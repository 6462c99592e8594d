"""The card of maps: who explains what, and figures made a second time from single maps.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxrlens.data import StudyTable, read_table, write_phantoms
from cxrlens.evaluation import BASELINES, MapCard, correlate_maps, score_heatmap
from cxrlens.explanation import find_method
from cxrlens.imaging import find_lung_field, read_mask, read_radiograph
from cxrlens.model import CardOptions, Model, load, make_map_card, run_training
from cxrlens.model.map_truth import fill_boxes
from cxrlens.model.mean_masks import MeanMasks
from cxrlens.model.unseen_maps import deal_owners
from cxrlens.training import load_recipe
from cxrlens.vocabulary import Box, InputError, TableError

METHODS = tuple((find_method(name), find_method(name).read_settings({}))
                for name in ("cam", "gradcam"))  # fmt: skip


@pytest.fixture(scope="module")
def folds(
    phantom_folder: Path, quick: list[str], tmp_path_factory: pytest.TempPathFactory
) -> list[Model]:
    """The models of two folds."""
    folder = tmp_path_factory.mktemp("folds")
    run_training(read_table(phantom_folder), load_recipe("phantom", quick), folder, folds=2)
    return [load(folder / f"fold{number}" / "bundle") for number in (1, 2)]


@pytest.fixture(scope="module")
def table(phantom_folder: Path) -> StudyTable:
    return read_table(phantom_folder)


@pytest.fixture(scope="module")
def card(folds: list[Model], table: StudyTable) -> MapCard:
    return make_map_card(folds, table, CardOptions(METHODS, n_checked=3), others=folds[::-1])


def _owner(folds: list[Model], image: str) -> Model:
    digest = read_radiograph(image).digest
    (owner,) = [model for model in folds if digest not in model.bundle.seen]
    return owner


def test_each_image_is_explained_by_the_model_that_never_saw_it(
    card: MapCard, folds: list[Model], table: StudyTable
) -> None:
    """Hit rates, average precision and heat in the lungs from one map at a time."""
    reports = {(one.class_name, one.method): one for one in card.methods}
    masked = [row for row in table.frame.itertuples() if row.mask is not None]
    for name in ("covid", "pneumonia"):
        rows = [row for row in masked if row.label == name]
        for method in ("cam", "gradcam", "centre"):
            scores = [
                score_heatmap(
                    _owner(folds, row.image).explain(row.image, method, name), read_mask(row.mask)
                )
                for row in rows
            ]
            values = {f.name: f.estimate.value for f in reports[name, method].figures}
            assert values["hit rate"] == pytest.approx(np.mean([s.hit for s in scores]))
            expected = np.mean([s.average_precision for s in scores])
            assert values["pixel average precision"] == pytest.approx(expected, abs=1e-4)
            assert reports[name, method].n_images == len(rows)
    inside = []
    for row in table.frame.itertuples():
        heatmap = _owner(folds, row.image).explain(row.image, "cam", row.label)
        field = find_lung_field(read_radiograph(row.image).pixels)
        if field.confidence >= 0.5:  # else it is no lung that heat could be held against
            inside.append(score_heatmap(heatmap, field.mask).heat_inside)
    (own,) = [one for one in card.lungs if one.method == "cam"]
    assert own.n_images == len(table)
    assert own.heat_inside.value == pytest.approx(np.mean(inside), abs=1e-4)


def test_the_card_holds_every_method_and_says_what_it_is_of(card: MapCard) -> None:
    assert {one.method for one in card.methods} == {"cam", "gradcam", *BASELINES}
    assert {one.method for one in card.checks} == {"cam", "gradcam", "centre", "random"}
    for check in card.checks:
        is_own = check.method in ("cam", "gradcam")
        assert (len(check.randomised) == 5) == is_own
        assert (check.seeds is not None) == is_own
        assert check.n_images == 3
        assert check.milliseconds > 0
    assert not card.has_true_lungs
    assert card.n_seen == 0
    assert any("phantom" in note or "drawn" in note.lower() for note in card.notes)
    assert set(card.mean_masks) == {"covid", "pneumonia"}


@given(st.data(), st.integers(1, 4), st.integers(1, 20))
def test_whoever_explains_a_row_never_saw_it(
    data: st.DataObject, n_models: int, n_rows: int
) -> None:
    size = n_models * n_rows
    flags = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    numbers = data.draw(st.lists(st.integers(0, 5), min_size=n_rows, max_size=n_rows))
    is_new, patients = np.array(flags).reshape(n_models, n_rows), np.array(numbers)
    owner = deal_owners(is_new, patients)
    for row in range(n_rows):
        assert (owner[row] == -1) == (not is_new[:, row].any())
        assert owner[row] == -1 or is_new[owner[row], row]
    strange = deal_owners(np.ones((n_models, 6), dtype=bool), np.array([0, 0, 1, 2, 3, 4]))
    assert strange[0] == strange[1]
    assert set(strange) == {*range(n_models)}


def test_data_that_no_fold_saw_have_mean_masks(folds: list[Model], tmp_path: Path) -> None:
    """Drawn anew; one image cannot be read, and one mask is empty: both are told of."""
    write_phantoms(tmp_path / "new", 36, seed=91, findings=("normal", "pneumonia", "covid"))
    table = read_table(tmp_path / "new")
    masked = table.frame[table.frame["mask"].notna()]
    Path(masked["image"].iloc[0]).write_bytes(b"no image")
    with Image.open(masked["mask"].iloc[1]) as mask:
        empty = Image.new("L", mask.size)
    empty.save(masked["mask"].iloc[1])
    card = make_map_card(folds, table, CardOptions(METHODS[:1], n_checked=1))
    told = " ".join(card.notes)
    assert "1 images were refused; the first: " in told
    assert "1 masks cannot be used; the first: " in told
    assert "their mean mask is empty" not in told
    means = [one for one in card.methods if one.method == "mean-mask"]
    assert len(means) == 2
    for one in means:  # an empty mask has no heat at all
        assert {f.name: f.estimate.value for f in one.figures}["heat inside"] > 0


def test_a_mean_mask_is_of_other_parts() -> None:
    masks = [np.full((2, 2), value, dtype=np.float32) for value in (0.0, 0.2, 0.4, 1.0)]
    means = MeanMasks(masks, ["a", "a", "a", "b"], np.array([0, 0, 1, 1]))
    assert means.of_others(0)[0, 0] == pytest.approx(0.4)
    assert means.of_others(2)[0, 0] == pytest.approx(0.1)
    assert means.of_others(3).tolist() == [[0, 0], [0, 0]]
    assert means.of_all()["a"][0, 0] == pytest.approx(0.2)
    assert means.count_alone() == 1


def test_boxes_fill_the_pixels_whose_centre_they_hold() -> None:
    mask = fill_boxes([Box("a", 1.4, 0.0, 2.0, 1.5), Box("a", -3.0, 3.6, 4.0, 9.0)], (5, 6))
    expected = np.zeros((5, 6), dtype=bool)
    expected[0, 1:3] = True  # centres 1.5 and 2.5 in 1.4 … 3.4; rows 0.5 in 0 … 1.5
    expected[4, 0] = True
    np.testing.assert_array_equal(mask, expected)


def test_what_cannot_be_judged_is_named(folds: list[Model], table: StudyTable) -> None:
    options = CardOptions(METHODS)
    with pytest.raises(TableError, match="no column 'lung' for the lungs"):
        make_map_card(folds, table, CardOptions(METHODS, lung_column="lung"))
    with pytest.raises(TableError, match="1 models of other seeds do not fit 2 folds"):
        make_map_card(folds, table, options, others=folds[:1])
    seen = [read_radiograph(image).digest in folds[0].bundle.seen for image in table.images]
    with pytest.raises(TableError, match="used to train these models"):
        make_map_card([folds[0]], table.take(np.flatnonzero(seen)), options)


def test_maps_of_one_model_agree_with_themselves(folds: list[Model], table: StudyTable) -> None:
    image = table.images[0]
    first, again = (folds[0].explain(image, "gradcam") for _ in range(2))
    assert correlate_maps([first], [again])[0] == pytest.approx(1)


def test_models_of_two_kinds_are_refused(
    folds: list[Model], phantom_folder: Path, quick: list[str], tmp_path: Path
) -> None:
    other = [*quick[2:], "height=96", "width=96", "epochs=1"]
    (tmp_path / "other").mkdir()
    run_training(read_table(phantom_folder), load_recipe("phantom", other), tmp_path / "other")
    with pytest.raises(InputError, match="same preprocessing"):
        make_map_card(
            [folds[0], load(tmp_path / "other" / "bundle")],
            read_table(phantom_folder),
            CardOptions(METHODS),
        )
