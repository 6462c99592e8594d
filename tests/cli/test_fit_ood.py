"""`cxrlens fit-ood`, and `predict` with what it made."""

import csv
import json
from pathlib import Path

import pytest

from cxrlens.data import write_phantoms


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms of other patients, beside those that trained the model."""
    folder = tmp_path_factory.mktemp("other") / "data"
    write_phantoms(folder, 24, seed=41, findings=("normal", "pneumonia", "covid"))
    return folder


@pytest.fixture
def both(phantom_folder: Path, other: Path, tmp_path: Path) -> Path:
    """A table of the model's own images and of others."""
    lines = ["image,label"]
    for folder in (phantom_folder, other):
        lines += [f"{path},{path.parent.name}" for path in sorted(folder.glob("[cnp]*/*.png"))]
    path = tmp_path / "both.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_fit_and_predict(cxrlens, bundle, both, phantom_folder) -> None:
    image = next((phantom_folder / "normal").glob("*.png"))
    before = json.loads(cxrlens("predict", bundle, image, "--json").out)["predictions"][0]
    assert before["unfamiliarity"] is None
    outcome = cxrlens("fit-ood", bundle, both, "--limit", "0.1", "--out", "known")
    assert outcome.code == 0, outcome.err
    assert "images that it was not trained on; an image is out" in outcome.out
    record = json.loads(Path("known/bundle/bundle.json").read_text())
    assert record["parent"] == json.loads((bundle / "bundle.json").read_text())["digest"]
    told = json.loads(cxrlens("predict", "known/bundle", image, "--json", "--out", "p").out)
    after = told["predictions"][0]
    assert after["logits"] == before["logits"]
    assert after["unfamiliarity"].keys() == {"distance", "p_value", "limit"}
    assert after["unfamiliarity"]["limit"] == 0.1
    with Path("p/predictions.csv").open() as file:
        row = next(csv.DictReader(file))
    assert float(row["p_value"]) == pytest.approx(after["unfamiliarity"]["p_value"], abs=1e-6)


def test_as_json_and_a_limit_that_cannot_be_reached(cxrlens, bundle, both) -> None:
    outcome = cxrlens("fit-ood", bundle, both, "--json")
    assert outcome.code == 0, outcome.err
    known = json.loads(outcome.out)["familiarity"]
    assert known["limit"] == pytest.approx(1 / (known["n_calibrating"] + 1))
    assert "cannot give a p-value of 0.01" in outcome.err


@pytest.mark.parametrize("limit", ["0", "1", "-3"])
def test_a_limit_that_is_no_share_is_one_sentence(cxrlens, bundle, both, limit) -> None:
    outcome = cxrlens("fit-ood", bundle, both, "--limit", limit)
    assert outcome.code == 2
    assert "is no share" in outcome.err


def test_data_that_did_not_train_it_are_one_sentence(cxrlens, bundle, other) -> None:
    outcome = cxrlens("fit-ood", bundle, other)
    assert outcome.code == 2
    assert "none of the 24 images is known to have trained this model" in outcome.err
    assert not Path("runs/fit-ood/bundle").exists()
