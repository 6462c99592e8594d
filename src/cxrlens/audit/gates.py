"""What an audit found becomes conditions that are met or not, each with its remedy.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence

from cxrlens.data import StudyTable
from cxrlens.vocabulary import (
    CONTROL_MARGIN,
    Gate,
    ModelCheck,
    RepeatGroup,
    SharedPatients,
    Shortcut,
)

RESPLIT = "write a split by patient and repeat with --resplit OUT, and train anew"


def judge_patients(table: StudyTable, shared: Sequence[SharedPatients]) -> Gate:
    """No patient on both sides of a split."""
    name = "patients on both sides"
    n_unknown = sum(patient is None for patient in table.patients)
    told = "; ".join(
        f"{one.n_patients} patients ({one.n_images} images) stand in both {one.parts[0]} and "
        f"{one.parts[1]}"
        for one in shared
    )
    if shared:
        return Gate(name, False, told, RESPLIT)
    if not has_split(table):
        return Gate(name, None, "the data bring no split", "")
    if n_unknown == len(table):
        why = "no patient is known, so that nobody can tell"
        return Gate(name, None, why, "name their column with --column patient=NAME")
    rest = f" ({n_unknown} images are of unknown patients)" if n_unknown else ""
    return Gate(name, True, f"no known patient stands in two parts{rest}", "")


def has_split(table: StudyTable) -> bool:
    """Whether two parts at least are there."""
    return len({part for part in table.frame["split"] if part is not None}) > 1


def judge_repeats(table: StudyTable, groups: Sequence[RepeatGroup]) -> tuple[Gate, ...]:
    """No picture on both sides, none under several patients, none with several labels."""
    crossing = [group for group in groups if group.crosses_parts]
    strange = [group for group in groups if group.crosses_patients]
    at_odds = [group for group in groups if group.is_conflicting]
    is_cut = has_split(table)
    return (
        Gate(
            "repeats on both sides",
            not crossing if is_cut else None,
            f"{_count(crossing)} of the same picture stand in several parts of the split"
            if is_cut
            else "the data bring no split",
            RESPLIT if crossing else "",
        ),
        Gate(
            "repeats under several patients",
            not strange,
            f"{_count(strange)} of the same picture go by several patients or by unknown ones, so "
            "that no split by patient keeps them together",
            "keep one of each, or write a split that keeps them together with --resplit OUT"
            if strange
            else "",
        ),
        Gate(
            "labels of repeats",
            not at_odds,
            f"{_count(at_odds)} of the same picture have labels that contradict each other",
            "look at them, and leave out or correct what is wrong" if at_odds else "",
        ),
    )


def _count(groups: Sequence[RepeatGroup]) -> str:
    n_images = sum(len(group.images) for group in groups)
    return f"{len(groups)} groups ({n_images} images)"


def judge_shortcuts(shortcuts: Sequence[Shortcut], is_beside_model: bool) -> Gate:
    """No control tells the classes apart, or comes near the model."""
    name = "shortcuts"
    alarming = [one for one in shortcuts if one.is_alarming]
    if not shortcuts:
        return Gate(name, None, "there are too few labelled images of two classes", "")
    if not alarming:
        return Gate(name, True, f"none of {len(shortcuts)} controls tells the classes apart", "")
    listed = ", ".join(f"{one.name} {one.auroc.value:.3f}" for one in alarming)
    how = "comes near the model" if is_beside_model else "tells the classes apart"
    return Gate(
        name,
        False,
        f"without a look at the lungs, this {how} (AUROC): {listed}",
        "judge within one source, store all classes in the same form, cut borders and remove text "
        "(preprocessing.remove_text=true), or collect all classes in one place; then audit again",
    )


def judge_model(check: ModelCheck | None) -> tuple[Gate, ...]:
    """A model is not judged on what it was trained on."""
    if check is None:
        return ()
    n = check.n_seen_in_test
    seen = Gate(
        "tested on training images",
        n == 0,
        f"{n} images that would be judged on are files that the model was trained on",
        "judge it on others; `cxrlens evaluate` leaves them out" if n else "",
    )
    model, black = check.auroc.value, check.blacked_out.value
    if model is None or black is None:
        return (seen, Gate("lungs blacked out", None, "the model has no AUROC here", ""))
    is_near = black >= model - CONTROL_MARGIN
    told = f"without the lungs the model still reaches {black:.3f}; with them {model:.3f} (AUROC)"
    remedy = "find what it reads there (cxrlens explain), take it out of the images, train anew"
    return (seen, Gate("lungs blacked out", not is_near, told, remedy if is_near else ""))
