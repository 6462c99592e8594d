"""Reader and machine differ more often than before: the cumulative sum that finds out.

SPDX-License-Identifier: Apache-2.0
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from cxrlens.evaluation.cusum_design import CusumDesign
from cxrlens.evaluation.drift_alarm import DriftAlarm
from cxrlens.vocabulary import Flags


@dataclass(frozen=True, eq=False)
class AgreementChart:
    """The sum after each case, up to its alarm."""

    design: CusumDesign
    """How it is built."""

    sums: Int64[np.ndarray, " cases"]
    """After each case, up to the one that alarmed, at least 0."""

    alarm: DriftAlarm | None
    """The alarm; None where there was none."""


def watch_agreement(differs: Flags, design: CusumDesign) -> AgreementChart:
    """Watch whether reader and machine come to differ more often.

    It sees agreement fall, not rise; and agreement is no accuracy: both may go wrong together. Of
    a room at a level where the reader sees the machine's answer first, only answers given before
    that are of use.

    Args:
        differs: whether reader and machine differ, one a case, in the order of reading; hand in
            one case a patient.
        design: made beforehand, with the share of the shadow period.

    Returns:
        The sums, and the alarm in words with the case since which the sum rose, which is the
        likeliest beginning of the change.

    Source:
        Page, Biometrika 1954;41:100-115.
    """
    sums: list[int] = []
    total = 0
    since = 1
    for case, one in enumerate(differs.tolist(), 1):
        total = total + design.up if one else max(total - design.down, 0)
        sums.append(total)
        if total >= design.limit:
            return AgreementChart(design, np.array(sums), _tell(differs, since, case, design))
        if total == 0:
            since = case + 1
    return AgreementChart(design, np.array(sums, dtype=np.int64), None)


def _tell(differs: Flags, since: int, case: int, design: CusumDesign) -> DriftAlarm:
    n_cases, n_differing = case - since + 1, int(differs[since - 1 : case].sum())
    return DriftAlarm(
        "agreement",
        case,
        f"reader and machine differed in {n_differing} of the {n_cases} cases from case {since} to "
        f"{case}, where {100 * design.usual:.3g} % is usual; if nothing had changed, that would "
        f"happen once in {design.run_length:,.0f} cases",
    )
