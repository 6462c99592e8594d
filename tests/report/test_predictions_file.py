import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrlens.report import (
    Case,
    Origin,
    PredictionColumns,
    open_predictions,
    write_predictions,
)
from cxrlens.vocabulary import NOT_A_DEVICE, OutputError, Prediction, Refusal, Unfamiliarity


def refuse(prediction: Prediction, image: str) -> Prediction:
    refusal = Refusal(image, "truncated", "the file ends early")
    nothing = {"logits": (), "probabilities": (), "decision": None, "heatmaps": ()}
    nothing |= {"unfamiliarity": None, "features": None}
    return replace(prediction, image=image, refusal=refusal, **nothing)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_both_files_say_the_same(cases: tuple[Case, ...], tmp_path: Path) -> None:
    predictions = [case.prediction for case in cases]
    table, lines = write_predictions(tmp_path, predictions, [case.truth for case in cases])
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    for row, line, case in zip(read_rows(table), told, cases, strict=True):
        prediction = case.prediction
        assert row["image"] == line["image"] == prediction.image
        assert row["decision"] == line["decision"] == prediction.decision
        assert row["truth"] == line["truth"] == case.truth
        assert row["notice"] == line["notice"] == NOT_A_DEVICE
        assert row["engine"] == line["engine"] == prediction.engine
        assert list(line["probabilities"].values()) == list(prediction.probabilities)
        for name, value in line["probabilities"].items():
            assert float(row[f"probability {name}"]) == pytest.approx(value, abs=1e-6)


def test_how_strange_an_image_is_is_told_and_its_features_are_not(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    known = replace(
        cases[0].prediction,
        unfamiliarity=Unfamiliarity(0.125, 0.004, 0.01),
        features=np.full(4, 0.777, dtype=np.float32),
    )
    table, lines = write_predictions(tmp_path, [known, refuse(known, "b.png")])
    rows = read_rows(table)
    told = {"distance": 0.125, "p_value": 0.004, "limit": 0.01}
    assert {name: float(rows[0][name]) for name in told} == told
    assert json.loads(lines.read_text().splitlines()[0])["unfamiliarity"] == told
    assert "features" not in lines.read_text()
    assert "0.777" not in lines.read_text() + table.read_text()
    (tmp_path / "without").mkdir()
    table, lines = write_predictions(tmp_path / "without", [cases[0].prediction])
    assert not {*told} & {*read_rows(table)[0]}
    assert json.loads(lines.read_text())["unfamiliarity"] is None


def test_a_refused_file_keeps_its_row(cases: tuple[Case, ...], tmp_path: Path) -> None:
    prediction = refuse(cases[0].prediction, "a.png")
    table, lines = write_predictions(tmp_path, [cases[1].prediction, prediction])
    row = read_rows(table)[1]
    assert (row["status"], row["reason"], row["decision"]) == ("refused", "truncated", "")
    assert row["probability normal"] == ""
    assert json.loads(lines.read_text().splitlines()[1])["refusal"]["reason"] == "truncated"


@pytest.mark.parametrize(
    "name", ["=cmd|x.png", "+1.png", "-1.png", "@a.png", "\ta.png", 'a\nb,".png']
)
def test_no_name_is_a_formula_or_breaks_a_row(
    cases: tuple[Case, ...], tmp_path: Path, name: str
) -> None:
    table, lines = write_predictions(tmp_path, [replace(cases[0].prediction, image=name)])
    (row,) = read_rows(table)
    assert row["image"].lstrip("'") == name
    assert row["image"][0] not in "=+-@\t\r"
    assert json.loads(lines.read_text())["image"] == name


def test_bytes_that_are_no_text_are_shown(cases: tuple[Case, ...], tmp_path: Path) -> None:
    table, _ = write_predictions(tmp_path, [replace(cases[0].prediction, image="a\udcff.png")])
    assert read_rows(table)[0]["image"] == "a" + chr(92) + "xff.png"


def test_no_predictions_are_a_header_alone(tmp_path: Path) -> None:
    table, lines = write_predictions(tmp_path, [])
    assert table.read_text().startswith("image,status,decision,truth")
    assert lines.read_text() == ""


def test_a_missing_folder_is_named(cases: tuple[Case, ...], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="predictions"):
        write_predictions(tmp_path / "missing", [cases[0].prediction])


def test_patient_fold_and_source_stand_in_both_files(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    predictions = [case.prediction for case in cases[:2]]
    origins = [Origin("=p1", 2, "NIH"), Origin(None, None, None)]
    table, lines = write_predictions(tmp_path, predictions, None, None, origins)
    rows = [(row["patient"], row["fold"], row["source"]) for row in read_rows(table)]
    assert rows == [("'=p1", "2", "NIH"), ("", "", "")]
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(one["patient"], one["fold"], one["source"]) for one in told] == [
        ("=p1", 2, "NIH"),
        (None, None, None),
    ]


def test_of_several_labels_each_has_its_columns(several_case: Case, tmp_path: Path) -> None:
    known = {"pneumonia": 1, "covid": -1, "opacity": 0, "effusion": None}
    refused = replace(refuse(several_case.prediction, "a.png"), decisions=())
    table, lines = write_predictions(
        tmp_path, [several_case.prediction, refused], ["pneumonia", None], [known, {}]
    )
    answered, left = read_rows(table)
    assert answered["decision"] == "pneumonia; covid"
    assert [answered[f"decided {name}"] for name in known] == ["1", "1", "0", "0"]
    assert [answered[f"label {name}"] for name in known] == ["1", "-1", "0", ""]
    assert {left[f"{what} {name}"] for what in ("decided", "label") for name in known} == {""}
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert (told[0]["labels"], told[0]["decisions"]) == (known, ["pneumonia", "covid"])


def test_rows_are_written_as_they_come_and_a_half_has_no_name(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    columns = PredictionColumns(cases[0].prediction.classes)

    def write_two_and_fail() -> None:
        with open_predictions(tmp_path, columns) as writer:
            for case in cases[:2]:
                writer.add(case.prediction)
            assert {path.suffix for path in tmp_path.iterdir()} == {".part"}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_two_and_fail()
    assert list(tmp_path.iterdir()) == []
    with open_predictions(tmp_path, columns) as writer:
        for case in cases:
            writer.add(case.prediction)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "other").mkdir()
    for path in write_predictions(tmp_path / "other", [case.prediction for case in cases]):
        assert found[path.name] == path.read_bytes()
