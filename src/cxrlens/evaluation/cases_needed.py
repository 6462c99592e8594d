"""How many cases it takes to find a difference between two models.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass

from scipy.special import ndtri

POWER = 0.8
"""How often a study of that size would find the difference."""

_REACH = float(ndtri(0.975) + ndtri(POWER))


@dataclass(frozen=True)
class CasesNeeded:
    """A study that would find a difference of a given size with 80 % power at two-sided 5 %."""

    difference: float
    """The size of the true difference, above 0."""

    patients: int
    """Patients it takes, of the same mix of classes and images as those seen."""

    images: int
    """Their images, at as many a patient as were seen."""


def find_cases_needed(
    variance: float, n_patients: int, n_images: int, difference: float
) -> CasesNeeded:
    """Find how many cases it takes to find a difference.

    The variance of a paired difference falls as patients are added. It is taken from the study at
    hand, and with it how alike the two models answer, how many images a patient has, and how many
    patients have each class; another pair of models has another one. The size of the difference
    is not taken from the study: whoever plans on the difference that was just seen plans on chance.

    Args:
        variance: of the paired difference in the study at hand, above 0.
        n_patients: patients of that study.
        n_images: their images.
        difference: how large a true difference is to be found, above 0.

    Returns:
        The study that would find it.

    Source:
        Obuchowski, Stat Methods Med Res 1998;7:371-392 (the number of cases is the square of the
        two quantiles' sum times the variance of one case, divided by the squared difference); of
        paired proportions Connor, Biometrics 1987;43:207-211; why not the difference seen: Hoenig
        and Heisey, Am Stat 2001;55:19-24.

    Example:
        >>> find_cases_needed(0.0004, 100, 150, 0.02)
        CasesNeeded(difference=0.02, patients=785, images=1178)
    """
    needed = _REACH**2 * variance * n_patients / difference**2
    images = math.ceil(needed * n_images / n_patients)
    return CasesNeeded(difference, math.ceil(needed), images)
