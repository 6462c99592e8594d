"""What sensitivity and specificity would come to where the class is rarer or commoner.

SPDX-License-Identifier: Apache-2.0
"""

import math
from dataclasses import dataclass

from cxrlens.evaluation.operating_report import ClassOperating
from cxrlens.vocabulary import Estimate, InputError

ASSUMPTION = (
    "assuming that sensitivity and specificity carry over to a place with this prevalence, which "
    "they do not where the ill are ill in other ways, or the well are other people"
)
"""Said beside every figure at another prevalence."""


@dataclass(frozen=True)
class PrevalenceReport:
    """One class where it is as common as is said."""

    class_name: str
    """The class taken as positive."""

    prevalence: float
    """Share of the images that have it, in (0, 1)."""

    ppv: Estimate
    """Share of the flagged images that have it."""

    npv: Estimate
    """Share of the images not flagged that do not have it."""

    alerts_per_100: Estimate
    """Flagged images of every 100, in [0, 100]."""

    number_needed_to_read: Estimate
    """Flagged images to be read for each that has it, 1 or more."""

    threshold: float | None
    """The probability whose odds weigh a false alarm against a find in the net benefit; the mean
    over models where there are several. None where the largest probability decides."""

    net_benefit: Estimate
    """Finds less false alarms at those odds, an image: 0 is flagging none."""

    net_benefit_of_all: Estimate
    """Net benefit of flagging every image: what the model must be better than."""

    assumption: str = ASSUMPTION
    """What all of this rests on."""


def rebase(operating: ClassOperating, prevalence: float) -> PrevalenceReport:
    """Put sensitivity and specificity where the class is as common as is said.

    The intervals follow from those of sensitivity and specificity, which rest on different
    patients for the most part and are taken as independent.

    Args:
        operating: of the class.
        prevalence: share of the images that have it, in (0, 1).

    Returns:
        The figures; not defined where sensitivity or specificity is not.

    Raises:
        InputError: if the prevalence does not lie between 0 and 1.

    Source:
        Bayes' theorem, as Altman and Bland, BMJ 1994;309:102; intervals by MOVER, Zou and Donner,
        Stat Med 2008;27:1693-1702 (sums), Donner and Zou, Stat Methods Med Res 2012;21:347-359
        (ratios); net benefit: Vickers and Elkin, Med Decis Making 2006;26:565-574.
    """
    if not 0 < prevalence < 1:
        raise InputError(
            f"prevalence {prevalence:g} of {operating.class_name!r} must lie between 0 and 1, "
            "such as 0.05"
        )
    odds = prevalence / (1 - prevalence)
    sensitivity, specificity = _read(operating.sensitivity), _read(operating.specificity)
    n = operating.n_positives + operating.n_negatives
    level = _average(operating.thresholds)
    if sensitivity is None or specificity is None:
        nothing = Estimate(None, None, None, 0, "not defined: no sensitivity or no specificity")
        return PrevalenceReport(
            operating.class_name, prevalence, nothing, nothing, nothing, nothing, level, nothing,
            nothing,
        )  # fmt: skip
    alarms, misses = _complement(specificity), _complement(sensitivity)
    wrong = _scale(_divide(alarms, sensitivity), 1 / odds)
    lost = _scale(_divide(misses, specificity), odds)
    finds = _scale(sensitivity, prevalence)
    return PrevalenceReport(
        class_name=operating.class_name,
        prevalence=prevalence,
        ppv=_tell(_invert(wrong), n, "none is flagged"),
        npv=_tell(_invert(lost), n, "all are flagged"),
        alerts_per_100=_tell(_scale(_add(finds, _scale(alarms, 1 - prevalence)), 100.0), n),
        number_needed_to_read=_tell(_shift(wrong, 1.0), n),
        threshold=level,
        net_benefit=_weigh(finds, _scale(alarms, 1 - prevalence), level, n),
        net_benefit_of_all=_weigh_all(prevalence, level),
    )


@dataclass(frozen=True)
class _Span:
    """A figure with its ends, which may be NaN together; infinite where it has no bound."""

    value: float
    low: float
    high: float


def _read(estimate: Estimate) -> _Span | None:
    if estimate.value is None:
        return None
    low = math.nan if estimate.low is None else estimate.low
    high = math.nan if estimate.high is None else estimate.high
    return _Span(estimate.value, low, high)


def _tell(span: _Span, n: int, why_not: str = "none is flagged rightly") -> Estimate:
    if not math.isfinite(span.value):
        return Estimate(None, None, None, 0, f"not defined: {why_not}")
    if not (math.isfinite(span.low) and math.isfinite(span.high)):
        why = "no interval: sensitivity or specificity has none, or reaches 0"
        return Estimate(span.value, None, None, n, why)
    return Estimate(span.value, span.low, span.high, n, f"MOVER, {ASSUMPTION}")


def _average(thresholds: tuple[float, ...]) -> float | None:
    return sum(thresholds) / len(thresholds) if thresholds else None


def _complement(span: _Span) -> _Span:
    return _Span(1 - span.value, 1 - span.high, 1 - span.low)


def _scale(span: _Span, factor: float) -> _Span:
    return _Span(factor * span.value, factor * span.low, factor * span.high)


def _shift(span: _Span, by: float) -> _Span:
    return _Span(span.value + by, span.low + by, span.high + by)


def _add(a: _Span, b: _Span) -> _Span:
    value = a.value + b.value
    below = math.hypot(a.value - a.low, b.value - b.low)
    above = math.hypot(a.high - a.value, b.high - b.value)
    return _Span(value, value - below, value + above)


def _divide(top: _Span, bottom: _Span) -> _Span:
    """Donner and Zou's ratio; the bottom's low end may be 0: then there is no upper end.

    NaN of 0 by 0, and at the ends where one of the two has none.
    """
    if bottom.value == 0:
        return _Span(math.nan if top.value == 0 else math.inf, math.nan, math.inf)
    if any(math.isnan(end) for end in (top.low, top.high, bottom.low, bottom.high)):
        return _Span(top.value / bottom.value, math.nan, math.nan)
    product = top.value * bottom.value
    span_low = top.low * (2 * top.value - top.low) * bottom.high * (2 * bottom.value - bottom.high)
    span_high = top.high * (2 * top.value - top.high) * bottom.low * (2 * bottom.value - bottom.low)
    base_low = bottom.high * (2 * bottom.value - bottom.high)
    base_high = bottom.low * (2 * bottom.value - bottom.low)
    low = (product - math.sqrt(max(product**2 - span_low, 0.0))) / base_low if base_low > 0 else 0.0
    root = math.sqrt(max(product**2 - span_high, 0.0))
    high = (product + root) / base_high if base_high > 0 else math.inf
    return _Span(top.value / bottom.value, max(low, 0.0), high)


def _invert(odds: _Span) -> _Span:
    """The share 1 / (1 + odds against it)."""
    return _Span(1 / (1 + odds.value), 1 / (1 + odds.high), 1 / (1 + odds.low))


def _weigh(finds: _Span, alarms: _Span, level: float | None, n: int) -> Estimate:
    if level is None or level >= 1:
        return _leave_benefit(level)
    cost = _scale(alarms, level / (1 - level))
    value = finds.value - cost.value
    below = math.hypot(finds.value - finds.low, cost.high - cost.value)
    above = math.hypot(finds.high - finds.value, cost.value - cost.low)
    return _tell(_Span(value, value - below, value + above), n)


def _weigh_all(prevalence: float, level: float | None) -> Estimate:
    if level is None or level >= 1:
        return _leave_benefit(level)
    benefit = prevalence - (1 - prevalence) * level / (1 - level)
    return Estimate(benefit, None, None, 0, "exact: a matter of the prevalence alone")


def _leave_benefit(level: float | None) -> Estimate:
    why = "no threshold decides" if level is None else "a threshold of 1 has no odds"
    return Estimate(None, None, None, 0, f"not defined: {why}")
