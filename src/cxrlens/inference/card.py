"""The model card: what a bundle is, for people.

SPDX-License-Identifier: Apache-2.0
"""

import json
from collections.abc import Sequence

from cxrlens.vocabulary import NOT_A_DEVICE, PHANTOM_MODEL, UNKNOWN_TRAINING, Plain

_CARD = """\
# Model card

{notice}{origin}

- **Answers**: {how_many} of {classes} for a frontal chest radiograph, with a probability each
  ({calibration}) and a map each.
- **Decision**: {decision}.
- **Must not be used for** other views or body parts, other patients than those it was trained on
  without measuring it there first, or any decision about a patient.
- **Images unlike its training images**: {unlike}.
- **Not known**: {not_known}.

## How it was made

```json
{details}
```
"""

_ONE = ("one", "the class with the largest probability")
_SEVERAL = ("any, several or none", "every class with a probability of at least 0.5")

_RAW = "as the network gives them, not calibrated; see `cxrlens calibrate`"

_ELSEWHERE = "how it does anywhere but on the data below; see the `report.html` of its training"
_ANYWHERE = "how it does anywhere: measure it with `cxrlens evaluate` on cases it never saw"

_TOLD = ("network", "initial_weights", "preprocessing", "data", "metrics", "provenance",
         "calibration", "operating_point", "familiarity", "parent")  # fmt: skip


def write_card(classes: Sequence[str], record: Plain) -> str:
    """Write the card of a bundle.

    Args:
        classes: the model's classes.
        record: the bundle's record as plain values.

    Returns:
        Markdown.
    """
    told = {key: record[key] for key in _TOLD if key in record} if isinstance(record, dict) else {}
    data = told.get("data")
    is_phantom = isinstance(data, dict) and bool(data.get("is_phantom"))
    is_imported = isinstance(data, dict) and not data.get("is_known", True)
    told |= {"import": record["recipe"]} if is_imported and isinstance(record, dict) else {}
    origin = PHANTOM_MODEL if is_phantom else UNKNOWN_TRAINING if is_imported else ""
    is_multilabel = isinstance(record, dict) and bool(record.get("is_multilabel"))
    how_many, decision = _SEVERAL if is_multilabel else _ONE
    decision = _tell_thresholds(record) or decision
    details = json.dumps(told, indent=2, ensure_ascii=False)
    return _CARD.format(
        notice=NOT_A_DEVICE,
        origin=f"\n\n{origin}" if origin else "",
        not_known=_ANYWHERE if is_imported else _ELSEWHERE,
        how_many=how_many,
        decision=decision,
        calibration=_tell_calibration(record),
        unlike=_tell_familiarity(record),
        classes=" / ".join(classes),
        details=details,
    )


def _tell_calibration(record: Plain) -> str:
    fitted = record.get("calibration") if isinstance(record, dict) else None
    if not isinstance(fitted, dict):
        return _RAW
    return (
        f"raw, and calibrated by {fitted['scaling']['method']} scaling, which decides; fitted on "
        f"{fitted['fitted_on']}, and to be believed only where cases are like those"
    )


def _tell_familiarity(record: Plain) -> str:
    kept = record.get("familiarity") if isinstance(record, dict) else None
    if not isinstance(kept, dict):
        return "not recognised: it answers for them as for others; see `cxrlens fit-ood`"
    return (
        f"warned of where p is {kept['limit']:.2g} or less, by the features of {kept['n_bank']} "
        f"training images and {kept['n_calibrating']} {kept['calibrated_on']}; what that misses "
        "stands in docs/why/out-of-distribution.md"
    )


def _tell_thresholds(record: Plain) -> str:
    """The decision where thresholds make it, or what they flag; empty where there are none."""
    point = record.get("operating_point") if isinstance(record, dict) else None
    if not isinstance(point, dict) or not point.get("thresholds"):
        return ""
    told = ", ".join(f"{one['class_name']} from {one['value']:.4f}" for one in point["thresholds"])
    chosen = f"chosen by {point['threshold_rule']} on {point['chosen_on']}"
    if point["rule"] == point["threshold_rule"]:
        return f"by thresholds: {told}; {chosen}"
    return f"{_ONE[1]}; flagged besides are {told}; {chosen}"
