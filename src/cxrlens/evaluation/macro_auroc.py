"""The mean of the classes' AUROCs.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

import numpy as np

from cxrlens.evaluation.bootstrap import Resampling, resample_macro_auroc
from cxrlens.evaluation.cases import AnyCases, Cases
from cxrlens.evaluation.figure import Figure, leave_undefined
from cxrlens.evaluation.macro import MacroDraws, estimate_macro
from cxrlens.vocabulary import Estimate


def estimate_macro_auroc(
    cases: AnyCases, figures: Sequence[Figure | None], resampling: Resampling
) -> Estimate:
    """Estimate the mean of the classes' AUROCs, each against all others.

    Args:
        cases: the labelled images.
        figures: the AUROC of each class; None where it does not exist.
        resampling: how often patients are drawn again, and by which chance.

    Returns:
        The mean over the classes that have an AUROC, and which have none is said in its method;
        for two classes that exclude each other the AUROC of the second, with that one's own
        interval.
    """
    known = {index: figure for index, figure in enumerate(figures) if figure}
    if not known:
        return leave_undefined("no fold has images with and without a class")
    if isinstance(cases, Cases) and len(figures) == 2:
        return known[1].to_estimate()
    draws = resample_macro_auroc(cases, list(known), resampling)
    return estimate_macro(
        float(np.mean([figure.value for figure in known.values()])),
        MacroDraws(list(known.values()), draws, is_shared=True),
        max(figure.n for figure in known.values()),
        min(figure.n_patients for figure in known.values()),
        [name for index, name in enumerate(cases.classes) if index not in known],
    )
