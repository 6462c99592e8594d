"""What a range test of the learning rate saw.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RateTrial:
    """One step of the test."""

    learning_rate: float
    """Of this step; groups with a rate factor took that many times more."""

    loss: float
    """Mean over the step's images, before the weights moved; finite."""

    smoothed_loss: float
    """Exponentially smoothed over the steps so far."""


@dataclass(frozen=True)
class RateSearch:
    """A learning rate that grew from step to step, and how the loss took it."""

    trials: tuple[RateTrial, ...]
    """In order; the rates grow by the same factor from each to the next."""

    has_diverged: bool
    """Whether the test was stopped since the loss had grown too far, or was not finite."""

    steepest: float | None
    """Rate at which the smoothed loss fell fastest; None where too few steps were seen."""

    tenth_of_minimum: float | None
    """A tenth of the rate at which the smoothed loss was smallest; None as above."""

    @property
    def suggestion(self) -> float | None:
        """A tenth of the minimum: the steepest place moves with the chance of the first batches."""
        return self.tenth_of_minimum
