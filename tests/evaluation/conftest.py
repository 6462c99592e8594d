"""Tables to judge.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from cxrlens.vocabulary import PredictionTable

Maker = Callable[..., PredictionTable]


@pytest.fixture(scope="session")
def make_table() -> Maker:
    """A function that makes a table from truth and probabilities."""

    def make(
        truth: Sequence[int] | np.ndarray,
        probabilities: np.ndarray,
        patients: Sequence[str | None] | None = None,
        folds: np.ndarray | None = None,
    ) -> PredictionTable:
        n, k = probabilities.shape
        return PredictionTable(
            classes=tuple(f"class {i}" for i in range(k)),
            images=tuple(f"{i}.png" for i in range(n)),
            patients=tuple(f"p{i}" for i in range(n)) if patients is None else tuple(patients),
            truth=np.asarray(truth, dtype=np.int64),
            logits=np.log(np.clip(probabilities, 1e-9, 1)),
            probabilities=probabilities,
            folds=np.zeros(n, dtype=np.int64) if folds is None else folds,
        )

    return make


@pytest.fixture(scope="session")
def draw_table(make_table: Maker) -> Maker:
    """A function that draws a table with several images a patient."""

    def draw(seed: int, n_patients: int, k: int, signal: float = 1.5) -> PredictionTable:
        rng = np.random.default_rng(seed)
        patients = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
        truth = rng.integers(0, k, n_patients)[patients]
        noise = rng.normal(size=(n_patients, k))[patients] + rng.normal(size=(patients.size, k))
        logits = noise + signal * np.eye(k)[truth]
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return make_table(truth, probabilities, [f"p{i}" for i in patients])

    return draw
