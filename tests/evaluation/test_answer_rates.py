"""Sensitivity and specificity against scikit-learn and statsmodels.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
import pytest
from sklearn.metrics import recall_score
from statsmodels.stats.proportion import proportion_confint

from cxrlens.evaluation.answer_rates import measure_answer_rates
from cxrlens.evaluation.proportions import measure_proportion


def test_two_libraries() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(90) < 0.4
    answers = (rng.random(90) < 0.8) == truth
    told = measure_answer_rates(answers, truth, np.arange(90))
    assert told.sensitivity.value == pytest.approx(recall_score(truth, answers))
    assert told.specificity.value == pytest.approx(recall_score(truth, answers, pos_label=False))
    found, here = int((truth & answers).sum()), int(truth.sum())
    expected = proportion_confint(found, here, method="wilson")
    assert (told.sensitivity.low, told.sensitivity.high) == pytest.approx(expected)
    assert (told.sensitivity.n, told.specificity.n) == (here, 90 - here)


def test_each_side_knows_its_own_patients() -> None:
    rng = np.random.default_rng(1)
    clusters, truth = np.repeat(np.arange(30), 3), rng.random(90) < 0.4
    answers = rng.random(90) < 0.6
    told = measure_answer_rates(answers, truth, clusters)
    assert told.specificity == measure_proportion(~answers[~truth], clusters[~truth]).to_estimate()


def test_a_side_without_cases_is_not_defined() -> None:
    told = measure_answer_rates(np.array([True, False]), np.array([False, False]), np.arange(2))
    assert told.sensitivity.value is None
    assert told.sensitivity.method == "not defined: no case where the class is present"
    assert told.specificity.value == 0.5
    assert told.specificity.low is None
