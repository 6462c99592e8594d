"""What is said in words is what the figures say.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation import (
    ClassOutcome,
    Readings,
    ReadingSeconds,
    judge_readings,
    measure_agreement,
)
from cxrlens.report import tell_agreement, tell_reference, tell_seconds, tell_switches

nan = float("nan")
Row = tuple[float, float, float, float, bool]


def _judge(rows: list[Row], classes: int = 1) -> ClassOutcome:
    """Rows of first, final, machine, reference, shown; every class is answered alike."""
    columns = [
        np.array([[row[place]] * classes for row in rows], dtype=np.float32).reshape(-1, classes)
        for place in range(4)
    ]
    readings = Readings(
        classes=tuple(["effusion", "nodule"][:classes]),
        clusters=np.arange(len(rows)),
        first=columns[0],
        final=columns[1],
        machine=columns[2],
        reference=columns[3],
        seconds=np.full(len(rows), 20.0),
        shown=np.array([row[4] for row in rows], dtype=bool),
        bundles=tuple(None if np.isnan(row[2]) else "ab12" for row in rows),
        levels=("shadow",) * len(rows),
    )
    return judge_readings(readings).per_class[0]


def _blind(reader: float, machine: float, reference: float, n: int) -> list[Row]:
    return [(nan, reader, machine, reference, False)] * n


SHADOW = [
    *_blind(1, 1, 1, 9),
    *_blind(1, 0, 1, 4),
    *_blind(0, 1, 1, 1),
    *_blind(0, 0, 0, 26),
    *_blind(0, 1, 0, 2),
    *_blind(0, 0, nan, 8),
]


def test_agreement_in_one_line() -> None:
    told = tell_agreement(_judge(SHADOW))
    reader = np.repeat([True, True, False, False], [9, 4, 3, 34])
    machine = np.repeat([True, False, True, False], [9, 4, 3, 34])
    expected = measure_agreement(reader, machine, np.arange(50))
    share, kappa = expected.share, expected.kappa
    assert told == (
        f"effusion: agrees with the reader in 43 of 50 (0.86, {share.low:.2f} to {share.high:.2f});"
        f" κ {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f})."
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [*_blind(1, 1, nan, 1), *_blind(0, 0, nan, 2)],
            "effusion: agrees with the reader in 3 of 3 (n = 3: no interval); "
            "κ 1.00 (n = 3: no interval).",
        ),
        (
            _blind(0, 0, nan, 20),
            "κ not defined (both gave one and the same answer to every case, so that chance alone "
            "agrees in all).",
        ),
        (
            [*_blind(0, 0, nan, 18), *_blind(0, 1, nan, 2)],
            "κ 0.00 (n = 20: no interval: one of the two gave the same answer to every case",
        ),
        (
            [*SHADOW, *[(nan, 1.0, 1.0, nan, True)] * 5],
            "left out: 5 answered only in sight of the machine's answer.",
        ),
        ([], "effusion: no reading has an unaided answer beside the machine's."),
    ],
)
def test_what_there_is_no_figure_for(rows: list[Row], said: str) -> None:
    assert said in tell_agreement(_judge(rows))


def test_no_minus_before_nought() -> None:
    rows = [*_blind(1, 1, nan, 9), *_blind(1, 0, nan, 91), *_blind(0, 1, nan, 91)]
    rows += _blind(0, 0, nan, 919)
    outcome = _judge(rows)
    assert outcome.agreement.kappa.value is not None
    assert -0.005 < outcome.agreement.kappa.value < 0
    assert "κ 0.00 (" in tell_agreement(outcome)


def test_reference() -> None:
    told = tell_reference(_judge(SHADOW))
    assert told.startswith(
        "effusion: against the reference, known of 42 of 50 readings, the reader finds 13 of 14 "
        "(0.93, "
    )
    assert "the machine finds 10 of 14 (0.71, " in told
    assert "rightly leaves 26 of 28 (0.93, " in told
    assert "alone is right in 6, the machine alone in 1 (p = 0.125, McNemar, exact)." in told
    assert told.endswith("Readings that were looked into may differ from the rest.")
    assert "adjusted" not in told


def test_reference_with_several_classes_has_adjusted_p_values() -> None:
    told = tell_reference(_judge(SHADOW, classes=2))
    assert "(p = 0.250, McNemar, exact; adjusted for the number of classes)" in told


def test_reference_of_one_kind_or_of_nobody() -> None:
    told = tell_reference(_judge(_blind(0, 0, 0, 12)))
    assert "finds 0 of 0 (no case where the class is present)" in told
    assert "looked into" not in told
    told = tell_reference(_judge(_blind(0, 1, nan, 12)))
    assert told == "effusion: the reference is known of none of 12 readings with both answers."


def test_reference_of_other_sets_of_readings() -> None:
    rows: list[Row] = [(nan, 1.0, 1.0, 1.0, True)] * 6 + [(nan, 0.0, nan, 0.0, False)] * 7
    told = tell_reference(_judge(rows))
    assert "(not the same set of readings) the reader finds 6 of 6 (1.00, " in told
    assert "Where no machine answered, the reader finds 0 of 0 " in told
    assert "rightly leaves 7 of 7 (1.00, " in told


def test_switches() -> None:
    rows: list[Row] = [
        *[(0.0, 1.0, 1.0, 1.0, True)] * 3,  # talked into the right
        *[(0.0, 0.0, 1.0, 1.0, True)] * 2,
        *[(1.0, 0.0, 0.0, 1.0, True)] * 4,  # talked into the wrong
        *[(1.0, 1.0, 0.0, 1.0, True)] * 4,
        *[(1.0, 0.0, 1.0, nan, True)] * 1,
        *[(1.0, 1.0, 1.0, nan, True)] * 6,
        *[(nan, 1.0, 1.0, 1.0, True)] * 9,  # no answer before
    ]
    told = tell_switches(_judge(rows))
    assert told.startswith(
        "effusion: after the machine's answer was shown, changed in 8 of 20 (0.40, "
    )
    assert (
        ": 7 toward it and 1 away from it. Of 13 with a known reference 3 went to the right "
        in told
    )
    assert "and 4 to the wrong: a right machine turned 3 of 5 (0.60, " in told
    assert "wrong answers, a wrong machine turned 4 of 8 (0.50, " in told
    assert told.endswith(") right answers.")


def test_switches_that_could_not_be() -> None:
    assert tell_switches(_judge(SHADOW)).endswith("both before and after the machine's was shown.")
    told = tell_switches(_judge([(1.0, 1.0, 1.0, nan, True)] * 3))
    assert "changed in 0 of 3 (n = 3: no interval): 0 toward it" in told
    assert told.endswith("The reference is known of none of them.")
    told = tell_switches(_judge([(1.0, 1.0, 1.0, 1.0, True)] * 8))
    assert told.endswith(
        "a right machine met no wrong answer, a wrong machine met no right answer."
    )


def test_too_few_patients_with_many_cases_are_named() -> None:
    outcome = _judge(SHADOW)
    few = measure_agreement(np.arange(12) < 5, np.arange(12) < 7, np.arange(12) % 3)
    told = tell_agreement(replace(outcome, agreement=few))
    assert "10 of 12 (n = 12: no interval: it rests on 3 patients, fewer than 5)" in told


def test_seconds() -> None:
    assert tell_seconds(ReadingSeconds("shadow", 3, 2, 20.0, None, None)) == (
        "shadow: median 20.0 s (too few for quartiles), 2 of 3 readings timed."
    )
    assert tell_seconds(ReadingSeconds("shadow", 3, 0, None, None, None)) == (
        "shadow: 0 of 3 readings timed."
    )
