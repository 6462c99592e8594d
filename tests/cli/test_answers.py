"""`predict`, `evaluate`, `show` and `doctor` on good input."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image


def test_predict_one_file(cxrlens, bundle, phantom_folder) -> None:
    path = sorted((phantom_folder / "covid").iterdir())[0]
    outcome = cxrlens("predict", bundle, path, "--out", "one")
    assert outcome.code == 0
    assert {entry.name for entry in Path("one").iterdir()} == {
        "overlays",
        "prediction.png",
        "predictions.csv",
        "predictions.jsonl",
    }
    with Image.open("one/overlays/000001.png") as overlay, Image.open(path) as source:
        assert overlay.size == source.size
    assert "not a medical device" in outcome.out


def test_predict_a_folder_as_json(cxrlens, bundle, phantom_folder) -> None:
    outcome = cxrlens("predict", bundle, phantom_folder / "covid", "--json", "--out", "many")
    told = json.loads(outcome.out)
    lines = [json.loads(line) for line in Path("many/predictions.jsonl").read_text().splitlines()]
    assert told["predictions"] == lines
    assert len(lines) == len(list((phantom_folder / "covid").iterdir()))
    assert Path("many/grid.png").is_file()
    assert not Path("many/prediction.png").exists()
    for one in lines:
        assert abs(sum(one["probabilities"].values()) - 1) < 1e-6
        assert one["decision"] == max(one["probabilities"], key=one["probabilities"].get)


def test_predict_without_overlays_answers_the_same(cxrlens, bundle, phantom_folder) -> None:
    large = Path("large")
    large.mkdir()
    for number, path in enumerate(sorted((phantom_folder / "covid").iterdir())[:3]):
        with Image.open(path) as image:
            image.resize((700, 800)).save(large / f"{number}.jpg", quality=90)
    (large / "9.jpg").write_bytes(b"<html>")
    outcomes = [
        cxrlens("predict", bundle, large, "--out", out, *option)
        for out, option in (("with", ()), ("without", ("--no-overlays",)))
    ]
    assert [outcome.code for outcome in outcomes] == [3, 3]
    assert "refused (unknown-format)" in outcomes[1].err
    assert {entry.name for entry in Path("without").iterdir()} == {
        "predictions.csv",
        "predictions.jsonl",
    }
    assert len(list(Path("with/overlays").iterdir())) == 3
    for name in ("predictions.csv", "predictions.jsonl"):
        assert Path("with", name).read_bytes() == Path("without", name).read_bytes()


def test_predict_shows_the_first_answers_and_counts_all(cxrlens, bundle, phantom_folder) -> None:
    path = sorted((phantom_folder / "covid").iterdir())[0]
    outcome = cxrlens("predict", bundle, *[path] * 30, "--no-overlays", "--out", "many")
    assert outcome.out.count(path.name) == 20
    assert "30 in all; the first 20 are shown" in outcome.out
    assert len(Path("many/predictions.csv").read_text().splitlines()) == 31
    missing = cxrlens("predict", bundle, path, *["nothing.png"] * 30, "--no-overlays")
    assert missing.code == 3
    assert missing.err.count("refused (not-a-file)") == 20
    assert "refused: 30 in all (not-a-file 30); the first 20 are listed above" in missing.err


def test_evaluate_leaves_out_what_was_trained_on(cxrlens, bundle, phantom_folder) -> None:
    outcome = cxrlens("evaluate", bundle, phantom_folder)
    assert outcome.code == 0
    assert "were used to train this model" in outcome.err
    assert Path("runs/evaluate/report.html").is_file()
    with Path("runs/evaluate/predictions.csv").open() as file:
        assert 0 < len(list(csv.DictReader(file))) < 72


def test_evaluate_refuses_a_part_that_is_not_there(cxrlens, bundle, phantom_folder) -> None:
    outcome = cxrlens("evaluate", bundle, phantom_folder, "--split", "tset")
    assert outcome.code == 2
    assert "tset" in outcome.err


def test_show(cxrlens, phantom_folder) -> None:
    outcome = cxrlens("show", phantom_folder, "--recipe", "phantom")
    assert outcome.code == 0
    assert "72 images of 48 known patients" in outcome.out
    assert Path("runs/show/grid.png").is_file()
    told = json.loads(cxrlens("show", phantom_folder, "--json").out)
    assert sum(told["counts"]["unsplit"].values()) == 72
    assert told["counts_by_view"] == {"unknown": told["counts"]["unsplit"]}
    assert told["labels"]["covid"]["missing"] == 0


def test_the_parts_of_a_table_can_be_renamed(cxrlens, phantom_folder) -> None:
    told = json.loads(
        cxrlens(
            "show", phantom_folder, "--map", "covid=ill", "--map", "pneumonia=ill", "--json"
        ).out
    )
    assert set(told["counts"]["unsplit"]) == {"ill", "normal"}
    assert sum(told["counts"]["unsplit"].values()) == 72


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--column", "patient"), ["'patient' is not of the form LEFT=RIGHT"]),
        (("--column", "pateint=subject"), ["'pateint'", "did you mean 'patient'?"]),
        (("--map", "=x"), ["'=x'"]),
        (("--map", "a=b", "--map", "a=c"), ["'a'", "'b'", "'c'"]),
    ],
)
def test_options_of_another_form_are_wrong_use(cxrlens, phantom_folder, option, words) -> None:
    outcome = cxrlens("show", phantom_folder, *option)
    assert outcome.code == 2
    assert all(word in outcome.err for word in words)
    assert not Path("runs").exists()


def test_doctor(cxrlens) -> None:
    outcome = cxrlens("doctor", "--json")
    assert outcome.code == 0
    facts = json.loads(outcome.out)
    assert facts["engine"].startswith("openvino")
    assert facts["training arithmetic"] in {"float32", "bfloat16"}


def test_unknown_commands_and_options_are_wrong_use(cxrlens) -> None:
    assert cxrlens("trian").code == 2
    assert cxrlens("train", "--nonsense").code == 2
    assert cxrlens("show", "nowhere").code == 2
    assert cxrlens("--help").code == 0
