"""How the learning rate goes over a stage, as a function of the step alone.

SPDX-License-Identifier: Apache-2.0

Nothing is carried from step to step, so that a resumed training has no schedule to restore, and
none can be stepped before its optimiser.
"""

import math

from cxrlens.training.recipe import Stage

_START, _END = 1 / 25, 1 / 25e4
"""Of one cycle: the first and the last rate over the largest."""


def compute_rate_factor(stage: Stage, step: int, n_steps: int, epoch_steps: int) -> float:
    """Give the learning rate of a step over the stage's largest.

    Args:
        stage: its schedule.
        step: counted from 0 over the stage.
        n_steps: steps of the whole stage.
        epoch_steps: steps of an epoch.

    Returns:
        A number above 0 (at 0 itself for the last step of `cosine`) and up to 1.

    Source: Smith and Topin 2018, "Super-Convergence" (one cycle, with cosines as in torch's
        OneCycleLR); Loshchilov and Hutter 2017, "SGDR", equation 5 (cosine).
    """
    if stage.schedule == "one-cycle":
        return _one_cycle(stage.warm_up * n_steps - 1, step, max(n_steps - 1, 1))
    if step < (rising := stage.warm_up * n_steps):
        return min(1.0, (step + 1) / (rising + 1))
    if stage.schedule == "cosine":
        return _glide(1.0, 0.0, (step - rising) / max(n_steps - 1 - rising, 1))
    if stage.schedule == "step":
        return float(stage.gamma ** (step // epoch_steps // stage.step_epochs))
    return 1.0


def _one_cycle(top: float, step: int, last: int) -> float:
    """Rise from step 0 to `top`, fall until the last step; `top` may lie before the first."""
    if step <= top and top > 0:
        return _glide(_START, 1.0, step / top)
    top = max(top, 0.0)
    return _glide(1.0, _END, min(1.0, (step - top) / (last - top)) if last > top else 1.0)


def _glide(start: float, end: float, share: float) -> float:
    """Go from start to end along half a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(share, 1.0)))
