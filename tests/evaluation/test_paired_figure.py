from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from cxrlens.evaluation.discordance import measure_discordance
from cxrlens.evaluation.paired_figure import PairedFigure, Size, adjust, pair_figures
from cxrlens.evaluation.share_gap import measure_share_gap


def _pair(seed: int, n: int = 200) -> PairedFigure:
    rng = np.random.default_rng(seed)
    about = rng.random(n) < 0.8, rng.random(n) < 0.7, np.arange(n)
    size = Size(n, n, 0.05)
    gap = measure_share_gap(*about)
    return pair_figures(("accuracy", None), gap, np.zeros(9), size, measure_discordance(*about))


def test_holm_is_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        p_values = rng.random(6) ** 3
        figures = [replace(_pair(0), p_value=float(one)) for one in p_values]
        figures.insert(2, replace(_pair(0), p_value=None))
        told = [one.adjusted_p_value for one in adjust(figures)]
        assert told.pop(2) is None
        assert told == pytest.approx(multipletests(p_values, method="holm")[1])


def test_decisions_report_the_exact_test_and_the_cases() -> None:
    figure = _pair(1)
    assert figure.discordance is not None
    assert figure.p_value == figure.discordance.p_value != figure.difference.p_value
    assert figure.needed is not None
    assert figure.needed_as_seen is not None
    assert figure.needed.difference == 0.05
    assert figure.needed_as_seen.difference == abs(figure.difference.estimate.value or 0)


def test_models_that_too_few_patients_tell_apart_plan_nothing() -> None:
    right = np.arange(100) < 80
    other = right ^ (np.arange(100) < 3)
    gap = measure_share_gap(right, other, np.arange(100))
    figure = pair_figures(("accuracy", None), gap, np.zeros(9), Size(100, 100, 0.02))
    assert figure.difference.estimate.low is not None
    assert figure.needed is figure.needed_as_seen is None


def test_what_does_not_exist_has_no_figure() -> None:
    figure = pair_figures(("AUROC", "covid"), None, np.empty(0), Size(9, 9, 0.02))
    assert figure.label == "AUROC of covid"
    assert figure.first.value is figure.difference.estimate.value is figure.bootstrap is None
