"""Splits: disjoint by patient, complete, repeatable.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from cxrlens.data import StudyTable, complete_split, fold_table, read_table
from cxrlens.data.allotment import cut_share, deal_folds, list_patients
from cxrlens.data.study_table import make_frame
from cxrlens.vocabulary import TableError

Row = tuple[str, str | None, str | None]
"""Label, patient, part."""


def make(rows: list[Row]) -> StudyTable:
    frame = make_frame(
        {
            "image": [f"r/{i:05d}.png" for i in range(len(rows))],
            "label": [row[0] for row in rows],
            "patient_id": [row[1] for row in rows],
            "split": [row[2] for row in rows],
        }
    )
    return StudyTable(frame, tuple(sorted({row[0] for row in rows})), "r")


def singles(counts: dict[str, int], part: str | None = None, prefix: str = "") -> list[Row]:
    """Patients of one image each."""
    return [(label, f"{prefix}{label}{i}", part) for label, n in counts.items() for i in range(n)]


def check(table: StudyTable) -> None:
    """Every image in one part, every class in every part, no patient in two."""
    parts_of: dict[str, set[str]] = {}
    for patient, part in zip(table.patients, table.frame["split"], strict=True):
        assert part in ("train", "val", "test")
        if patient is not None:
            parts_of.setdefault(patient, set()).add(part)
    assert all(len(parts) == 1 for parts in parts_of.values())
    assert all(min(counts.values()) > 0 for counts in table.counts.values())
    assert list(table.counts) == ["train", "val", "test"]


# Three patients of one class only, for each class, and any others, mixed or unknown.
ANY_ROWS = st.lists(
    st.tuples(st.sampled_from("NPC"), st.none() | st.sampled_from("abcdefghijkl"), st.none()),
    max_size=60,
).map(lambda rows: rows + singles({"N": 5, "P": 3, "C": 4}, prefix="own-"))


@settings(max_examples=150, deadline=None)
@given(ANY_ROWS, st.integers(0, 5), st.floats(0.05, 0.5), st.floats(0.05, 0.5))
def test_any_table_is_split_by_patient(
    rows: list[Row], seed: int, validation: float, test: float
) -> None:
    table = make(rows)
    done = complete_split(table, seed=seed, validation=validation, test=test)
    check(done)
    assert done.images == table.images
    again = complete_split(table, seed=seed, validation=validation, test=test)
    assert list(again.frame["split"]) == list(done.frame["split"])
    assert again.notes == done.notes


@settings(max_examples=50, deadline=None)
@given(ANY_ROWS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_rows_plays_no_part(rows: list[Row], seed: int, random: object) -> None:
    table = make(rows)
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, two = complete_split(table, seed=seed), complete_split(table.take(order), seed=seed)
    part_of = dict(zip(two.images, two.frame["split"], strict=True))
    assert [part_of[image] for image in one.images] == list(one.frame["split"])


@settings(max_examples=60, deadline=None)
@given(ANY_ROWS, st.integers(2, 3), st.integers(0, 5))
def test_folds_test_every_image_once(rows: list[Row], folds: int, seed: int) -> None:
    table = make(rows + singles({"N": 2, "P": 2, "C": 2}, prefix="more-"))
    made = fold_table(table, folds=folds, seed=seed)
    assert len(made) == folds
    for one in made:
        check(one)
        assert one.images == table.images
    tested = Counter(image for one in made for image in one.split("test").images)
    assert tested == Counter(table.images)
    again = fold_table(table, folds=folds, seed=seed)
    assert [list(a.frame["split"]) for a in again] == [list(a.frame["split"]) for a in made]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(20, 150), st.integers(20, 150), st.integers(0, 9),
    st.floats(0.1, 0.4), st.floats(0.1, 0.4),
)  # fmt: skip
def test_shares_of_single_images_are_exact_to_one_image(
    normal: int, ill: int, seed: int, validation: float, test: float
) -> None:
    done = complete_split(
        make(singles({"N": normal, "P": ill})), seed=seed, validation=validation, test=test
    )
    for name, n in (("N", normal), ("P", ill)):
        in_test = done.counts["test"][name]
        assert abs(in_test - test * n) <= 0.5 + 1e-9
        assert abs(done.counts["val"][name] - validation * (n - in_test)) <= 0.5 + 1e-9


def test_seeds_differ_and_zero_is_one_of_them() -> None:
    table = make(singles({"N": 40, "P": 40}))
    splits = {tuple(complete_split(table, seed=seed).frame["split"]) for seed in range(10)}
    assert len(splits) == 10
    folds = {tuple(fold_table(table, folds=4, seed=seed)[0].frame["split"]) for seed in range(10)}
    assert len(folds) == 10


def test_every_patient_is_as_likely_to_be_tested_on() -> None:
    """Over many seeds each of 20 patients is in the test part in about a fifth of them."""
    table = make(singles({"N": 20, "P": 20}))
    n = 150
    hits = sum(
        (complete_split(table, seed=seed).frame["split"] == "test").to_numpy() for seed in range(n)
    )
    deviation = np.sqrt(n * 0.2 * 0.8)
    assert np.abs(hits - 0.2 * n).max() < 4.5 * deviation


def test_folds_are_at_least_as_even_as_scikit_learn_s() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.geometric(0.4, 200)
    rows = [("NP"[i % 2], f"p{i}", None) for i, size in enumerate(sizes) for _ in range(size)]
    table = make(rows)
    made = fold_table(table, folds=5, seed=0)
    ours = np.array([[one.counts["test"][name] for name in "NP"] for one in made])
    y = np.array([row[0] for row in rows])
    groups = np.array([row[1] for row in rows])
    theirs = np.array(
        [
            [np.sum(y[test] == name) for name in "NP"]
            for _, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(y, y, groups)
        ]
    )
    assert ours.sum(axis=0).tolist() == theirs.sum(axis=0).tolist()
    assert (np.ptp(ours, axis=0) <= np.maximum(np.ptp(theirs, axis=0), 1)).all()


def test_a_given_split_is_kept_and_only_what_is_missing_is_cut() -> None:
    rows = singles({"N": 50, "P": 60}, "train") + singles({"N": 9, "P": 9}, "test", "t")
    done = complete_split(make(rows), seed=0)
    check(done)
    parts = list(done.frame["split"])
    assert parts[110:] == ["test"] * 18
    assert done.counts["val"] == {"N": 7, "P": 9}  # 0.15 of 50 is 7.5; the lower of two as near
    assert done.notes == (
        "The data bring a split (images: train 110, test 18).",
        "The val part (16 images of 16 patients) was cut from train: patient-disjoint, stratified "
        "by class, seed 0.",
    )


def test_a_whole_split_of_good_size_is_left_alone() -> None:
    rows = [
        row for part in ("train", "val", "test") for row in singles({"N": 20, "P": 20}, part, part)
    ]
    done = complete_split(make(rows), seed=0)
    assert list(done.frame["split"]) == [row[2] for row in rows]
    assert done.notes == ("The data bring a split (images: train 40, val 40, test 40).",)


@pytest.mark.parametrize(
    ("val", "why"),
    [
        ({"N": 8, "P": 8}, "16 images, fewer than 40"),
        ({"N": 20, "P": 19}, "39 images, fewer than 40"),
        ({"N": 9, "P": 91}, "patients: N 9, P 91; fewer than 10 of a class"),
    ],
)
def test_a_val_part_too_small_to_choose_on_is_replaced(val: dict[str, int], why: str) -> None:
    rows = singles({"N": 100, "P": 100}, "train") + singles(val, "val", "v")
    rows += singles({"N": 10, "P": 10}, "test", "t")
    done = complete_split(make(rows), seed=0)
    check(done)
    assert done.notes[1] == (
        f"The supplied val part is too small to choose an epoch on ({why}): merged into train."
    )
    assert sum(done.counts["val"].values()) == round(0.15 * (200 + sum(val.values())))
    assert done.counts["test"] == {"N": 10, "P": 10}


def test_patients_on_both_sides_of_a_given_split_are_told() -> None:
    rows = singles({"N": 30, "P": 30}, "train") + singles({"N": 30, "P": 30}, "val", "v")
    rows += [("N", "N0", "test"), ("N", "N1", "test"), ("P", "P0", "test"), ("P", "vP0", "test")]
    done = complete_split(make(rows), seed=0)
    assert list(done.frame["split"]) == [row[2] for row in rows]
    assert done.notes[1:] == (
        "3 patient numbers (6 images) stand in both train and test of the supplied split: a leak, "
        "or a numbering that restarts in each part.",
        "1 patient numbers (2 images) stand in both val and test of the supplied split: a leak, "
        "or a numbering that restarts in each part.",
    )


def test_unknown_patients_are_told_and_never_grouped() -> None:
    rows: list[Row] = [(label, None, None) for label in "NP" for _ in range(50)]
    table = make(rows)
    assert len(list_patients(table, range(100))) == 100
    done = complete_split(table, seed=0)
    assert done.counts["test"] == {"N": 10, "P": 10}
    assert "The patient is unknown for 100 of 100 images" in done.notes[-1]
    # A patient who is called like a file is not that file.
    assert len(list_patients(make([("N", "00001.png", None), ("P", None, None)]), range(2))) == 2


def test_folds_leave_a_supplied_test_part_alone_and_pool_the_rest() -> None:
    rows = singles({"N": 20, "P": 20}, "train") + singles({"N": 5, "P": 5}, "test", "t")
    rows += singles({"N": 8, "P": 8}, "val", "v")
    table = make(rows)
    made = fold_table(table, folds=4, seed=0)
    for one in made:
        assert one.images == table.images  # row for row: pixels are decoded in this order
        held_out = [part == "test" for part in table.frame["split"]]
        assert [part is None for part in one.frame["split"]] == held_out
        used = [row for row, is_held_out in enumerate(held_out) if not is_held_out]
        check(one.take(used))
        assert len(used) == 56
        assert one.counts["test"] == {"N": 7, "P": 7}
    assert "The supplied test part (10 images) is in no fold." in made[0].notes


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.2), (1.0, 0.2), (0.1, 0.0), (0.1, 1.5)])
def test_shares_are_checked(validation: float, test: float) -> None:
    table = make(singles({"N": 20, "P": 20}))
    with pytest.raises(TableError, match="must be a share above 0 and below 1; got"):
        complete_split(table, seed=0, validation=validation, test=test)
    if validation in (0.0, 1.0):
        with pytest.raises(TableError, match="validation must be a share"):
            fold_table(table, folds=3, seed=0, validation=validation)


def test_what_cannot_be_split_is_refused_with_counts() -> None:
    few: list[Row] = [("N", f"n{i}", None) for i in range(30)]
    few += [("P", f"p{i % 2}", None) for i in range(30)]
    with pytest.raises(TableError, match="needs 3 or more patients of every class; got N 30, P 2"):
        complete_split(make(few), seed=0)
    with pytest.raises(TableError, match="needs 5 or more patients of every class; got N 30, P 2"):
        fold_table(make(few), folds=5, seed=0)
    with pytest.raises(TableError, match="folds must be 2 or more; got 1"):
        fold_table(make(few), folds=1, seed=0)
    with pytest.raises(TableError, match="the split brings test but no train part"):
        complete_split(make(singles({"N": 3, "P": 3}, "test")), seed=0)
    # Three patients, each with both classes and one of them with nearly all images.
    mixed: list[Row] = [(label, patient, None) for label, patient in product("NP", "ab")]
    mixed += [(label, "c", None) for label in "NP" for _ in range(50)]
    with pytest.raises(TableError, match="no patient-disjoint split gives the"):
        complete_split(make(mixed), seed=0)


def test_a_share_of_patients_with_many_images_is_as_near_as_can_be() -> None:
    """The number taken is the best of all prefixes: tried one by one."""
    rng = np.random.default_rng(0)
    for seed in range(20):
        sizes = rng.integers(1, 9, 12)
        rows: list[Row] = [("N", f"p{i}", None) for i, n in enumerate(sizes) for _ in range(n)]
        patients = list_patients(make(rows), range(len(rows)))
        share = float(rng.uniform(0.1, 0.9))
        got = sum(len(p.rows) for p in patients if p.key in cut_share(patients, share, seed))
        orders = {n: cut_share(patients, n / 100, seed) for n in range(1, 100)}
        sums = [sum(len(p.rows) for p in patients if p.key in keys) for keys in orders.values()]
        best = min(abs(total - share * len(rows)) for total in sums)
        assert abs(got - share * len(rows)) <= best + 1e-9


def test_folds_of_patients_with_many_images_are_even() -> None:
    rows: list[Row] = [("N", f"p{i}", None) for i in range(20) for _ in range(1 + i % 5)]
    patients = list_patients(make(rows), range(len(rows)))
    fold_of = deal_folds(patients, 4, 0)
    sums = [sum(len(p.rows) for p in patients if fold_of[p.key] == fold) for fold in range(4)]
    assert sums == [15, 15, 15, 15]


def test_real_children_are_split_by_patient(shared: Path) -> None:
    table = read_table(shared / "data" / "pneumonia2")
    done = complete_split(table, seed=0)
    check(done)
    for part, share in (("test", 0.2), ("val", 0.8 * 0.15)):
        for name, n in (("NORMAL", 721), ("PNEUMONIA", 1121)):
            assert done.counts[part][name] / n == pytest.approx(share, abs=0.01)
    for one in fold_table(table, folds=5, seed=0):
        check(one)


@pytest.mark.parametrize("classes", [(), ("x",)])
def test_a_split_needs_two_classes(classes) -> None:
    labels = list(classes) * 6 or [None] * 6
    frame = make_frame({"image": [f"{i}.png" for i in range(6)], "label": labels})
    table = StudyTable(frame, classes, ".")
    for split in (complete_split, partial(fold_table, folds=2)):
        with pytest.raises(TableError, match=r"two or more classes|no label"):
            split(table, seed=0)
