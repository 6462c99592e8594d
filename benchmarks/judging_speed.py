"""How long a judgement of many images takes.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/judging_speed.py
"""

import argparse
import time

import numpy as np
from scipy.special import softmax

from cxrlens.evaluation import judge
from cxrlens.vocabulary import PredictionTable


def draw(n_images: int, k: int, per_patient: int) -> PredictionTable:
    """Draw answers for images of which each patient has several."""
    rng = np.random.default_rng(0)
    patients = np.arange(n_images) // per_patient
    truth = rng.integers(0, k, n_images)[patients]
    common = rng.normal(size=(n_images, k))[patients]
    logits = common + rng.normal(size=(n_images, k)) + 1.5 * np.eye(k)[truth]
    return PredictionTable(
        classes=tuple(f"class {i}" for i in range(k)),
        images=tuple(map(str, range(n_images))),
        patients=tuple(map(str, patients)),
        truth=truth,
        logits=logits,
        probabilities=softmax(logits, axis=1),
        folds=np.zeros(n_images, dtype=np.int64),
    )


def main() -> None:
    """Print the processor's and the clock's seconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--per-patient", type=int, default=2)
    parser.add_argument("--resamples", type=int, default=2000)
    options = parser.parse_args()
    table = draw(options.images, options.classes, options.per_patient)
    clock, processor = time.perf_counter(), time.process_time()
    judge(table, resamples=options.resamples)
    print(
        f"{options.images} images of {options.classes} classes, {options.per_patient} a patient, "
        f"{options.resamples} resamples: {time.process_time() - processor:.1f} s of processor "
        f"time, {time.perf_counter() - clock:.1f} s on the clock"
    )


if __name__ == "__main__":
    main()
