"""Several labels an image, from `train` to the files that are handed on.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import json
from itertools import zip_longest
from pathlib import Path

import pytest


@pytest.fixture
def run(cxrlens, several_labels, quick, tmp_path) -> Path:
    folder = tmp_path / "run"
    options = ["--recipe", "phantom", *quick, "--out", folder, "--limit", "20", "--folds", "2"]
    outcome = cxrlens("train", several_labels, *options)
    assert outcome.code == 0
    assert "covid: AUROC" in outcome.out
    # that of a class on its own (balanced) there is, of the whole there is not
    assert "\naccuracy" not in outcome.out
    return folder


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_train_predict_explain_evaluate(cxrlens, run, several_labels, phantom_folder) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    evaluation = metrics["evaluation"]
    assert evaluation["is_multilabel"]
    assert evaluation["confusion"] is metrics["commonest_class"] is None
    page = (run / "report.html").read_text()
    assert "What came of each class" in page
    assert "Which class is taken for which" not in page
    assert 'data-figure="evaluation.per_class.2.outcomes.false_negatives"' in page

    labels = {row["path"]: row for row in read_rows(several_labels)}
    rows = read_rows(run / "predictions.csv")
    lines = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    for row, line in zip(rows, lines, strict=True):
        for name, probability in line["probabilities"].items():
            assert row[f"label {name}"] == labels[row["image"]][f"label:{name}"]
            assert row[f"decided {name}"] == str(int(probability >= 0.5))
            assert (name in line["decisions"]) is (probability >= 0.5)
        assert row["decision"] == ("; ".join(line["decisions"]) or "none of them")

    missed_by = {
        line["image"]: max(
            (abs(probability - line["labels"][name])
             for name, probability in line["probabilities"].items()
             if line["labels"][name] == int(probability < 0.5)), default=0.0,
        )
        for line in lines
    }  # fmt: skip
    worst = sorted((image for image in missed_by if missed_by[image]), key=lambda i: -missed_by[i])
    # the ways to be wrong take turns, the surest of each first
    by_way: dict[tuple[str, bool], list[str]] = {}
    told = {line["image"]: line for line in lines}
    for image in worst:
        line = told[image]
        name = max(
            (one for one, p in line["probabilities"].items()
             if line["labels"][one] == int(p < 0.5)),
            key=lambda one: abs(line["probabilities"][one] - line["labels"][one]),
        )  # fmt: skip
        by_way.setdefault((name, line["probabilities"][name] >= 0.5), []).append(image)
    turns = [one for turn in zip_longest(*by_way.values()) for one in turn if one is not None]
    assert [case["name"] for case in metrics["mistakes"]] == turns[:16]
    assert not any(case["is_right"] for case in metrics["mistakes"])

    image = next((phantom_folder / "covid").iterdir())
    bundle = run / "fold1" / "bundle"
    outcome = cxrlens("predict", bundle, image, "--out", "one")
    assert outcome.code == 0
    (row,) = read_rows(Path("one/predictions.csv"))
    assert {"decided covid", "label covid", "probability covid"} <= row.keys()
    assert row["label covid"] == ""
    assert row["decision"] in outcome.out
    assert Path("one/overlays/000001.png").is_file()
    assert Path("one/prediction.png").is_file()
    assert cxrlens("explain", bundle, image).code == 0

    outcome = cxrlens("evaluate", bundle, several_labels, "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)["evaluation"]["per_class"]
    assert [one["class_name"] for one in told] == ["pneumonia", "covid", "opacity"]
