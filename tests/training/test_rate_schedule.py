"""The rate of a step is that of torch's own schedules.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.training import Stage, load_recipe
from cxrlens.training.rate_schedule import compute_rate_factor


def make_stage(schedule: str, warm_up: float = 0.0, **more: float) -> Stage:
    changes: dict[str, object] = {"schedule": schedule, "warm_up": warm_up, **more}
    return replace(load_recipe("default").stages[0], **changes)  # type: ignore[arg-type]


def run_torch(schedule: object, optimiser: torch.optim.Optimizer, n: int) -> list[float]:
    rates = []
    for _ in range(n):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()  # type: ignore[attr-defined]
    return rates


def make_optimiser() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


@pytest.mark.parametrize("warm_up", [0.15, 0.3, 0.5, 0.93])
@pytest.mark.parametrize("n", [10, 37, 100])
def test_one_cycle_is_that_of_torch(n: int, warm_up: float) -> None:
    optimiser = make_optimiser()
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 1.0, total_steps=n, pct_start=warm_up, cycle_momentum=False
    )
    expected = [optimiser.param_groups[0]["lr"]]
    for _ in range(n - 1):
        optimiser.step()
        schedule.step()
        expected.append(optimiser.param_groups[0]["lr"])
    stage = make_stage("one-cycle", warm_up)
    found = [compute_rate_factor(stage, step, n, 5) for step in range(n)]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_cosine_is_that_of_torch() -> None:
    optimiser = make_optimiser()
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=29)
    stage = make_stage("cosine")
    found = [compute_rate_factor(stage, step, 30, 5) for step in range(30)]
    assert found == pytest.approx(run_torch(schedule, optimiser, 30), abs=1e-9)


def test_steps_are_those_of_torch() -> None:
    optimiser = make_optimiser()
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=4, gamma=0.1)
    by_epoch = run_torch(schedule, optimiser, 10)
    stage = make_stage("step", step_epochs=4, gamma=0.1)
    found = [compute_rate_factor(stage, step, 70, 7) for step in range(70)]
    assert found == pytest.approx([rate for rate in by_epoch for _ in range(7)])


def test_a_warm_up_rises_along_a_line() -> None:
    stage = make_stage("constant", 0.4)
    found = [compute_rate_factor(stage, step, 10, 5) for step in range(10)]
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, *[1.0] * 6])


@given(
    st.sampled_from(["one-cycle", "cosine", "step", "constant"]),
    st.floats(0, 0.999),
    st.integers(1, 300),
    st.integers(1, 20),
)
def test_it_lies_between_nothing_and_all(
    schedule: str, warm_up: float, n: int, epoch_steps: int
) -> None:
    stage = make_stage(schedule, warm_up)
    factors = [compute_rate_factor(stage, step, n, epoch_steps) for step in range(n)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) > 0
