"""Files of predictions, ours and others', and everything that can be wrong with one."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrlens.report import Case, Origin, read_answers, write_predictions
from cxrlens.vocabulary import Refusal, TableError

PLAIN = "image,NORMAL,PNEUMONIA,truth,patient\na.png,0.9,0.1,NORMAL,p1\nb.png,0.2,0.8,,\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_plain_class_names(tmp_path: Path) -> None:
    table = read_answers(write(tmp_path / "a.csv", PLAIN)).table
    assert table.classes == ("NORMAL", "PNEUMONIA")
    assert table.images == ("a.png", "b.png")
    assert table.patients == ("p1", None)
    assert table.truth.tolist() == [0, -1]
    assert table.probabilities.tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert np.allclose(np.exp(table.logits), table.probabilities)
    assert table.labels is None


@pytest.mark.parametrize("form", ["csv", "csv.gz", "semicolons.csv", "parquet", "jsonl"])
def test_every_form_says_the_same(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    expected = read_answers(write(tmp_path / "plain.csv", PLAIN)).table
    frame = pd.DataFrame(
        {"Image Path": ["a.png", "b.png"], "fold": [1, 2], "probability NORMAL": [0.9, 0.2],
         "probability PNEUMONIA": [0.1, 0.8], "truth": ["NORMAL", None], "Patient ID": ["p1", None],
         "age": [34, 50], "score": ["high", "low"]}
    )  # fmt: skip
    if form == "parquet":
        frame.to_parquet(path)
    elif form == "jsonl":
        path.write_text(frame.to_json(orient="records", lines=True))
    elif form == "csv.gz":
        path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    else:
        frame.to_csv(path, index=False, sep=";" if "semi" in form else ",")
    table = read_answers(path).table
    assert (table.classes, table.images) == (expected.classes, expected.images)
    assert (table.patients, table.truth.tolist()) == (expected.patients, [0, -1])
    assert np.allclose(table.probabilities, expected.probabilities)
    assert table.folds.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["", "predictions.csv", "predictions.jsonl"])
def test_what_we_write_is_read(cases: tuple[Case, ...], tmp_path: Path, name: str) -> None:
    refusal = Refusal("a.png", "truncated", "the file ends early")
    nothing = {"logits": (), "probabilities": (), "decision": None, "heatmaps": ()}
    refused = replace(cases[0].prediction, image="a.png", refusal=refusal, **nothing)
    answered = [case.prediction for case in cases]
    origins = [Origin(f"p{n // 2}", 1 + n % 2, "NIH") for n in range(len(cases) + 1)]
    truths = [None, *(case.truth for case in cases)]
    write_predictions(tmp_path, [refused, *answered], truths, None, origins)
    answers = read_answers(tmp_path / name)
    table = answers.table
    assert table.images == tuple(one.image for one in answered)
    assert table.truths == tuple(case.truth for case in cases)
    assert table.patients == tuple(one.patient for one in origins[1:])
    assert table.folds.tolist() == [(n % 2) for n in range(1, len(cases) + 1)]
    expected = [one.probabilities for one in answered]
    assert np.allclose(table.probabilities, expected, atol=1e-6)
    assert any("1 images were refused" in note for note in answers.notes)
    assert answers.places[0].startswith(("line 2 of", "line 3 of"))


@pytest.mark.parametrize("name", ["predictions.csv", "predictions.jsonl"])
def test_several_labels(several_case: Case, tmp_path: Path, name: str) -> None:
    known = {"pneumonia": 1, "covid": -1, "opacity": 0, "effusion": None}
    write_predictions(tmp_path, [several_case.prediction], ["pneumonia"], [known])
    table = read_answers(tmp_path / name).table
    assert table.labels is not None
    assert np.array_equal(table.labels, [[1, -1, 0, np.nan]], equal_nan=True)
    assert table.truth.tolist() == [-1]


def test_classes_are_renamed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", PLAIN)
    table = read_answers(path, {"NORMAL": "healthy", "other": "x"}).table
    assert table.classes == ("healthy", "PNEUMONIA")
    assert table.truths == ("healthy", None)
    with pytest.raises(TableError, match=r"two columns for the class 'PNEUMONIA' after --map"):
        read_answers(path, {"NORMAL": "PNEUMONIA"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,N,P\na.png,0.5,0.5\na.png,0.4,0.6\n",
         r"line 3 of 'a.csv' answers for 'a.png' once more, after line 2"),
        ("image,N,P\na.png,0.5,0.5\n\nb.png,1.2,0\n",
         r"line 4 of 'a.csv' gives N the probability '1.2', which is outside \[0, 1\]"),
        ("image,N,P\na.png,-0.1,0.5\n", r"line 2 .* '-0.1', which is outside"),
        ("image,N,P\na.png,nan,0.5\n", r"line 2 .* N the probability 'nan', which is no number"),
        ("image,N,P\na.png,inf,0.5\n", r"line 2 .* 'inf', which is no number"),
        ("image,N,P\na.png,,0.5\n", r"line 2 .* N the probability '', which is no number"),
        ("image,N,P,height\na.png,0.5,0.5,tall\n", r"line 2 .* height the probability 'tall'"),
        ("image,N,P,truth\na.png,0.5,0.5,N\nb.png,0.5,0.5,Pn\n",
         r"line 3 of 'a.csv' names the truth 'Pn', which is no class; .*; did you mean 'P'"),
        ("image,N,P\n ,0.5,0.5\n", r"line 2 of 'a.csv' names no image"),
        ("name,N,P\na,0.5,0.5\n", r"'a.csv' has no column that names the images; .* name, N, P"),
        ("image,truth\na,N\n", r"'a.csv' has no column of probabilities"),
        ("image,N,P\n", r"holds no row"),
        ("image,N,P,label N\na.png,0.5,0.5,perhaps\n", r"line 2 .* labels N with 'perhaps'"),
        ("image,status,N\na.png,refused,\n", r"'a.csv' holds no answer: all 1 rows are refused"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_answers(write(tmp_path / "a.csv", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"'a.jsonl' is empty"),
        ("3\n", r"line 1 of 'a.jsonl' is no JSON object"),
        ('{"image": "a", "N": 0.5}\n{"image": \n', r"line 2 of 'a.jsonl' is no JSON"),
        (json.dumps({"image": "a", "probabilities": {"N": 7}}), r"line 1 .* N the probability '7'"),
        ('{"image": "a", "N": NaN}', r"line 1 .* 'nan', which is no number"),
    ],
)
def test_lines_of_json_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_answers(write(tmp_path / "a.jsonl", text))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"there is no file '.*missing.csv'"):
        read_answers(tmp_path / "missing.csv")
    with pytest.raises(TableError, match=r"there is no file '.*predictions.jsonl'"):
        read_answers(tmp_path)


@pytest.mark.parametrize("name", ["predictions.csv", "predictions.jsonl"])
def test_our_decisions_are_read(cases: tuple[Case, ...], tmp_path: Path, name: str) -> None:
    """By a threshold the less likely class may be decided for."""
    first = cases[0].prediction
    least = first.classes[int(np.argmin(first.probabilities))]
    eager = replace(first, decision=least, decisions=(least,))
    write_predictions(tmp_path, [eager], [cases[0].truth])
    table = read_answers(tmp_path / name).table
    assert table.decisions is not None
    assert table.decisions.tolist() == [[one == least for one in table.classes]]


@pytest.mark.parametrize("name", ["predictions.csv", "predictions.jsonl"])
def test_decisions_for_several_classes_are_read(
    several_case: Case, tmp_path: Path, name: str
) -> None:
    both = several_case.prediction.classes[1:3]
    eager = replace(several_case.prediction, decision=both[0], decisions=both)
    write_predictions(tmp_path, [eager], ["pneumonia"], [{"pneumonia": 1}])
    table = read_answers(tmp_path / name).table
    assert table.decisions is not None
    assert table.decisions.tolist() == [[one in both for one in table.classes]]


def test_decisions_that_name_no_class_are_passed_over_and_said(tmp_path: Path) -> None:
    told = read_answers(write(tmp_path / "a.csv", "image,A,B,decision\na.png,0.9,0.1,1\n"))
    assert told.table.decisions is None
    assert "does not name a class" in told.notes[0]
    text = "image,A,B,decided A,decided B\na.png,0.9,0.1,maybe,0\n"
    with pytest.raises(TableError, match=r"line 2 .*'maybe'"):
        read_answers(write(tmp_path / "b.csv", text))
