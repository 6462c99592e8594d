"""What came of reading beside a machine becomes plain figures and sentences.

SPDX-License-Identifier: Apache-2.0
"""

from cxrlens.evaluation import ReadingOutcome
from cxrlens.report.reading_verdict import (
    tell_agreement,
    tell_reference,
    tell_seconds,
    tell_switches,
)
from cxrlens.vocabulary import NOT_A_DEVICE, Plain, to_plain

SCHEMA = 1
"""Version of the facts' form."""

_NOTES = (
    "Agreement with a reader is no accuracy: both may be wrong together. What is held against the "
    "reader and what is held against the reference are kept apart.",
    "Agreement is of answers given without sight of the machine's; figures of different bundles "
    "are never merged.",
    "The intervals tell what other patients would change, with these readers; other readers may "
    "do otherwise.",
)


def gather_reading_facts(outcome: ReadingOutcome) -> dict[str, Plain]:
    """Turn an outcome into what JSON can hold, with a verdict in words for each class.

    Args:
        outcome: of one bundle.

    Returns:
        Plain JSON values; every figure that the sentences name is among them.
    """
    facts: dict[str, object] = {
        "notice": NOT_A_DEVICE,
        "schema": SCHEMA,
        "outcome": outcome,
        "verdicts": [
            {
                "class_name": one.class_name,
                "agreement": tell_agreement(one),
                "reference": tell_reference(one),
                "switches": tell_switches(one),
            }
            for one in outcome.per_class
        ],
        "seconds": [tell_seconds(one) for one in outcome.seconds],
        "notes": [*_NOTES, *_note_levels(outcome)],
    }
    return {key: to_plain(value) for key, value in facts.items()}


def _note_levels(outcome: ReadingOutcome) -> list[str]:
    if len(outcome.seconds) < 2:
        return []
    told = ", ".join(f"{one.level} ({one.n_readings})" for one in outcome.seconds)
    return [
        f"Readings of several levels stand together in the figures of each class: {told}. Their "
        "cases may differ; judge each level on its own too."
    ]
