"""What came of reading beside a machine is said in plain words.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.evaluation import (
    AnswerRates,
    ClassOutcome,
    RaterTest,
    ReadingSeconds,
    ReferenceOutcome,
    Switch,
)
from cxrlens.report.verdict import tell_p
from cxrlens.vocabulary import Estimate, show_name


def tell_agreement(outcome: ClassOutcome) -> str:
    """Say how far the machine and the readers' unaided answers agree about one class.

    Args:
        outcome: of the class.

    Returns:
        One sentence, such as `effusion: agrees with the reader in 41 of 44 (0.93, 0.82 to 0.98);
        κ 0.81 (0.62 to 0.95).`
    """
    agreement, name = outcome.agreement, show_name(outcome.class_name)
    left_out = ""
    if outcome.n_only_aided:
        left_out = (
            f"; left out: {outcome.n_only_aided} answered only in sight of the machine's answer"
        )
    if agreement.n_cases == 0:
        return f"{name}: no reading has an unaided answer beside the machine's{left_out}."
    kappa = agreement.kappa
    told = "not defined" if kappa.value is None else _round(kappa.value)
    return (
        f"{name}: agrees with the reader in {_tell_share(agreement.share)}; "
        f"κ {told} ({_tell_ends(kappa)}){left_out}."
    )


def tell_reference(outcome: ClassOutcome) -> str:
    """Say how reader and machine do against the reference, on the same readings.

    Args:
        outcome: of the class.

    Returns:
        A few sentences; the p-value is adjusted for the number of classes where there are several.
    """
    reference, name = outcome.reference, show_name(outcome.class_name)
    n_both = reference.n_known + reference.n_unknown
    told = [_tell_paired(reference, n_both)]
    if reference.on_all is not None:
        told.append(_tell_test(reference.on_all))
    if reference.n_known and reference.n_unknown:
        told.append("Readings that were looked into may differ from the rest.")
    if _count(reference.aided):
        told.append(
            "With the machine's answer in sight (not the same set of readings) the reader "
            f"{_tell_rates(reference.aided)}."
        )
    if _count(reference.alone):
        told.append(f"Where no machine answered, the reader {_tell_rates(reference.alone)}.")
    return f"{name}: {' '.join(told)}"


def tell_switches(outcome: ClassOutcome) -> str:
    """Say how often readers changed their answer once they had seen the machine's.

    Args:
        outcome: of the class.

    Returns:
        A few sentences.
    """
    switches, name = outcome.switches, show_name(outcome.class_name)
    if switches.n_readings == 0:
        return f"{name}: no reading has an answer both before and after the machine's was shown."
    told = (
        f"{name}: after the machine's answer was shown, changed in "
        f"{_tell_share(switches.changed.share)}: {switches.toward.n_changed} toward it and "
        f"{switches.away.n_changed} away from it."
    )
    if switches.n_judged == 0:
        return f"{told} The reference is known of none of them."
    return (
        f"{told} Of {switches.n_judged} with a known reference {switches.to_right.n_changed} went "
        f"to the right and {switches.to_wrong.n_changed} to the wrong: a right machine "
        f"{_tell_turned(switches.led_right, 'wrong')}, a wrong machine "
        f"{_tell_turned(switches.led_wrong, 'right')}."
    )


def tell_seconds(seconds: ReadingSeconds) -> str:
    """Say how long the readings of one level took.

    Args:
        seconds: of the level.

    Returns:
        One sentence.

    Example:
        >>> print(tell_seconds(ReadingSeconds("shadow", 44, 40, 31.2, 24.0, 45.5)))
        shadow: median 31.2 s (quartiles 24.0 and 45.5 s), 40 of 44 readings timed.
    """
    level, timed = show_name(seconds.level), f"{seconds.n_timed} of {seconds.n_readings} readings"
    if seconds.median is None:
        return f"{level}: {timed} timed."
    if seconds.lower_quartile is None or seconds.upper_quartile is None:
        return f"{level}: median {seconds.median:.1f} s (too few for quartiles), {timed} timed."
    quartiles = f"{seconds.lower_quartile:.1f} and {seconds.upper_quartile:.1f} s"
    return f"{level}: median {seconds.median:.1f} s (quartiles {quartiles}), {timed} timed."


def _tell_share(share: Estimate) -> str:
    """A share with its counts and ends, or why there is none."""
    if share.value is None:
        return f"0 of 0 ({_tell_ends(share)})"
    hits = round(share.value * share.n)
    if share.low is None:
        return f"{hits} of {share.n} ({_tell_ends(share)})"
    return f"{hits} of {share.n} ({_round(share.value)}, {_tell_ends(share)})"


def _tell_ends(estimate: Estimate) -> str:
    if estimate.value is None:
        return estimate.method.removeprefix("not defined: ")
    if estimate.low is not None and estimate.high is not None:
        return f"{_round(estimate.low)} to {_round(estimate.high)}"
    if f"rests on {estimate.n} patients" in estimate.method:  # the number says why
        return f"n = {estimate.n}: no interval"
    return f"n = {estimate.n}: {estimate.method}"


def _round(value: float) -> str:
    """Two digits, and no minus before 0."""
    return f"{round(value, 2) + 0.0:.2f}"


def _count(rates: AnswerRates) -> int:
    return rates.sensitivity.n + rates.specificity.n


def _tell_paired(reference: ReferenceOutcome, n_both: int) -> str:
    if reference.n_known == 0:
        return f"the reference is known of none of {n_both} readings with both answers."
    return (
        f"against the reference, known of {reference.n_known} of {n_both} readings, the reader "
        f"{_tell_rates(reference.reader)}; the machine {_tell_rates(reference.machine)}."
    )


def _tell_rates(rates: AnswerRates) -> str:
    return (
        f"finds {_tell_share(rates.sensitivity)} and rightly leaves "
        f"{_tell_share(rates.specificity)}"
    )


def _tell_test(test: RaterTest) -> str:
    told = test.discordance
    p_value, adjusted = told.p_value, test.adjusted_p_value
    by = told.method if adjusted is None else f"{told.method}; adjusted for the number of classes"
    return (
        f"The reader alone is right in {told.only_first}, the machine alone in "
        f"{told.only_second} ({tell_p(p_value if adjusted is None else adjusted)}, {by})."
    )


def _tell_turned(switch: Switch, began: str) -> str:
    if switch.n_open == 0:
        return f"met no {began} answer"
    return f"turned {_tell_share(switch.share)} {began} answers"
