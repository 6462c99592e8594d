"""Two files of predictions and a collection: what is joined, and what cannot be."""

from pathlib import Path

import numpy as np
import pytest

from cxrlens.data import StudyTable, make_frame
from cxrlens.report import Answers, join_study, pair_answers, read_answers
from cxrlens.vocabulary import TableError

HEADER = "image,N,P,truth,patient"


def read(path: Path, *lines: str, header: str = HEADER) -> Answers:
    path.write_text("\n".join([header, *lines]) + "\n")
    return read_answers(path)


@pytest.fixture
def first(tmp_path: Path) -> Answers:
    return read(tmp_path / "a.csv", "x/1.png,.9,.1,N,p1", "x/2.png,.3,.7,,", "x/3.png,.4,.6,P,p2")


def test_what_either_knows_counts_for_both(first: Answers, tmp_path: Path) -> None:
    second = read(
        tmp_path / "b.csv", "x/3.png,.8,.2,,", "x/2.png,.9,.1,P,p2", "x/1.png,.6,.4,,p1",
        header="image,P,N,truth,patient",
    )  # fmt: skip
    pair = pair_answers(first, second)
    for table in (pair.first, pair.second):
        assert table.images == ("x/1.png", "x/2.png", "x/3.png")
        assert table.classes == ("N", "P")
        assert table.truths == ("N", "P", "P")
        assert table.patients == ("p1", "p2", "p2")
    assert pair.second.probabilities.tolist() == [[0.4, 0.6], [0.1, 0.9], [0.2, 0.8]]


def test_missing_images_are_refused_or_left_out(first: Answers, tmp_path: Path) -> None:
    second = read(tmp_path / "b.csv", "x/1.png,.8,.2,N,", "y.png,.9,.1,,", "x/3.png,.6,.4,,")
    message = r"1 of 3 images of 'a.csv' have no answer in 'b.csv', such as 'x/2.png' \(line 3 of"
    with pytest.raises(TableError, match=message):
        pair_answers(first, second)
    pair = pair_answers(first, second, common=True)
    assert pair.first.images == pair.second.images == ("x/1.png", "x/3.png")
    assert sum("are left out" in note for note in pair.notes) == 2


def test_names_match_without_their_folders(first: Answers, tmp_path: Path) -> None:
    second = read(tmp_path / "b.csv", *(f"y\\{n}.png,.8,.2,," for n in (3, 2, 1)))
    pair = pair_answers(first, second)
    assert pair.second.images == first.table.images
    assert any("file names alone" in note for note in pair.notes)
    with pytest.raises(TableError, match=r"no image is in both: 'a.csv' names 'x/1.png', 'b.csv'"):
        pair_answers(first, read(tmp_path / "b.csv", "z.png,.8,.2,,"))
    twice = read(tmp_path / "b.csv", "y/1.png,.8,.2,,", "z/1.png,.8,.2,,")
    with pytest.raises(TableError, match="no image is in both"):
        pair_answers(first, twice)


def test_other_classes_are_named_with_the_way_out(first: Answers, tmp_path: Path) -> None:
    second = read(tmp_path / "b.csv", "x/1.png,.8,.2", header="image,n,P")
    with pytest.raises(TableError, match=r"'a.csv' N, P, 'b.csv' n, P, .*--map n=N"):
        pair_answers(first, second)


def test_what_they_say_differently_is_named(first: Answers, tmp_path: Path) -> None:
    lines = ["x/2.png,.9,.1,,", "x/3.png,.9,.1,,"]
    other = read(tmp_path / "b.csv", "x/1.png,.9,.1,P,", *lines)
    message = r"truth differs: line 2 of 'a.csv' says 'N', line 2 of 'b.csv' 'P'"
    with pytest.raises(TableError, match=message):
        pair_answers(first, other)
    other = read(tmp_path / "b.csv", "x/1.png,.9,.1,N,secret", *lines)
    with pytest.raises(TableError, match=r"the patient differs: line 2 of 'a.csv'") as caught:
        pair_answers(first, other)
    assert "secret" not in str(caught.value)


def test_no_patient_at_all_is_noted(tmp_path: Path) -> None:
    answers = read(tmp_path / "a.csv", "1.png,.9,.1,N", header="image,N,P,truth")
    pair = pair_answers(answers, answers)
    assert any("no patient is known" in note for note in pair.notes)


def study(**columns: list[object]) -> StudyTable:
    images = ["/data/x/1.png", "/data/x/2.png", "/data/x/3.png", "/data/x/4.png"]
    frame = make_frame({"image": images, "patient_id": ["p1", "p2", "p2", None], **columns})
    classes = [name.removeprefix("label:") for name in columns if name.startswith("label:")]
    return StudyTable(frame, tuple(classes) or ("N", "P"), "/data")


def test_a_collection_gives_truths_and_patients(first: Answers) -> None:
    joined = join_study(first, study(label=["N", "P", "P", "N"]), {})
    assert joined.table.truths == ("N", "P", "P")
    assert joined.table.patients == ("p1", "p2", "p2")
    with pytest.raises(TableError, match=r"line 2 of 'a.csv' says 'N', the data of 'x/1.png' 'P'"):
        join_study(first, study(label=["P", "P", "P", "N"]), {})


def test_a_collection_is_found_by_name_and_may_be_a_part(tmp_path: Path) -> None:
    answers = read(tmp_path / "a.csv", "1.png,.9,.1,,", "9.png,.9,.1,P,")
    joined = join_study(answers, study(label=["N", "P", "P", "N"]), {})
    assert joined.table.truths == ("N", "P")
    assert any("1 of 2 images are not among the data" in note for note in joined.notes)
    answers = read(tmp_path / "a.csv", "8.png,.9,.1,,")
    with pytest.raises(TableError, match=r"none of the 1 images of 'a.csv' is among the data"):
        join_study(answers, study(label=["N", "P", "P", "N"]), {})


def test_classes_of_a_collection_are_renamed_or_refused(first: Answers) -> None:
    frame = study(label=["N", "P", "P", "N"]).frame
    other = StudyTable(frame.assign(label=["n", "P", "P", "n"]), ("n", "P"), "/data")
    assert join_study(first, other, {"n": "N"}).table.truths == ("N", "P", "P")
    with pytest.raises(TableError, match=r"the classes n, P, 'a.csv' answers N, P, .*--map n=N"):
        join_study(first, other, {})


def test_several_labels_come_from_a_collection(tmp_path: Path) -> None:
    answers = read(tmp_path / "a.csv", "x/1.png,.9,.1", "x/2.png,.9,.1", header="image,N,P")
    labels = {"label:P": np.array([1, -1, 0, 1], np.float32)}
    joined = join_study(answers, study(**labels), {})
    assert joined.table.labels is not None
    expected = [[np.nan, 1], [np.nan, -1]]
    assert np.array_equal(joined.table.labels, expected, equal_nan=True)
    single = read(tmp_path / "b.csv", "x/1.png,.9,.1,N,")
    with pytest.raises(TableError, match=r"line 2 of 'b.csv' names one truth an image"):
        join_study(single, study(**labels), {})
