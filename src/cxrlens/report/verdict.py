"""A difference between two models is said in plain words.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.evaluation import PairedFigure

FIRST, SECOND = "A", "B"
"""What the two models are called."""


def tell_verdict(figure: PairedFigure, smallest: float) -> str:
    """Say whether a figure tells two models apart, and if not, what it would take.

    A model is called better where the 95 % interval and the test both say so; a difference as
    large as the smallest one of interest is ruled out where the interval lies within it on both
    sides. Otherwise it cannot be told. The answer then begins with how far the interval reaches,
    and names the cases for the smallest difference of interest: the difference that was seen is a
    poor guess of the true one.

    Args:
        figure: of both models.
        smallest: the smallest difference of interest.

    Returns:
        One sentence or a few.

    Source:
        Intervals in place of power after the fact: Hoenig and Heisey, Am Stat 2001;55:19-24; Altman
        and Bland, BMJ 1995;311:485.
    """
    estimate = figure.difference.estimate
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return f"{figure.label}: not defined ({estimate.method.removeprefix('not defined: ')})."
    if low is None or high is None:
        return f"{figure.label}: cannot tell: {estimate.method.removeprefix('no interval: ')}."
    is_clear = (low > 0 or high < 0) and (figure.p_value is None or figure.p_value < 0.05)
    if is_clear:
        return f"{figure.label}: {_tell_better(value, low, high, smallest)}"
    if -smallest < low and high < smallest:
        return (
            f"{figure.label}: no difference of {smallest:g} or more, the smallest of interest: "
            f"the interval, {low:+.3f} to {high:+.3f}, rules it out either way."
        )
    return f"{figure.label}: {_tell_doubt(figure, low, high, smallest)}"


def tell_p(p_value: float | None) -> str:
    """Write a p-value as people read it; a dash where there is none.

    Example:
        >>> tell_p(0.04139), tell_p(0.0002), tell_p(None)
        ('p = 0.041', 'p < 0.001', '–')
    """
    if p_value is None:
        return "–"
    return f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"


def _tell_better(value: float, low: float, high: float, smallest: float) -> str:
    name = FIRST if value > 0 else SECOND
    least, most = (low, high) if value > 0 else (-high, -low)
    told = f"{name} is better by {abs(value):.3f} ({least:.3f} to {most:.3f})"
    if most < smallest:
        return f"{told}, which is less than {smallest:g}, the smallest difference of interest."
    if least < smallest:
        return f"{told}; the interval leaves open whether it is {smallest:g} or more."
    return f"{told}."


def _tell_doubt(figure: PairedFigure, low: float, high: float, smallest: float) -> str:
    half = (high - low) / 2
    sides = []
    if high > 0:
        sides.append(f"{FIRST} better by {high:.3f}")
    if low < 0:
        sides.append(f"{SECOND} better by {-low:.3f}")
    told = f"cannot tell: up to {' or '.join(sides)} fits (the interval reaches ±{half:.3f})."
    if not low <= 0 <= high:
        told = (
            f"cannot tell: the interval leaves 0 out, the test does not ({tell_p(figure.p_value)})."
        )
    needed = figure.needed
    if needed is None:
        return f"{told} Too few patients tell the models apart to say how many cases it would take."
    return (
        f"{told} To find a true difference of {smallest:g} with 80 % power it takes about "
        f"{needed.patients:,} patients ({needed.images:,} images)."
    )
