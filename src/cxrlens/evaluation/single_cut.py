"""Two certificates become one cut, above and below which the machine decides every case.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from scipy.special import expit, logit

from cxrlens.evaluation.certificate import Certificate
from cxrlens.vocabulary import InputError


def join_certificates(negative: Certificate, positive: Certificate) -> float:
    """Find the cut of full automation: negative below it, positive from it on.

    Both promises hold at the cut by monotonicity: below the cut lies only what is below the
    threshold of `negative`, and from the cut on only what is above that of `positive`, so that
    whoever is decided wrongly at the cut would be decided wrongly by one of the certificates too.
    Each promise keeps its own confidence; both together hold with at least 1 less the two deltas.

    Args:
        negative: decides negative below its threshold.
        positive: decides positive above its threshold; of the same finding, bundle and
            preprocessing.

    Returns:
        The cut, above the threshold of `positive` and at most that of `negative`: halfway between
        them on the logit scale.

    Raises:
        InputError: if the certificates do not belong together, or the threshold of `positive` is
            not below that of `negative`: then scores are left that neither decides.
    """
    if (negative.decides, positive.decides) != ("negative", "positive"):
        raise InputError(
            f"full automation needs a certificate that decides negative and one that decides "
            f"positive; got {negative.decides} and {positive.decides}: certify the other side, or "
            "swap them"
        )
    for name in ("finding", "bundle", "preprocessing"):
        ours, theirs = getattr(negative, name), getattr(positive, name)
        if ours != theirs:
            raise InputError(
                f"two certificates make one cut only for the same {name}; got {ours[:12]} and "
                f"{theirs[:12]}: certify both sides of one bundle"
            )
    low, high = positive.threshold, negative.threshold
    if high <= low:
        raise InputError(
            f"scores from {high:.4g} to {low:.4g} are decided by neither certificate (negative is "
            f"decided below {high:.4g}, positive above {low:.4g}); leave them to a reader, promise "
            "less, or train a better model"
        )
    ends = logit(np.array([low, high]))
    cut = float(expit(ends.mean())) if np.isfinite(ends).all() else high
    return cut if low < cut <= high else high  # neighbours have no number between them
