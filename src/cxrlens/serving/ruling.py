"""What certified rules say of a case: decided, or referred to a reader, and why.

SPDX-License-Identifier: Apache-2.0

Pure: nothing here knows of a database or of the web.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cxrlens.client.messages import ReferralReason, Side


@dataclass(frozen=True)
class Rule:
    """A certified rule: it decides on one side of its threshold, and refers everything else."""

    finding: str
    """The class that is decided about."""

    decides: Side
    """`negative`: the class is not there; `positive`: it is."""

    threshold: float
    """In [0, 1]; at the threshold itself a case is referred, unless `is_closed`."""

    is_closed: bool = False
    """Whether the threshold itself is decided: of two rules that leave no case between them."""

    def find(self, score: float) -> bool | None:
        """Say whether the class is there; None where this rule does not say.

        Args:
            score: the model's probability of the class.
        """
        if self.is_closed and score == self.threshold:
            return self.decides == "positive"
        if self.decides == "negative":
            return False if score < self.threshold else None
        return True if score > self.threshold else None


@dataclass(frozen=True)
class Reservation:
    """A reason not to decide a case, whatever its scores."""

    reason: ReferralReason
    """The kind."""

    words: str
    """What exactly, as a sentence."""


_VIEW_WARNINGS = frozenset({"view-unknown"})
"""Reasons of the image checks that are about the view."""

_POLICY_WARNINGS = frozenset({"patient-name-differs"})
"""Those that are about neither the view nor the picture."""


def list_reservations(
    warnings: Sequence[str], distance: float | None, limit: float | None
) -> list[Reservation]:
    """List why an image is not decided whatever its scores, the most telling first.

    Args:
        warnings: reasons of the image checks. Their sentences may name the patient, whose erasure
            a decision outlives.
        distance: p-value of being like the training images; None where it was not measured.
        limit: at or below it the image counts as unlike them.
    """
    found: list[Reservation] = []
    for reason in warnings:
        kind: ReferralReason = "quality"
        if reason in _VIEW_WARNINGS:
            kind = "view"
        elif reason in _POLICY_WARNINGS:
            kind = "policy"
        found.append(Reservation(kind, f"the file check had a reservation: {reason}"))
    if distance is None or limit is None:
        told = "nobody measured whether it is like the training images"
        found.append(Reservation("out-of-distribution", told))
    elif not distance > limit:  # also where it is no number
        told = f"unlike the training images: p = {distance:.3g}, limit {limit:.3g}"
        found.append(Reservation("out-of-distribution", told))
    return found


@dataclass(frozen=True)
class Ruling:
    """What came of a case."""

    findings: dict[str, bool] | None
    """Class → whether it is there, one entry a class; None where the case is referred."""

    reason: ReferralReason | None
    """Of a referral; None where it is decided."""

    words: str
    """For people: what was decided by which number, or why it was not."""


@dataclass(frozen=True)
class Outputs:
    """What a model tells apart."""

    classes: tuple[str, ...]
    """In the order of its outputs."""

    is_multilabel: bool
    """Whether an image may have several classes, or none; else exactly one."""


def rule(
    outputs: Outputs,
    scores: Mapping[str, float],
    rules: Sequence[Rule],
    reservations: Sequence[Reservation] = (),
) -> Ruling:
    """Decide a case by certified rules, or refer it.

    A case is decided only where the rules settle every class. Where classes exclude each other,
    one that is there settles all, and all but one that are not there settle the last.

    Args:
        outputs: of the model.
        scores: class → probability, in [0, 1]; the ones that the rules were certified on.
        rules: that hold now; without any nothing is decided.
        reservations: the first of them refers the case.

    Returns:
        All findings, or the reason for a referral.
    """
    if reservations:
        return Ruling(None, reservations[0].reason, reservations[0].words)
    said: dict[str, tuple[bool, Rule]] = {}
    for one in rules:
        found = one.find(scores[one.finding])
        if found is None:
            continue
        if one.finding in said and said[one.finding][0] != found:
            return _refer_between(scores, rules, "two rules say the opposite: ")
        said[one.finding] = (found, one)
    findings = _settle(outputs, {name: found for name, (found, _) in said.items()})
    if findings is None:
        return _refer_between(scores, rules, "")
    told = "; ".join(
        f"{'' if found else 'no '}{name}: {_compare(scores[name], one)}"
        for name, (found, one) in said.items()
    )
    return Ruling(findings, None, told)


def join(negative: Rule, cut: float) -> tuple[Rule, Rule]:
    """Make two rules that leave nothing between them, out of a cut that both promises cover.

    Args:
        negative: the rule that decides negative.
        cut: as `cxrlens.evaluation.join_certificates` gives it.
    """
    return (
        Rule(negative.finding, "negative", cut),
        Rule(negative.finding, "positive", cut, is_closed=True),
    )


def settles_all(outputs: Outputs, rules: Sequence[Rule]) -> bool:
    """Say whether every case without reservations is decided by some rules.

    Args:
        outputs: of the model.
        rules: as `join` makes them, of one finding or several.
    """
    joined = {one.finding for one in rules if one.is_closed}
    if outputs.is_multilabel:
        return joined == set(outputs.classes)
    # Of three that exclude each other two may be found at once, or none: that settles nothing.
    return len(outputs.classes) == 2 and bool(joined)


def _settle(outputs: Outputs, said: Mapping[str, bool]) -> dict[str, bool] | None:
    """Give every class its finding; None where that does not follow."""
    if outputs.is_multilabel:
        known = dict(said)
        return known if set(known) == set(outputs.classes) else None
    present = [name for name, found in said.items() if found]
    left = [name for name in outputs.classes if said.get(name, True)]
    if len(present) > 1:
        return None
    if present:
        return {name: name == present[0] for name in outputs.classes}
    if len(left) == 1:
        return {name: name == left[0] for name in outputs.classes}
    return None


def _refer_between(scores: Mapping[str, float], rules: Sequence[Rule], lead: str) -> Ruling:
    if not rules:
        return Ruling(None, "policy", "no certificate holds, so nothing is decided")
    told = "; ".join(f"{one.finding}: {_compare(scores[one.finding], one)}" for one in rules)
    return Ruling(None, "not-confident", f"{lead}{told}")


def _compare(score: float, one: Rule) -> str:
    side = "below" if score < one.threshold else "above"
    return f"{score:.4g} is {'at' if score == one.threshold else side} {one.threshold:.4g}"
