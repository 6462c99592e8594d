"""A judgement of readings, written a second time reading by reader's reading, and by hand.

SPDX-License-Identifier: Apache-2.0
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, recall_score
from statsmodels.stats.multitest import multipletests

from cxrlens.evaluation import (
    AnswerRates,
    RaterTest,
    ReadingOutcome,
    Readings,
    judge_readings,
    measure_agreement,
    split_readings,
)
from cxrlens.vocabulary import InputError, to_plain

CLASSES = ("effusion", "nodule", "pneumothorax")


def _draw(seed: int, n: int = 240, images: int = 1) -> Readings:
    """Readings at three levels, with gaps everywhere."""
    rng = np.random.default_rng(seed)

    def draw(like: np.ndarray, share: float) -> np.ndarray:
        return np.where(rng.random(like.shape) < share, like, 1 - like).astype(np.float32)

    def drop(answers: np.ndarray, share: float) -> np.ndarray:
        return np.where(rng.random(answers.shape) < share, np.float32(np.nan), answers)

    reference = (rng.random((n, 3)) < 0.35).astype(np.float32)
    levels = rng.choice(["human only", "shadow", "assistance"], n)
    machine = drop(draw(reference, 0.85), 0.05)
    machine[levels == "human only"] = np.nan
    shown = (levels == "assistance") & np.isfinite(machine).any(axis=1)
    blind = draw(reference, 0.8)
    seen = np.where((rng.random((n, 3)) < 0.3) & np.isfinite(machine), machine, blind)
    reference = drop(reference, 0.3)
    reference[rng.random((n, 3)) < 0.05] = -1
    return Readings(
        classes=CLASSES,
        clusters=np.arange(n) // images,
        first=drop(blind, 0.5),
        final=drop(np.where(shown[:, None], seen, blind).astype(np.float32), 0.05),
        machine=machine,
        reference=reference,
        seconds=np.where(rng.random(n) < 0.1, np.nan, rng.gamma(4, 8, n)),
        shown=shown,
        bundles=tuple(None if level == "human only" else "ab12" for level in levels),
        levels=tuple(str(level) for level in levels),
    )


def _pick_unaided(readings: Readings, row: int, place: int) -> float | None:
    first, final = float(readings.first[row, place]), float(readings.final[row, place])
    if first in (0, 1):
        return first
    if not readings.shown[row] and final in (0, 1):
        return final
    return None


def _check_rates(told: AnswerRates, pairs: list[tuple[float, float]]) -> None:
    """Against scikit-learn; each pair is the truth and the answer."""
    for estimate, label in ((told.sensitivity, 1), (told.specificity, 0)):
        own = [pair for pair in pairs if pair[0] == label]
        assert estimate.n == len(own)
        if own:
            truth, answers = zip(*pairs, strict=True)
            assert estimate.value == pytest.approx(recall_score(truth, answers, pos_label=label))
        else:
            assert estimate.value is None


def _check_test(told: RaterTest | None, trios: list[tuple[float, float, float]]) -> None:
    """Each trio is the reference, the reader's answer and the machine's."""
    if not trios:
        assert told is None
        return
    assert told is not None
    reader = sum(ours == truth != theirs for truth, ours, theirs in trios)
    machine = sum(theirs == truth != ours for truth, ours, theirs in trios)
    seen = told.discordance
    assert (seen.only_first, seen.only_second) == (reader, machine)
    expected = binomtest(reader, reader + machine).pvalue if reader + machine else 1.0
    assert seen.p_value == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_reading_by_reading(seed: int) -> None:
    readings = _draw(seed)
    outcome = judge_readings(readings)
    assert (outcome.bundle, outcome.n_readings, outcome.n_patients) == ("ab12", 240, 240)
    for place, told in enumerate(outcome.per_class):
        both, trios, aided, alone, unknown, only_aided = [], [], [], [], 0, 0
        for row in range(240):
            ours = _pick_unaided(readings, row, place)
            theirs, final, truth = (
                float(one[row, place])
                for one in (readings.machine, readings.final, readings.reference)
            )
            if ours is not None and theirs in (0, 1):
                both.append((ours, theirs))
                trios += [(truth, ours, theirs)] if truth in (0, 1) else []
                unknown += truth not in (0, 1)
            only_aided += ours is None and theirs in (0, 1) and final in (0, 1)
            if truth in (0, 1):
                aided += [(truth, final)] if readings.shown[row] and final in (0, 1) else []
                alone += [(truth, ours)] if ours is not None and theirs not in (0, 1) else []
        assert told.class_name == CLASSES[place]
        assert told.agreement.n_cases == len(both)
        assert told.agreement.kappa.value == pytest.approx(
            cohen_kappa_score(*zip(*both, strict=True))
        )
        assert told.n_only_aided == only_aided
        _check_rates(told.against_reader, both)
        reference = told.reference
        assert (reference.n_known, reference.n_unknown) == (len(trios), unknown)
        _check_rates(reference.reader, [(truth, ours) for truth, ours, _ in trios])
        _check_rates(reference.machine, [(truth, theirs) for truth, _, theirs in trios])
        _check_rates(reference.aided, aided)
        _check_rates(reference.alone, alone)
        _check_test(reference.on_all, trios)
        _check_test(reference.on_present, [one for one in trios if one[0] == 1])
        _check_test(reference.on_absent, [one for one in trios if one[0] == 0])


def test_tests_are_adjusted_over_the_classes() -> None:
    outcome = judge_readings(_draw(1))
    for name in ("on_all", "on_present", "on_absent"):
        tests = [getattr(one.reference, name) for one in outcome.per_class]
        expected = multipletests([one.discordance.p_value for one in tests], method="holm")[1]
        assert [one.adjusted_p_value for one in tests] == pytest.approx(expected.tolist())
    readings = _draw(1)
    columns = ("first", "final", "machine", "reference")
    single = {name: getattr(readings, name)[:, :1] for name in columns}
    silent = np.isnan(single["machine"]).all(axis=1)
    readings = replace(readings, classes=CLASSES[:1], shown=readings.shown & ~silent, **single)
    one = judge_readings(readings).per_class[0].reference.on_all
    assert one is not None
    assert one.adjusted_p_value is None


def test_several_readings_of_a_patient_are_taken_as_dependent() -> None:
    readings = _draw(2, images=3)
    told = judge_readings(readings).per_class[0]
    keep = np.isfinite(readings.unaided[:, 0]) & np.isfinite(readings.machine[:, 0])
    expected = measure_agreement(
        readings.unaided[keep, 0] == 1, readings.machine[keep, 0] == 1, readings.clusters[keep]
    )
    assert told.agreement == expected
    assert told.agreement.n_patients < told.agreement.n_cases
    assert told.reference.on_all is not None
    assert told.reference.on_all.discordance.method.startswith("exchange")


def test_what_was_answered_in_sight_of_the_machine_is_no_agreement() -> None:
    """A reader who always does as the machine says: full agreement, were it counted."""
    readings = _draw(3)
    nothing = np.full_like(readings.first, np.nan)
    copied = np.where(readings.shown[:, None], readings.machine, readings.final)
    told = judge_readings(replace(readings, first=nothing, final=copied)).per_class[0]
    blind = ~readings.shown & np.isfinite(readings.machine[:, 0])
    assert told.agreement.n_cases == int((blind & np.isfinite(readings.final[:, 0])).sum())
    assert told.n_only_aided == int((readings.shown & np.isfinite(readings.machine[:, 0])).sum())
    assert told.agreement.share.value is not None
    assert told.agreement.share.value < 1
    assert told.switches.n_readings == 0


def test_switches_are_those_of_the_readings_in_which_it_was_shown() -> None:
    readings = _draw(4)
    told = judge_readings(readings).per_class[1].switches
    columns = (readings.first, readings.final, readings.machine)
    asked = np.logical_and.reduce([np.isfinite(one[:, 1]) for one in columns]) & readings.shown
    moved = asked & (readings.first[:, 1] != readings.final[:, 1])
    assert (told.n_readings, told.changed.n_changed) == (int(asked.sum()), int(moved.sum()))
    assert told.changed.n_changed > 0


def test_bundles_are_refused_together_and_judged_apart() -> None:
    readings = _draw(5)
    mixed = tuple(one and ("cd34" if row % 3 else one) for row, one in enumerate(readings.bundles))
    readings = replace(readings, bundles=mixed)
    with pytest.raises(InputError, match=r"got 2: ab12 \(\d+ readings\), cd34 \(\d+ readings\)"):
        judge_readings(readings)
    outcomes = [judge_readings(part) for part in split_readings(readings)]
    found = [(one.bundle, *(level.level for level in one.seconds)) for one in outcomes]
    assert found == [
        (None, "human only"),
        ("ab12", "assistance"), ("ab12", "shadow"),
        ("cd34", "assistance"), ("cd34", "shadow"),
    ]  # fmt: skip
    assert sum(one.n_readings for one in outcomes) == 240


def test_where_no_model_ran_only_the_reader_is_judged() -> None:
    alone = judge_readings(split_readings(_draw(6))[0])
    assert alone.bundle is None
    for one in alone.per_class:
        assert one.agreement.n_cases == 0
        assert one.agreement.kappa.value is None
        assert one.reference.on_all is None
        assert one.reference.alone.sensitivity.value is not None
        assert one.switches.n_readings == 0


def test_by_level_the_parts_are_not_the_whole() -> None:
    """Seconds of all levels stand beside each other, each as when judged alone."""
    readings = _draw(7)
    whole = judge_readings(readings)
    parts = [judge_readings(part) for part in split_readings(readings)]
    alone = sorted((one for part in parts for one in part.seconds), key=lambda one: one.level)
    assert whole.seconds == tuple(alone)
    cases = sum(part.per_class[0].agreement.n_cases for part in parts)
    assert whole.per_class[0].agreement.n_cases == cases


@pytest.mark.parametrize("n", [0, 1, 3])
def test_hardly_any_reading_is_no_fault_and_has_no_interval(n: int) -> None:
    readings = _draw(8).take(np.arange(240) < n)
    outcome = judge_readings(readings)
    written = json.dumps(to_plain(outcome), allow_nan=False)  # no NaN anywhere
    assert json.loads(written)["n_readings"] == n
    for one in outcome.per_class:
        for estimate in (
            one.agreement.share,
            one.agreement.kappa,
            one.reference.reader.sensitivity,
        ):
            assert estimate.low is None
            assert estimate.method.startswith(("no interval: ", "not defined: "))


def test_order_and_numbers_of_patients_play_no_part() -> None:
    readings = _draw(9, images=2)
    order = np.random.default_rng(0).permutation(240)
    places = order.tolist()
    shuffled = Readings(
        readings.classes,
        1000 - 3 * readings.clusters[order],
        readings.first[order],
        readings.final[order],
        readings.machine[order],
        readings.reference[order],
        readings.seconds[order],
        readings.shown[order],
        tuple(readings.bundles[row] for row in places),
        tuple(readings.levels[row] for row in places),
    )
    one, other = (_flatten(judge_readings(each)) for each in (readings, shuffled))
    assert one.keys() == other.keys()
    for key, value in one.items():
        if isinstance(value, float):
            assert value == pytest.approx(other[key]), key
        else:
            assert value == other[key], key


def _flatten(outcome: ReadingOutcome) -> dict[str, object]:
    found: dict[str, object] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict | list):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                walk(item, f"{path}/{key}")
        else:
            found[path] = value

    walk(to_plain(outcome), "")
    return found
