"""The page of a comparison says what its file of figures says."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np

from cxrlens.evaluation import compare
from cxrlens.report import ComparisonReport, write_comparison
from cxrlens.report.page import find, say
from cxrlens.vocabulary import NOT_A_DEVICE, PredictionTable


def make_report(k: int) -> ComparisonReport:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 2)
    truth = rng.integers(0, k, 40)[patients]
    tables = []
    for signal in (2.0, 1.0):
        logits = rng.normal(size=(80, k)) + signal * np.eye(k)[truth]
        odds = np.exp(logits)
        tables.append(
            PredictionTable(
                classes=tuple(f"<class {i}>" for i in range(k)),
                images=tuple(f"{i}.png" for i in range(80)),
                patients=tuple(f"p{i}" for i in patients),
                truth=truth,
                logits=logits,
                probabilities=odds / odds.sum(axis=1, keepdims=True),
                folds=np.zeros(80, dtype=np.int64),
            )
        )
    comparison = compare(tables[0], tables[1], resamples=100)
    return ComparisonReport(comparison, "<a>", "b", None, "cxrlens compare", ("a note",))


def test_every_figure_of_the_page_stands_in_the_file(tmp_path: Path) -> None:
    report = make_report(3)
    figures, page = write_comparison(tmp_path / "new", report)
    facts = json.loads(figures.read_text())
    text = page.read_text()
    shown = re.findall(r'<span data-figure="([^"]+)">([^<]*)</span>', text)
    assert len(shown) > 100
    for place, said in shown:
        assert unescape(said) == say(find(facts, place))
    assert facts["notice"] == NOT_A_DEVICE
    assert text.count(NOT_A_DEVICE) == 2
    assert list(report.verdicts) == facts["verdicts"]
    assert "<a>" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "Holm" in facts["adjustment"]


def test_two_classes_are_not_said_twice(tmp_path: Path) -> None:
    report = make_report(2)
    _, page = write_comparison(tmp_path, report)
    text = unescape(page.read_text())
    assert "sensitivity of <class 1>" in text
    assert "sensitivity of <class 0>" not in text
    assert "not adjusted" in report.adjustment


def test_unknown_patients_and_truths_are_told(tmp_path: Path) -> None:
    report = make_report(2)
    less = replace(report.comparison, n_unlabelled=7, n_unknown_patients=80)
    _, page = write_comparison(tmp_path, replace(report, comparison=less))
    text = re.sub("<[^>]+>", "", page.read_text())
    assert "7 images without a known truth are left out" in text
    assert "Of 80 images the patient is not known" in text
