"""A report becomes plain figures: the metrics file, and all that the page shows.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping

from cxrlens.evaluation import Evaluation
from cxrlens.report.checklist import fill_checklist
from cxrlens.report.directions import list_directions
from cxrlens.report.flags import find_flags, is_near
from cxrlens.report.records import Case, Report
from cxrlens.vocabulary import NOT_A_DEVICE, UNKNOWN_TRAINING, Plain, to_plain

SCHEMA = 1
"""Version of the metrics file's form."""


def gather_facts(report: Report) -> dict[str, Plain]:
    """Turn a report into the content of `metrics.json`.

    Args:
        report: the records.

    Returns:
        Plain JSON values; every figure that the page shows is among them.
    """
    facts: dict[str, object] = {
        "notice": NOT_A_DEVICE,
        "schema": SCHEMA,
        "title": report.title,
        "command": report.command,
        "is_phantom": report.is_phantom,
        "evaluation": report.evaluation,
        "commonest_class": _find_commonest(report.evaluation),
        "maps": report.maps,
        "calibration": report.calibration,
        "operating": report.operating,
        "prevalence": report.prevalence,
        "difficulty": report.difficulty,
        "controls": _judge_controls(report),
        "flow": report.flow,
        "parts": report.parts,
        "subgroups": report.subgroups,
        "flags": find_flags(report),
        "checklist": fill_checklist(report),
        "directions": list_directions(report),
        "shows_images": report.shows_images,
        "is_unseen": UNKNOWN_TRAINING not in report.notes,
        "model": report.model,
        "histories": report.histories,
        "seeds": report.seeds,
        "stages": report.stages,
        "cases": [_tell_case(case) for case in report.cases],
        "mistakes": [_tell_case(case) for case in report.mistakes],
        "notes": report.notes,
        "refusals": report.refusals,
        "warnings": report.warnings,
        "recipe": report.recipe,
        "digests": report.digests,
        "provenance": report.provenance,
    }
    return {key: to_plain(value) for key, value in facts.items()}


def _find_commonest(evaluation: Evaluation) -> dict[str, object] | None:
    """The class that always deciding for would be right most often, and how often."""
    if evaluation.confusion is None:
        return None
    truths = evaluation.confusion.sum(axis=1)
    best = int(truths.argmax())
    share = float(truths[best] / max(truths.sum(), 1))
    return {"class_name": evaluation.classes[best], "share": share}


def _judge_controls(report: Report) -> list[dict[str, object]]:
    model = report.evaluation.macro_auroc
    return [
        {
            "name": control.name,
            "auroc": control.auroc,
            "is_alarming": is_near(control.auroc, model),
        }
        for control in report.controls
    ]


_OUTCOMES = {
    (True, 1): "found",
    (False, 1): "missed",
    (True, 0): "false alarm",
    (True, -1): "decided for, truth uncertain",
    (False, -1): "not decided for, truth uncertain",
    (True, None): "decided for, truth not known",
}
"""By whether a class was decided for and its label; what is rightly left is not told."""


def _tell_findings(case: Case, labels: Mapping[str, int | None]) -> list[dict[str, object]]:
    """The classes of an image that may have several of which there is something to tell."""
    prediction = case.prediction
    told = []
    for name, probability in zip(prediction.classes, prediction.probabilities, strict=False):
        outcome = _OUTCOMES.get((name in prediction.decisions, labels.get(name)))
        if outcome is not None:
            told.append(
                {
                    "class_name": name,
                    "probability": probability,
                    "outcome": outcome,
                    "is_wrong": name in case.wrong,
                }
            )
    return told


def _tell_case(case: Case) -> dict[str, object]:
    prediction = case.prediction
    by_class = dict(zip(prediction.classes, prediction.probabilities, strict=False))
    return {
        "name": case.name,
        "status": prediction.status,
        "truth": case.truth,
        "decision": prediction.decision,
        "decisions": prediction.decisions,
        "is_right": case.is_right,
        "probability": None if prediction.decision is None else by_class[prediction.decision],
        "truth_probability": None if case.truth is None else by_class.get(case.truth),
        "probabilities": by_class,
        "calibrated": dict(zip(prediction.classes, prediction.calibrated, strict=False)) or None,
        "findings": None if case.labels is None else _tell_findings(case, case.labels),
        "warnings": prediction.warnings,
        "refusal": prediction.refusal,
        "origin": case.origin,
    }
