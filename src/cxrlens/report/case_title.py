"""What stands above the picture of a case: what was said, what is true, which file.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cxrlens.report.evidence import find_evidence, has_evidence
from cxrlens.report.records import Case

_RIGHT, _WRONG, _UNKNOWN = "#00693f", "#b3261e", "#1f2933"

_MOST_NAMES = 3
"""Of an image with several classes; more are counted."""

TitleLine = tuple[str, str, str]
"""(before, name, after): a name that is too wide is shortened, what stands around it is not."""


@dataclass(frozen=True)
class Title:
    """What stands above a case."""

    lines: tuple[TitleLine, ...]
    """What was said and what is true; a mistake is told by a word."""

    file: TitleLine
    """Which image it is."""

    colour: str
    """Of the lines: green for right, red for wrong, else dark grey."""


def entitle(case: Case, *, with_truth: bool = True) -> Title:
    """Say what a case is.

    Args:
        case: any.
        with_truth: whether to speak of the truth.
    """
    heatmap = find_evidence(case.prediction)
    bare = "no evidence found; " if heatmap is not None and not has_evidence(heatmap) else ""
    file = (bare, "/".join(case.name.split("/")[-2:]), "")
    true = _tell_truth(case) if with_truth else []
    colours = {None: _UNKNOWN, True: _RIGHT, False: _WRONG}
    return Title((*_tell_decision(case), *true), file, colours[case.is_right])


def _tell_decision(case: Case) -> list[TitleLine]:
    prediction = case.prediction
    if prediction.refusal is not None:
        return [("refused: ", prediction.refusal.reason, "")]
    names = prediction.decisions if prediction.is_multilabel else (prediction.verdict,)
    if not names:
        return [("predicted: ", prediction.verdict, "")]
    known = dict(zip(prediction.classes, prediction.probabilities, strict=False))
    shares = [f" ({known[name]:.2f})" if name in known else "" for name in names]
    return _list_names("predicted: ", names, shares)


def _tell_truth(case: Case) -> list[TitleLine]:
    if case.truth is None:
        return [("truth not known", "", "")]
    before = {None: "true: ", True: "right, true: ", False: "WRONG, true: "}[case.is_right]
    names = case.truths or (case.truth,)
    return _list_names(before, names, [""] * len(names))


def _list_names(before: str, names: Sequence[str], after: Sequence[str]) -> list[TitleLine]:
    """One name a line, so that none is lost among the others."""
    shown = list(zip(names, after, strict=True))[:_MOST_NAMES]
    lines = [("and " if number else before, *one) for number, one in enumerate(shown)]
    n_more = len(names) - len(shown)
    return [*lines, (f"and {n_more} more", "", "")] if n_more else lines
