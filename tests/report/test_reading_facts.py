"""The facts hold the notice, every figure, and a sentence of each kind for each class.

SPDX-License-Identifier: Apache-2.0
"""

import json

import numpy as np

from cxrlens.evaluation import Readings, judge_readings
from cxrlens.report import (
    gather_reading_facts,
    tell_agreement,
    tell_reference,
    tell_seconds,
    tell_switches,
)
from cxrlens.vocabulary import NOT_A_DEVICE, to_plain


def _draw(n: int, levels: tuple[str, ...]) -> Readings:
    rng = np.random.default_rng(0)
    reader, machine, reference = (rng.integers(0, 2, (n, 2)).astype(np.float32) for _ in range(3))
    return Readings(
        classes=("effusion", "nodule"),
        clusters=np.arange(n),
        first=reader,
        final=machine,
        machine=machine,
        reference=reference,
        seconds=rng.random(n) * 60,
        shown=np.ones(n, dtype=bool),
        bundles=("ab12",) * n,
        levels=tuple(levels[i % len(levels)] for i in range(n)),
    )


def test_facts() -> None:
    outcome = judge_readings(_draw(40, ("assistance",)))
    facts = gather_reading_facts(outcome)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["notice"] == NOT_A_DEVICE
    assert facts["outcome"] == to_plain(outcome)
    assert facts["verdicts"] == [
        {
            "class_name": one.class_name,
            "agreement": tell_agreement(one),
            "reference": tell_reference(one),
            "switches": tell_switches(one),
        }
        for one in outcome.per_class
    ]
    assert facts["seconds"] == [tell_seconds(one) for one in outcome.seconds]


def test_levels_that_stand_together_are_named() -> None:
    together = gather_reading_facts(judge_readings(_draw(40, ("shadow", "assistance"))))["notes"]
    alone = gather_reading_facts(judge_readings(_draw(40, ("shadow",))))["notes"]
    assert isinstance(together, list)
    assert isinstance(alone, list)
    (more,) = [one for one in together if one not in alone]
    assert "assistance (20), shadow (20)" in more


def test_an_empty_room_has_facts() -> None:
    facts = gather_reading_facts(judge_readings(_draw(0, ("shadow",))))
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["seconds"] == []
