"""Controls, judged as a family."""

from dataclasses import replace

import numpy as np

from cxrlens.audit.crossfit import ask
from cxrlens.audit.looking import Collection
from cxrlens.audit.shortcuts import Clue, judge_clues, list_clues


def test_what_is_planted_alarms_and_noise_does_not() -> None:
    generator = np.random.default_rng(0)
    truth = np.repeat([0, 1], 60)
    question = ask(np.eye(2)[truth], np.arange(120), n_shuffles=100)
    clues = [Clue("size", truth[:, None] + generator.normal(size=(120, 1)), True)]
    clues += [Clue(f"noise {k}", generator.normal(size=(120, 5)), True) for k in range(5)]
    clues.append(Clue("thumbnail", truth[:, None] + generator.normal(size=(120, 1)), False))
    findings = judge_clues(clues, question, ("normal", "covid"))
    told = [one.shortcut for one in findings]
    assert [one.name for one in told if one.is_alarming] == ["size"]
    assert told[0].p_value == 1 / 101
    assert told[-1].p_value is None
    assert (told[-1].auroc.value or 0) > 0.65


def test_the_family_is_honest() -> None:
    """Of sets where no control says anything, about one in twenty alarms at all."""
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(40):
        question = ask(np.eye(2)[generator.integers(2, size=60)], np.arange(60), n_shuffles=60)
        clues = [Clue(str(k), generator.normal(size=(60, 3)), True) for k in range(6)]
        p_values = [one.shortcut.p_value for one in judge_clues(clues, question, ("a", "b"))]
        alarms += min(p for p in p_values if p is not None) <= 0.05
    assert alarms <= 6  # P(7 or more of 40 at 0.05) is 0.003


def test_every_control_is_listed_or_said_to_be_untested(seen: Collection) -> None:
    clues, untested = list_clues(seen)
    names = {clue.name for clue in clues} | {line.partition(":")[0] for line in untested}
    assert names >= {
        "file bytes", "image size", "aspect ratio", "file type", "colour", "bit depth",
        "JPEG tables", "all header facts", "source", "view", "border, lungs blacked out",
        "burned-in text", "lung hull's shape", "32-pixel thumbnail",
    }  # fmt: skip
    assert all(np.isfinite(clue.features).all() for clue in clues)


def test_a_source_column_is_a_control(seen: Collection) -> None:
    labels = seen.table.frame["label"]
    source = np.where(labels == "covid", "journal", "NIH").astype(object)
    table = replace(seen.table, frame=seen.table.frame.assign(source=source))
    clues, _ = list_clues(Collection(table, seen.looks))
    question = ask(Collection(table, seen.looks).labels, seen.clusters, n_shuffles=40)
    own = [clue for clue in clues if clue.name == "source"]
    told = judge_clues(own, question, table.classes)[0].shortcut
    assert told.is_alarming
    assert (told.auroc.value or 0) > 0.8
