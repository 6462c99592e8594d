"""What must make a reader doubt the figures of a report, as far as it can be seen from within.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cxrlens.evaluation import ClassReport, GroupFigure
from cxrlens.report.figure_names import name_figure
from cxrlens.report.records import Report
from cxrlens.vocabulary import CONTROL_MARGIN, UNKNOWN_TRAINING, Estimate

FEW_PATIENTS = 50
"""With fewer patients on a side the intervals were not simulated to hold (docs/why/figures.md)."""

UNEVEN = 0.1
"""A column that names so much larger a share of the classes than the commonest class alone does
is spread unevenly over the classes."""

MANY_REFUSED = 0.05
"""Share of the files found from which on those refused may change a figure."""


@dataclass(frozen=True)
class Flag:
    """One reason for doubt."""

    text: str
    """One sentence or two."""

    section: str
    """Where on the page there is more about it."""


def find_flags(report: Report) -> tuple[Flag, ...]:
    """Find what must make a reader doubt the figures.

    Args:
        report: the records.

    Returns:
        The reasons, the gravest first; none does not mean that there is nothing to doubt.
    """
    finders = (
        _flag_origin,
        _flag_controls,
        _flag_uneven_groups,
        _flag_guessing,
        _flag_size,
        _flag_patients,
        _flag_maps,
        _flag_groups,
        _flag_refusals,
        _flag_difficulty,
    )
    return tuple(flag for find in finders for flag in find(report))


def is_near(control: Estimate, model: Estimate) -> bool:
    """Tell whether a control separates the classes about as well as the model does."""
    if control.value is None or model.value is None:
        return False
    return control.value >= model.value - CONTROL_MARGIN


def _flag_origin(report: Report) -> Iterator[Flag]:
    if UNKNOWN_TRAINING in report.notes:
        yield Flag(
            "These may be images that the model was trained on: it was imported, and what it has "
            "seen is not known. Then every figure here is too good.",
            "notes",
        )


def _flag_controls(report: Report) -> Iterator[Flag]:
    for control in report.controls:
        if is_near(control.auroc, report.evaluation.macro_auroc):
            yield Flag(
                f"“{control.name}” alone tells the classes apart about as well as the model does "
                f"(AUROC {control.auroc} against {report.evaluation.macro_auroc}): the model may "
                "have learnt no more than that.",
                "controls",
            )


def _flag_uneven_groups(report: Report) -> Iterator[Flag]:
    """A class that comes from one source alone can be told by its source."""
    if report.evaluation.is_multilabel:
        return
    model = report.evaluation.macro_auroc
    told_already = {one.name for one in report.controls if is_near(one.auroc, model)}
    for groups in report.subgroups:
        if groups.column in told_already:
            continue
        large = [group for group in groups.groups if not group.is_small]
        n_images = sum(group.n_images for group in large)
        by_class = zip(*([one.n_images for one in group.counts] for group in large), strict=True)
        commonest = max(map(sum, by_class), default=0)
        told = sum(max(one.n_images for one in group.counts) for group in large)
        if n_images and told - commonest > UNEVEN * n_images:
            yield Flag(
                f"The classes are spread unevenly by {groups.column}: whoever knows it alone, and "
                f"always names the commonest class there, is right for {told} of {n_images} "
                f"images, against {commonest} without. The model may have learnt to tell the "
                f"{groups.column}, not the finding.",
                "subgroups",
            )


def _flag_guessing(report: Report) -> Iterator[Flag]:
    auroc = report.evaluation.macro_auroc
    if auroc.low is not None and auroc.low <= 0.5:
        yield Flag(f"It may be guessing: the interval of the AUROC, {auroc}, holds 0.5.", "figures")
    never = [one.class_name for one in report.evaluation.per_class if _is_never_decided(one)]
    if never:
        yield Flag(f"It never decides for {', '.join(never)}.", "classes")


def _is_never_decided(report: ClassReport) -> bool:
    outcomes = report.outcomes
    return report.n_images > 0 and outcomes.true_positives + outcomes.false_positives == 0


def _flag_size(report: Report) -> Iterator[Flag]:
    few = [
        f"{one.class_name} {one.n_patients}"
        for one in report.evaluation.per_class
        if one.n_patients < FEW_PATIENTS
    ]
    if few:
        yield Flag(
            f"Few patients: {', '.join(few)}. With fewer than {FEW_PATIENTS} of a class the "
            "figures can be far off, and their intervals are less sure than they say.",
            "classes",
        )


def _flag_patients(report: Report) -> Iterator[Flag]:
    evaluation = report.evaluation
    if evaluation.n_unknown_patients:
        yield Flag(
            f"Of {evaluation.n_unknown_patients} of {evaluation.n_images} images the patient is "
            "unknown: a patient may stand both in training and here, and intervals are too narrow "
            "if several images come from one.",
            "figures",
        )


def _flag_maps(report: Report) -> Iterator[Flag]:
    for row in report.maps.per_class if report.maps else ():
        heat, share = row.heat_inside, row.mask_share
        if heat.low is not None and share.value is not None and heat.low <= share.value:
            yield Flag(
                f"The evidence for {row.class_name} lies in the lesion no more than heat spread "
                f"evenly would, as far as can be told ({heat} of it, the lesion covers {share}).",
                "maps",
            )


def _flag_groups(report: Report) -> Iterator[Flag]:
    for groups in report.subgroups:
        told = [_tell_gap(one) for one in groups.figures if one.gap and one.gap.is_beyond_chance]
        if told:
            more = f", and {len(told) - 2} more" if len(told) > 2 else ""
            yield Flag(
                f"It does not do equally well by {groups.column}: {'; '.join(told[:2])}{more}.",
                "subgroups",
            )


def _tell_gap(figure: GroupFigure) -> str:
    gap = figure.gap
    if gap is None:
        return ""
    name = name_figure(figure.name, figure.class_name)
    by_name = f"{gap.highest} above {gap.lowest}"
    return f"{name}, {by_name} by {gap.difference}"


def _flag_refusals(report: Report) -> Iterator[Flag]:
    n_found = max((one.images for one in report.flow if one.role == "all"), default=0)
    n_refused = len(report.refusals)
    if n_found and n_refused / n_found > MANY_REFUSED:
        yield Flag(
            f"{n_refused} of {n_found} files could not be used. Were they ill or healthy, and why "
            "were they refused? The figures say nothing about such files.",
            "refusals",
        )


def _flag_difficulty(report: Report) -> Iterator[Flag]:
    easy = [one.name for one in report.difficulty if not one.is_met]
    if easy:
        yield Flag(
            f"The drawn images break a bound on their difficulty: {'; '.join(easy)}.", "maps"
        )
