"""The items of reporting checklists that a run can answer for, and those that it cannot.

SPDX-License-Identifier: Apache-2.0

Item numbers are those of CLAIM 2024 (Tejani et al., Radiol Artif Intell 2024;6:e240300, 44 items)
and of TRIPOD+AI (Collins et al., BMJ 2024;385:e078378, 27 items); the words are ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from cxrlens.report.records import Report
from cxrlens.vocabulary import UNKNOWN_TRAINING

Status = Literal["told", "in part", "not done", "a person must say"]
"""Whether this page has it, has some of it, lacks what could have been done, or cannot know it."""


@dataclass(frozen=True)
class Item:
    """One item, and what this page has to it."""

    claim: str
    """Its number in CLAIM 2024; empty where that has none."""

    tripod: str
    """Its numbers in TRIPOD+AI; empty where that has none."""

    asked: str
    """What is asked for, in short."""

    status: Status
    """What this page has to it."""

    said: str
    """What was done, or what a person must say."""

    section: str | None = None
    """Where on the page it stands."""


PERSON: Status = "a person must say"


def fill_checklist(report: Report) -> tuple[Item, ...]:
    """Answer all items of CLAIM 2024, with those of TRIPOD+AI beside them, as far as a run can.

    Args:
        report: the records.

    Returns:
        The items of CLAIM 2024 in their order, then those that stand in TRIPOD+AI alone.
    """
    parts = (
        _list_data,
        _list_partitions,
        _list_model,
        _list_training,
        _list_evaluation,
        _list_results,
    )
    own = tuple(item for part in parts for item in part(report))
    items = (*_FRONT, *own, *_DISCUSSION, *_list_tripod_alone(report))
    absent = _find_absent(report)
    return tuple(replace(one, section=None) if one.section in absent else one for one in items)


_FRONT = (
    Item("1", "1", "Title names the technology", PERSON, "the title of a paper"),
    Item("2", "2", "Abstract", PERSON, "the box “In short” is a start", "answer"),
    Item(
        "3",
        "3a, 3b",
        "Background, intended use, users",
        PERSON,
        "left blank in the model card",
        "card",
    ),
    Item("4", "4", "Aims and hypotheses", PERSON, "no run can know them"),
    Item("5", "", "Prospective or retrospective", PERSON, "no file says it"),
    Item("6", "4", "Goal of the study", PERSON, "building and first judging, or testing?"),
)


def _list_data(report: Report) -> Iterator[Item]:
    n_sources = max((len(part.counts.get("source", {})) for part in report.parts), default=0)
    if n_sources:
        yield Item(
            "7",
            "5a, 6a",
            "Sources of the data",
            "in part",
            "sources are counted; why these, which centres, how representative: a person must say",
            "parts",
        )
    else:
        yield Item("7", "5a, 6a", "Sources of the data", PERSON, "the table names no sources")
    yield Item(
        "8",
        "6b",
        "Who was included and excluded",
        "in part",
        "which files were left out is told; how patients were chosen: a person must say",
        "flow",
    )
    yield _either(
        _has(report, "preprocessing"),
        Item(
            "9",
            "7, 12b",
            "Preprocessing and quality checks",
            "told",
            "size, fit and checks, the same for all images",
            "card",
        ),
        "not recorded",
    )
    yield Item(
        "10",
        "",
        "Which part of the data was taken",
        "told",
        "the command and its conditions stand on top",
        "answer",
    )
    yield Item("11", "17", "De-identification, ethics, consent", PERSON, "no run can know it")
    yield Item(
        "12",
        "11",
        "Missing data",
        "told",
        f"images without a truth are left out ({report.evaluation.n_unlabelled}); an "
        "unknown patient counts as one each",
        "figures",
    )
    yield Item("13", "9b", "How images were acquired", PERSON, "machines, protocols, years")
    yield Item("14", "8a", "How the truth was established", PERSON, "a label says no more")
    yield Item("15", "8a", "Why this reference standard", PERSON, "")
    yield Item("16", "8b", "Who read, with which training", PERSON, "")
    yield Item("17", "8c", "Annotation of the test set, blinding", PERSON, "")
    yield Item("18", "", "Agreement between and within readers", PERSON, "")


def _list_partitions(report: Report) -> Iterator[Item]:
    evaluation = report.evaluation
    is_own = bool(report.histories)
    yield _either(
        is_own,
        Item(
            "19",
            "12a",
            "How images were assigned to parts",
            "told",
            "split.csv, with its digest below",
            "flow",
        ),
        "these images were handed in; the split of the training stands in its own report",
    )
    if evaluation.n_unknown_patients:
        yield Item(
            "20",
            "12a",
            "Level at which parts are disjoint",
            "in part",
            f"patients, but of {evaluation.n_unknown_patients} images the patient is unknown",
            "figures",
        )
    elif is_own:
        yield Item(
            "20",
            "12a",
            "Level at which parts are disjoint",
            "told",
            "patients as the table names them; copies of files are left out",
            "flow",
        )
    else:
        yield Item(
            "20",
            "12a",
            "Level at which parts are disjoint",
            "in part",
            "files of the training are left out by content; whether patients overlap: a "
            "person must say",
            "notes",
        )
    yield Item(
        "21",
        "10",
        "Intended size of the test set",
        PERSON,
        "planned size; what was reached shows in the width of the intervals",
        "figures",
    )


def _list_model(report: Report) -> Iterator[Item]:
    yield _either(
        _has(report, "network"),
        Item(
            "22",
            "12c, 22",
            "The model in detail",
            "told",
            "network, head and input; the bundle is the full model",
            "card",
        ),
        "not recorded",
    )
    yield Item(
        "23", "12g", "Software and versions", "told", "with all that change a figure", "made"
    )
    yield _either(
        _has(report, "initial_weights"),
        Item(
            "24", "12c", "First values of the parameters", "told", "named with the network", "card"
        ),
        "not recorded",
    )


def _list_training(report: Report) -> Iterator[Item]:
    is_known = UNKNOWN_TRAINING not in report.notes
    yield _either(
        is_known,
        Item(
            "25",
            "12c, 13",
            "Details of training",
            "told",
            "the resolved recipe: schedule, rates, augmentation, balance of classes, seed",
            "made",
        ),
        "the model was imported",
    )
    yield _either(
        report.histories,
        Item(
            "26",
            "12c",
            "How the final model was chosen",
            "told",
            "by the validation images, epoch by epoch",
            "training",
        ),
        "stands in the report of its training",
    )
    yield Item("27", "", "Ensembling", "told", "none: every image is answered by one model")


def _list_evaluation(report: Report) -> Iterator[Item]:
    yield Item(
        "28", "12e", "Metrics", "told", "each with what it means; rationale: a person", "figures"
    )
    yield Item(
        "29",
        "12e",
        "Uncertainty",
        "told",
        "95 % intervals by patient; the method of each stands beside it",
        "classes",
    )
    did = []
    did += ["several seeds"] if report.seeds is not None else []
    did += ["controls without the image"] if report.controls else []
    did += ["subgroups"] if report.subgroups else []
    section = "subgroups" if report.subgroups else "controls" if report.controls else None
    yield _either(
        bool(did),
        Item("30", "12d, 23b", "Robustness or sensitivity", "told", ", ".join(did), section),
        "no seeds, controls or groups; noise and rotation were not tried",
    )
    has_maps = any(case.prediction.heatmaps for case in (*report.cases, *report.mistakes))
    if report.maps is not None:
        yield Item(
            "31",
            "",
            "Explanation, and whether it holds",
            "told",
            "exact class activation maps, measured against the lesions",
            "maps",
        )
    else:
        yield _either(
            has_maps,
            Item(
                "31",
                "",
                "Explanation, and whether it holds",
                "in part",
                "exact class activation maps; not measured: no lesion is known",
                "cases",
            ),
            "no maps",
        )
    is_own = bool(report.histories)
    yield _either(
        is_own,
        Item(
            "32", "12a", "Internal data", "told", "the test part of the same collection", "figures"
        ),
        "see the report of its training",
    )
    yield Item(
        "33",
        "16",
        "External data",
        "not done" if is_own else PERSON,
        "run `cxrlens evaluate` on another hospital's images"
        if is_own
        else "whether these images are external to the training",
    )
    yield Item("34", "18d", "Trial registration", PERSON, "")


def _list_results(report: Report) -> Iterator[Item]:
    yield _either(
        bool(report.flow),
        Item(
            "35",
            "20a",
            "Numbers included and excluded",
            "told",
            "images, and patients where they are known",
            "flow",
        ),
        "not recorded",
    )
    counted = {name for part in report.parts for name in part.counts}
    known = [name for name in ("sex", "age") if name in counted]
    yield _either(
        bool(known),
        Item(
            "36",
            "20b, 20c, 21",
            "Who is in each part",
            "in part",
            f"classes and {' and '.join(known)}; clinical facts: a person must say",
            "parts",
        ),
        "the table has neither sex nor age",
    )
    yield Item("37", "23a", "Performance with uncertainty", "told", "", "figures")
    yield Item(
        "38",
        "23a",
        "Diagnostic performance and its precision",
        "told",
        "at the decisions of the model: sensitivity, specificity, predictive value",
        "classes",
    )
    yield Item(
        "39",
        "",
        "Failure analysis",
        "in part",
        "the most confident mistakes are shown; what they mean: a person must say",
        "mistakes",
    )


_DISCUSSION = (
    Item(
        "40", "26", "Limits", "in part", "what can be seen from within; the rest: a person", "card"
    ),
    Item("41", "25, 27b, 27c", "Implications, intended use", PERSON, "", "card"),
    Item("42", "18c", "Protocol", PERSON, ""),
    Item(
        "43",
        "18e, 18f",
        "Availability of code, model, data",
        PERSON,
        "digests below name model, split and data exactly",
        "made",
    ),
    Item("44", "18a, 18b", "Funding, interests", PERSON, ""),
)


def _list_tripod_alone(report: Report) -> Iterator[Item]:
    yield Item(
        "",
        "3c, 14",
        "Known inequalities, and what was done about fairness",
        PERSON,
        "figures by group, if any, are above",
    )
    yield Item("", "5b", "Dates", PERSON, "")
    yield Item("", "6c", "Treatments", PERSON, "")
    yield Item(
        "",
        "9a, 9c",
        "Choice and reading of predictors",
        "told",
        "the image alone; nobody interprets it before the network does",
    )
    yield Item(
        "",
        "12f, 24",
        "Updating or recalibrating the model",
        "not done",
        "this page judges the model as it is",
    )
    rule = "largest probability; of several labels, 0.5 for each"
    yield Item(
        "",
        "15",
        "Output, thresholds and their reasons",
        "in part",
        f"probabilities; decision by {rule}; why: a person must say",
        "card",
    )
    yield Item("", "19", "Patients and public involved", PERSON, "")
    yield Item(
        "",
        "27a",
        "Poor or missing input",
        "told",
        "refused with a reason, or used with reservations that are counted",
        "refusals" if report.refusals else "flow",
    )


def _either(is_there: object, item: Item, otherwise: str) -> Item:
    """The item where there is something to tell; else that it was not done."""
    return item if is_there else replace(item, status="not done", said=otherwise, section=None)


def _find_absent(report: Report) -> set[str]:
    """The sections that a page of this report does not have."""
    there = {
        "flow": report.flow,
        "parts": report.flow and report.parts,
        "maps": report.maps,
        "controls": report.controls,
        "subgroups": report.subgroups,
        "cases": report.cases,
        "training": report.histories,
        "notes": report.notes,
        "refusals": report.refusals,
    }
    return {section for section, content in there.items() if not content}


def _has(report: Report, key: str) -> bool:
    return isinstance(report.model, Mapping) and bool(report.model.get(key))
