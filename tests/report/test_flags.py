"""Every reason for doubt is raised where it should be, and not elsewhere.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation import Control, Evaluation, judge, judge_subgroups
from cxrlens.report import FlowStep, Report
from cxrlens.report.flags import find_flags
from cxrlens.vocabulary import UNKNOWN_TRAINING, Estimate, PredictionTable, Refusal


def make_table(n: int, signal: float, *, patients: bool = True) -> PredictionTable:
    random = np.random.default_rng(1)
    truth = np.arange(n) % 2
    high = 1 / (1 + np.exp(-random.normal(signal * (truth - 0.5), 1)))
    return PredictionTable(
        classes=("NORMAL", "PNEUMONIA"),
        images=tuple(f"{row}.png" for row in range(n)),
        patients=tuple(f"p{row}" if patients else None for row in range(n)),
        truth=truth,
        logits=np.column_stack([np.zeros(n), high]),
        probabilities=np.column_stack([1 - high, high]),
        folds=np.zeros(n, dtype=np.int64),
    )


def judge_made(*args: float, patients: bool = True) -> Evaluation:
    return judge(make_table(int(args[0]), args[1], patients=patients), resamples=50)


@pytest.fixture(scope="module")
def sound(bare: Report) -> Report:
    """A report that gives no reason for doubt."""
    return replace(bare, evaluation=judge_made(200, 4.0))


def read(report: Report) -> str:
    return " ".join(flag.text for flag in find_flags(report))


def test_a_sound_report_has_none(sound: Report) -> None:
    assert find_flags(sound) == ()


def test_an_imported_model_may_have_seen_the_images(sound: Report) -> None:
    assert "trained on" in read(replace(sound, notes=(UNKNOWN_TRAINING,)))


@pytest.mark.parametrize(("value", "is_flagged"), [(0.94, False), (0.96, True), (1.0, True)])
def test_a_control_is_near_within_a_margin(sound: Report, value: float, is_flagged: bool) -> None:
    whole = replace(sound.evaluation, macro_auroc=Estimate(1.0, 0.99, 1.0, 200, "made"))
    control = Control("file bytes", Estimate(value, 0.5, 1.0, 200, "made"))
    told = read(replace(sound, evaluation=whole, controls=(control,)))
    assert ("“file bytes” alone" in told) == is_flagged


def test_guessing_and_a_class_never_decided_for(bare: Report) -> None:
    assert "may be guessing" in read(replace(bare, evaluation=judge_made(200, 0.0)))
    table = make_table(200, 4.0)
    low = np.column_stack([1 - table.probabilities[:, 1] / 3, table.probabilities[:, 1] / 3])
    never = judge(replace(table, probabilities=low), resamples=50)
    assert "It never decides for PNEUMONIA." in read(replace(bare, evaluation=never))


def test_few_patients_and_unknown_ones(bare: Report) -> None:
    assert "Few patients: NORMAL 40, PNEUMONIA 40" in read(
        replace(bare, evaluation=judge_made(80, 4.0))
    )
    unknown = read(replace(bare, evaluation=judge_made(200, 4.0, patients=False)))
    assert "Of 200 of 200 images the patient is unknown" in unknown


def test_a_gap_between_groups_is_named(sound: Report) -> None:
    table = make_table(400, 4.0)
    groups = ["M" if row % 4 < 2 else "F" for row in range(400)]
    worse = table.probabilities.copy()
    worse[[row for row in range(400) if groups[row] == "M" and row % 2]] = [0.9, 0.1]
    found = judge_subgroups(replace(table, probabilities=worse), "sex", groups, resamples=50)
    told = read(replace(sound, subgroups=(found,)))
    assert "It does not do equally well by sex" in told
    assert "F above M by" in told
    same = judge_subgroups(table, "sex", groups, resamples=50)
    assert find_flags(replace(sound, subgroups=(same,))) == ()


@pytest.mark.parametrize(("n_moved", "is_flagged"), [(0, True), (158, True), (160, False)])
def test_classes_that_come_from_one_source_each(
    sound: Report, n_moved: int, is_flagged: bool
) -> None:
    table = make_table(200, 4.0)  # every second image is a PNEUMONIA
    sources = ["site" if row % 2 or row < n_moved else "archive" for row in range(200)]
    found = judge_subgroups(table, "source", sources, resamples=50)
    told = read(replace(sound, subgroups=(found,)))
    assert ("spread unevenly by source" in told) == is_flagged
    # the archive has only NORMAL: 100 PNEUMONIA and what is left of the NORMAL are told rightly
    assert (f"right for {200 - n_moved // 2} of 200 images, against 100" in told) == is_flagged


def test_many_refusals(sound: Report) -> None:
    refusals = tuple(Refusal(f"{row}", "empty", "nothing in it") for row in range(6))
    few, many = (
        replace(sound, refusals=refusals, flow=(FlowStep("files found", n, "all"),))
        for n in (1000, 100)
    )
    assert find_flags(few) == ()
    assert "6 of 100 files could not be used" in read(many)


def test_evidence_beside_the_lesion(sound: Report, full: Report) -> None:
    assert full.maps is not None
    row = replace(
        full.maps.per_class[0],
        heat_inside=Estimate(0.04, 0.02, 0.06, 30, "made"),
        mask_share=Estimate(0.03, 0.02, 0.04, 30, "made"),
    )
    assert "no more than heat spread evenly would" in read(
        replace(sound, maps=replace(full.maps, per_class=(row,)))
    )
