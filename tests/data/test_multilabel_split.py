"""Several labels an image: parts disjoint by patient, each class in its share."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrlens.data import (
    LABEL_PREFIX,
    StudyTable,
    complete_split,
    fingerprint,
    fold_table,
    make_frame,
    write_split,
)
from cxrlens.data.allotment import list_patients
from cxrlens.vocabulary import TableError

CLASSES = ("A", "B", "C", "rare")


def make(matrix: np.ndarray, patients: list[str | None]) -> StudyTable:
    columns = {
        LABEL_PREFIX + n: matrix[:, i].tolist() for i, n in enumerate(CLASSES[: matrix.shape[1]])
    }
    images = [f"r/{i:05d}.png" for i in range(len(patients))]
    frame = make_frame({"image": images, "patient_id": patients, **columns})
    return StudyTable(frame, CLASSES[: matrix.shape[1]], "r")


def draw(seed: int, n: int) -> StudyTable:
    """Findings that go together, patients of one to five images, 2 % rare."""
    random = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n), random.integers(1, 6, n))
    ill = random.random(n)[patients]
    chances = np.stack([ill * 0.5, ill * 0.3, ill * 0.15, np.full(len(ill), 0.02)], axis=1)
    matrix = (random.random(chances.shape) < chances).astype(float)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    matrix[random.random(matrix.shape) < 0.1] = -1
    return make(matrix, [f"p{i}" for i in patients])


@pytest.mark.parametrize("seed", range(3))
def test_every_class_gets_its_share(seed: int) -> None:
    table = draw(seed, 1500)
    done = complete_split(table, seed=seed, validation=0.2, test=0.2)
    parts: dict[str, set[str]] = {}
    for patient, part in zip(done.patients, done.frame["split"], strict=True):
        parts.setdefault(str(patient), set()).add(part)
    assert all(len(its) == 1 for its in parts.values())
    totals = (table.label_matrix == 1).sum(axis=0)
    for part, share in (("test", 0.2), ("val", 0.16), ("train", 0.64)):
        counts = (done.split(part).label_matrix == 1).sum(axis=0)
        # A patient's images stay together, so that no share is exact.
        assert np.allclose(counts / totals, share, atol=0.06)
        assert abs(len(done.split(part)) / len(table) - share) < 0.04


def test_folds_hold_every_class_alike() -> None:
    table = draw(5, 800)
    folds = fold_table(table, folds=4, seed=1)
    totals = (table.label_matrix == 1).sum(axis=0)
    for fold in folds:
        counts = (fold.split("test").label_matrix == 1).sum(axis=0)
        assert np.allclose(counts / totals, 0.25, atol=0.07)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from([1.0, 0.0, -1.0, float("nan")]), min_size=3, max_size=3),
                  st.none() | st.sampled_from("abcdef")),
        min_size=1, max_size=30,
    )
)  # fmt: skip
def test_the_stratum_is_the_rarest_class(rows: list[tuple[list[float], str | None]]) -> None:
    matrix = np.array([row[0] for row in rows])
    patients = list_patients(make(matrix, [row[1] for row in rows]), range(len(rows)))
    of_class = {n: sum(n in one.classes for one in patients) for n in CLASSES[:3]}
    for one in patients:
        its = matrix[list(one.rows)] == 1
        assert one.classes == tuple(n for n, has in zip("ABC", its.any(axis=0), strict=True) if has)
        if not one.classes:
            assert (one.stratum, one.weight) == ((), len(one.rows))
        else:
            (name,) = one.stratum
            assert of_class[name] == min(of_class[n] for n in one.classes)
            assert one.weight == its[:, "ABC".index(name)].sum()


def test_too_few_patients_are_refused() -> None:
    matrix = np.zeros((60, 2))
    matrix[:30, 0] = 1
    matrix[:2, 1] = 1
    table = make(matrix, [f"p{i}" for i in range(60)])
    with pytest.raises(TableError, match=r"got A 30, B 2: .* choose classes with --column label"):
        complete_split(table, seed=0)


def test_missing_labels_are_refused() -> None:
    frame = make_frame({"image": list("abc"), "label": ["x", "y", None]})
    table = StudyTable(frame, ("x", "y"), ".")
    with pytest.raises(TableError, match="1 of 3 images have no label"):
        complete_split(table, seed=0)
    with pytest.raises(TableError, match="1 of 3 images have no label"):
        fold_table(table, folds=2, seed=0)


def test_it_is_written_down_and_fingerprinted(tmp_path: Path) -> None:
    matrix = np.array([[1.0, np.nan], [0.0, -1.0]])
    table = make(matrix, ["p", None]).with_split(["train", "test"])
    write_split(table, tmp_path / "split.csv")
    assert (tmp_path / "split.csv").read_text() == (
        '"image","label:A","label:B","patient_id","split"\n'
        '"00000.png","1","","p","train"\n"00001.png","0","-1","","test"\n'
    )
    one = fingerprint(table, ["d0", "d1"])
    assert fingerprint(make(matrix[::-1], [None, "p"]), ["d1", "d0"]) == one
    changed = matrix.copy()
    changed[0, 1] = 0
    assert fingerprint(make(changed, ["p", None]), ["d0", "d1"]) != one
