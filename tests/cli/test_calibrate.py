"""`cxrlens calibrate`, and `evaluate` with what it made: row 47 of the catalogue of bad inputs."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from cxrlens.data import write_phantoms

FINDINGS = ("normal", "pneumonia", "covid")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms of other patients than the model was trained on."""
    folder = tmp_path_factory.mktemp("site") / "data"
    write_phantoms(folder, 108, seed=21, findings=FINDINGS)
    return folder


def test_calibrate_evaluate_and_predict(cxrlens, bundle, site, tmp_path) -> None:
    outcome = cxrlens("calibrate", bundle, site, "--rule", "sensitivity>=0.8", "--out", "site")
    assert outcome.code == 0, outcome.err
    assert "Brier score, raw" in outcome.out
    assert "Brier score, calibrated" in outcome.out
    assert "fewer than 59 cannot rule out a miss rate of 5 %" in outcome.out
    before = json.loads((bundle / "bundle.json").read_text())
    after = json.loads(Path("site/bundle/bundle.json").read_text())
    assert after["parent"] == before["digest"]
    name = "weights.safetensors"
    assert Path("site/bundle", name).read_bytes() == (bundle / name).read_bytes()
    assert "calibrated by vector scaling" in Path("site/bundle/card.md").read_text()

    write_phantoms(tmp_path / "new", 36, seed=22, findings=FINDINGS)
    outcome = cxrlens(
        "evaluate", "site/bundle", tmp_path / "new", "--prevalence", "covid=0.02", "--out", "e"
    )
    assert outcome.code == 0, outcome.err
    assert "covid at a prevalence of 0.02: PPV" in outcome.out
    facts = json.loads(Path("e/metrics.json").read_text())
    assert "own calibration" in facts["calibration"]["method"]
    (rebased,) = facts["prevalence"]
    assert rebased["prevalence"] == 0.02
    assert "carry over" in rebased["assumption"]
    covid = next(o for o in facts["operating"][0]["per_class"] if o["class_name"] == "covid")
    found, left = covid["sensitivity"]["value"], covid["specificity"]["value"]
    expected = found * 0.02 / (found * 0.02 + (1 - left) * 0.98)
    assert rebased["ppv"]["value"] == pytest.approx(expected)
    lines = [json.loads(one) for one in Path("e/predictions.jsonl").read_text().splitlines()]
    assert all(abs(sum(one["calibrated"].values()) - 1) < 1e-9 for one in lines)
    with Path("e/predictions.csv").open() as file:
        row = next(csv.DictReader(file))
    assert float(row["calibrated covid"]) == pytest.approx(
        lines[0]["calibrated"]["covid"], abs=1e-6
    )
    assert "May the probabilities be taken at their word?" in Path("e/report.html").read_text()

    record = after | {"calibration": after["calibration"] | {"weights": "0" * 64}}
    shutil.copytree("site/bundle", "tampered")
    Path("tampered/bundle.json").write_text(json.dumps(record))
    outcome = cxrlens("predict", "tampered", site)
    assert outcome.code == 2
    assert "bundle.json" in outcome.err


def test_as_json(cxrlens, bundle, site) -> None:
    told = json.loads(cxrlens("calibrate", bundle, site, "--json", "--method", "temperature").out)
    assert told["calibration"]["n_images"] == 108
    assert told["cross_fitted_operating"] is None
    for one in told["cross_fitted"]["per_class"]:
        assert one["raw"]["brier"]["value"] > 0
        assert one["calibrated"]["brier"]["n"] == 108


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rule", "sensitivty>=0.9"], ["'sensitivty>=0.9'", "youden"]),
        (["--where", "label != 'covid'"], ["covid", "10 patients"]),
    ],
)
def test_what_cannot_be_calibrated_is_one_sentence(cxrlens, bundle, site, options, words) -> None:
    outcome = cxrlens("calibrate", bundle, site, *options)
    assert outcome.code == 2
    assert all(word in outcome.err for word in words), outcome.err
    assert sum("error" in line for line in outcome.err.splitlines()) == 1
    assert not Path("runs/calibrate/bundle").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("0.05", ["of which class", "covid=0.05"]),
        ("covdi=0.05", ["did you mean 'covid'?"]),
        ("covid=5", ["between 0 and 1"]),
        ("covid=much", ["'much'"]),
    ],
)
def test_a_prevalence_of_another_form_is_wrong_use(cxrlens, bundle, site, given, words) -> None:
    outcome = cxrlens("evaluate", bundle, site, "--prevalence", given)
    assert outcome.code == 2
    assert all(word in outcome.err for word in words), outcome.err
