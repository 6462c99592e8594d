"""`cxrlens compare`, on two real models and on files of predictions."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cxrlens.data import read_table
from cxrlens.model import run_training
from cxrlens.training import load_recipe
from cxrlens.vocabulary import NOT_A_DEVICE

CLASSES = ("covid", "normal", "pneumonia")


@pytest.fixture(scope="session")
def rival(phantom_folder: Path, quick: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of another model of the same classes, on the same split."""
    folder = tmp_path_factory.mktemp("rival")
    recipe = load_recipe("phantom", [*quick, "epochs=1"])
    run_training(read_table(phantom_folder), recipe, folder)
    return folder / "bundle"


def write(path: Path, signal: float, n: int = 80, **changed: object) -> Path:
    """Predictions of a made-up model: two images a patient."""
    rng = np.random.default_rng(int(10 * signal))
    truth = np.random.default_rng(0).integers(0, 3, n // 2)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(changed.get("header", ["image", *CLASSES, "truth", "patient"]))
        for row in range(n):
            true = int(truth[row // 2])
            logits = rng.normal(size=3) + signal * np.eye(3)[true]
            odds = np.exp(logits) / np.exp(logits).sum()
            writer.writerow([f"{row}.png", *odds.round(5), CLASSES[true], f"p{row // 2}"])
    return path


def test_two_models(cxrlens, bundle, rival, phantom_folder) -> None:
    outcome = cxrlens("compare", bundle, rival, phantom_folder, "--json", "--seed", "3")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert "were used to train one of the models" in outcome.err
    assert told["comparison"]["n_images"] > 5
    assert [one["name"] for one in told["comparison"]["overall"]] == ["macro AUROC", "accuracy"]
    assert len(told["verdicts"]) == 2
    assert told["notice"] == NOT_A_DEVICE
    assert not Path("runs").exists()


def test_two_files(cxrlens, tmp_path) -> None:
    files = [write(tmp_path / "a.csv", 3.0), write(tmp_path / "b.csv", 0.5)]
    outcome = cxrlens("compare", *files, "--out", "made", "--difference", "0.05")
    assert outcome.code == 0, outcome.err
    assert "accuracy: A is better by" in outcome.out
    assert "only A  only B" in outcome.out
    assert "of 0.05" in outcome.out
    assert outcome.out.rstrip().endswith(NOT_A_DEVICE)
    facts = json.loads(Path("made/comparison.json").read_text())
    for one in facts["comparison"]["overall"]:
        value = one["difference"]["estimate"]["value"]
        assert f"{value:+.3f}" in outcome.out
    again = json.loads(cxrlens("compare", *files, "--difference", "0.05", "--json").out)
    assert again["comparison"] == facts["comparison"]
    swapped = json.loads(cxrlens("compare", *files[::-1], "--json").out)
    first, second = (
        one["comparison"]["overall"][1]["difference"]["estimate"]["value"]
        for one in (facts, swapped)
    )
    assert first == -second


def test_runs_and_files_of_predict_with_the_truth_from_data(
    cxrlens, bundle, rival, phantom_folder
) -> None:
    images = sorted(phantom_folder.glob("[cnp]*/*.png"))[::2]
    for name, model in (("one", bundle), ("two", rival)):
        assert cxrlens("predict", model, *images, "--out", name).code == 0
    outcome = cxrlens("compare", "one", "two/predictions.csv")
    assert outcome.code == 2
    assert "known truth" in outcome.err
    outcome = cxrlens("compare", "one", "two/predictions.csv", phantom_folder, "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)["comparison"]
    assert told["n_images"] == len(images)
    assert told["n_unknown_patients"] == 0


def test_classes_of_one_file_are_renamed(cxrlens, tmp_path) -> None:
    first = write(tmp_path / "a.csv", 2.0)
    header = ["image", "COVID", "normal", "pneumonia", "truth", "patient"]
    second = write(tmp_path / "b.csv", 1.0, header=header)
    outcome = cxrlens("compare", first, second)
    assert outcome.code == 2
    assert "--map" in outcome.err
    text = second.read_text().replace(",covid,", ",COVID,")
    second.write_text(text)
    assert cxrlens("compare", first, second, "--map", "COVID=covid").code == 0
    outcome = cxrlens("compare", first, second, "--map", "COVD=covd")
    assert outcome.code == 2
    assert "neither file answers for 'COVD'" in outcome.err


def test_missing_cases_need_to_be_left_out_by_name(cxrlens, tmp_path) -> None:
    first, second = write(tmp_path / "a.csv", 2.0), write(tmp_path / "b.csv", 1.0, n=70)
    outcome = cxrlens("compare", first, second)
    assert outcome.code == 2
    assert "10 of 80 images of 'a.csv' have no answer in 'b.csv', such as '70.png'" in outcome.err
    assert outcome.err.count("\n") == 1
    outcome = cxrlens("compare", first, second, "--common")
    assert outcome.code == 0
    assert "70 images, 35 patients" in outcome.out


def test_wrong_use_is_one_sentence(cxrlens, bundle, phantom_folder, tmp_path) -> None:
    file = write(tmp_path / "a.csv", 2.0)
    for arguments, said in [
        ((bundle, file, phantom_folder), "A is a model, B a file of predictions"),
        ((bundle, bundle), "two models are compared on DATA"),
        ((file, tmp_path / "none.csv"), "there is no '"),
        ((bundle, tmp_path / "none", phantom_folder), "give a model, a file of predictions"),
        ((file, file, "--difference", "2"), "between 0 and 1; got 2"),
        ((file, file, "--map", "x"), "not of the form"),
        ((file, file, phantom_folder), "none of the 80 images of 'a.csv' is among the data"),
    ]:
        outcome = cxrlens("compare", *arguments)
        assert outcome.code == 2, arguments
        assert said in outcome.err
        assert [line.startswith("error") for line in outcome.err.splitlines()].count(True) == 1
