"""What is asked for is taken; `auto` is measured.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import replace

import pytest
import torch

from cxrlens.training import choose_precision, load_recipe, measure_bfloat16_speedup

OPTIMISATION = load_recipe("default").optimisation


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_is_asked_for_is_taken(precision: str, device: str) -> None:
    assert choose_precision(replace(OPTIMISATION, precision=precision), device) == precision


def test_auto_takes_one_of_both() -> None:
    assert OPTIMISATION.precision == "auto"
    assert choose_precision(OPTIMISATION, "cpu") in ("float32", "bfloat16")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_auto_on_a_gpu() -> None:
    is_able = torch.cuda.get_device_capability()[0] >= 8
    assert choose_precision(OPTIMISATION, "cuda") == ("bfloat16" if is_able else "float32")


def test_measuring_leaves_the_threads_and_the_chance_as_they_were() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    assert measure_bfloat16_speedup() > 0
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
