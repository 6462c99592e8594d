"""What is written is read back, and what says too little is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrlens.report import Case, Origin, read_predictions, write_predictions
from cxrlens.vocabulary import InputError, Refusal


def test_what_was_written_is_read_back(cases: tuple[Case, ...], tmp_path: Path) -> None:
    refusal = Refusal("a.png", "truncated", "the file ends early")
    nothing = {"logits": (), "probabilities": (), "decision": None, "heatmaps": ()}
    refused = replace(cases[0].prediction, image="a.png", refusal=refusal, **nothing)
    answered = [case.prediction for case in cases]
    truths = [None, None, *(case.truth for case in cases[1:])]
    origins = [
        Origin(None if n == 3 else f"p{n // 2}", 1 + n % 3, None if n == 4 else "NIH")
        for n in range(len(cases) + 1)
    ]
    write_predictions(tmp_path, [refused, *answered], truths, None, origins)
    saved = read_predictions(tmp_path)
    table = saved.table
    assert table.classes == answered[0].classes
    assert table.images == tuple(one.image for one in answered)
    assert table.patients == tuple(origin.patient for origin in origins[1:])
    assert saved.sources == tuple(origin.source for origin in origins[1:])
    assert table.folds.tolist() == [(origin.fold or 1) - 1 for origin in origins[1:]]
    assert table.truth.tolist() == [
        -1 if truth is None else table.classes.index(truth) for truth in truths[1:]
    ]
    assert np.array_equal(table.probabilities, [one.probabilities for one in answered])
    assert np.array_equal(table.logits, [one.logits for one in answered])


def test_calibrated_probabilities_and_decisions_are_read_back(
    cases: tuple[Case, ...], tmp_path: Path
) -> None:
    names = cases[0].prediction.classes
    shares = tuple(float(one) for one in np.linspace(0.1, 0.4, len(names)))
    predictions = [
        replace(case.prediction, calibrated=shares, decision=names[1], decisions=(names[1],))
        for case in cases[:3]
    ]
    write_predictions(tmp_path, predictions, None, None, [Origin("p", None, None)] * 3)
    table = read_predictions(tmp_path).table
    assert np.array_equal(table.calibrated, [shares] * 3)
    assert table.decided.tolist() == [[name == names[1] for name in names]] * 3
    header, row = (tmp_path / "predictions.csv").read_text().splitlines()[:2]
    column = header.split(",").index(f"calibrated {names[0]}")
    assert row.split(",")[column] == "0.100000"


def test_several_labels_an_image_are_read_back(cases: tuple[Case, ...], tmp_path: Path) -> None:
    predictions = [replace(case.prediction, is_multilabel=True) for case in cases[:3]]
    names = predictions[0].classes
    labels = [dict.fromkeys(names, 1), dict.fromkeys(names, -1), {names[0]: 0, names[1]: None}]
    write_predictions(tmp_path, predictions, None, labels, [Origin("p", None, None)] * 3)
    table = read_predictions(tmp_path).table
    expected = np.full((3, len(names)), np.nan)
    expected[0], expected[1], expected[2, 0] = 1, -1, 0
    assert table.labels is not None
    assert np.array_equal(table.labels, expected, equal_nan=True)
    assert table.truth.tolist() == [-1, -1, -1]
    assert table.folds.tolist() == [0, 0, 0]


def test_what_says_too_little_is_refused(cases: tuple[Case, ...], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"predictions.jsonl"):
        read_predictions(tmp_path)
    _, lines = write_predictions(tmp_path, [cases[0].prediction])
    with pytest.raises(InputError, match=r"line 1 of .* does not say patient, fold, source"):
        read_predictions(tmp_path)
    lines.write_text('{"image": \n')
    with pytest.raises(InputError, match=r"line 1 of .* is no JSON"):
        read_predictions(tmp_path)
    lines.write_text("3\n")
    with pytest.raises(InputError, match=r"line 1 of .* does not say image"):
        read_predictions(tmp_path)
    lines.write_text("")
    with pytest.raises(InputError, match=r"holds no answer"):
        read_predictions(tmp_path)
