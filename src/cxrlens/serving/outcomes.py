"""What came of reading beside the machine: the room's records become readings to be judged.

SPDX-License-Identifier: Apache-2.0

One row is what one person said of one case. What counts is their last word; a word that they
changed after the machine's answer was shown to them, in a first answer or by an amendment, stands
beside as the first. Cases of erased patients are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from cxrlens.evaluation import Readings, judge_readings, split_readings
from cxrlens.report import gather_reading_facts
from cxrlens.serving.conditions import may_still_read
from cxrlens.serving.room import read_state
from cxrlens.serving.tables import case, person, prediction, reading, reference
from cxrlens.vocabulary import LEVELS, Plain

Findings = dict[str, tuple[bool, int]]
"""Class → whether it is there, and how sure."""


@dataclass(frozen=True)
class Record:
    """What one person said of one case, and what else is known of it."""

    number: int
    """Of the case."""

    pseudonym: str | None
    """Of the patient; None where unknown."""

    reader: str
    """Name of the person."""

    level: str
    """At which they read."""

    bundle: str | None
    """Of the model that answered; None where none did."""

    first: Findings | None
    """Before the machine's answer was shown, where the last word came after it."""

    final: Findings
    """The last word."""

    machine: dict[str, tuple[bool, float]]
    """Class → whether the machine decided for it, and its probability."""

    reference: dict[str, bool]
    """Class → whether it is there, by something better than a reading."""

    seconds: float
    """From opening the case to the commit."""

    shown: bool
    """Whether the machine's answer had been shown before the last word."""

    committed_at: str
    """When."""

    n_amendments: int
    """Of the reading."""


@dataclass
class _Said:
    """Readings of one person about one case, as they come from the database."""

    first: Row[Any] | None = None
    final: Row[Any] | None = None
    amendments: list[Row[Any]] = field(default_factory=list)


def list_records(connection: Connection, asker: str | None = None) -> list[Record]:
    """Gather what was said, in the order of the cases.

    Args:
        connection: in a transaction.
        asker: id of the person who asks: cases that they may still read are left out, since
            nobody reads without bias what they have seen answered. None leaves out none.
    """
    machines = {
        (row.case_id, row.bundle): row.answer
        for row in connection.execute(
            select(prediction.c.case_id, prediction.c.bundle, prediction.c.answer)
        )
    }
    references: dict[str, dict[str, bool]] = {}
    for row in connection.execute(select(reference)):
        references.setdefault(row.case_id, {})[row.class_name] = row.is_present
    asked = (
        select(reading, case.c.number, case.c.pseudonym, person.c.name)
        .join(case, case.c.id == reading.c.case_id)
        .join(person, person.c.id == reading.c.person_id)
        .where(case.c.state != "erased")
        .order_by(case.c.number, reading.c.seq)
    )
    if asker is not None:
        asked = asked.where(~may_still_read(read_state(connection), asker))
    said: dict[tuple[str, str], _Said] = {}
    for row in connection.execute(asked):
        one = said.setdefault((row.case_id, row.person_id), _Said())
        if row.kind == "first":
            one.first = row
        elif row.kind == "final":
            one.final = row
        else:
            one.amendments.append(row)
    return [
        _join(one, one.final, machines.get((case_id, one.final.bundle)), references.get(case_id))
        for (case_id, _), one in said.items()
        if one.final is not None
    ]


def gather(records: Sequence[Record], classes: Sequence[str]) -> Readings:
    """Turn records into columns of numbers.

    Args:
        records: of one room.
        classes: in the order of the columns.
    """
    patients: dict[str, int] = {}
    clusters = [
        patients.setdefault(one.pseudonym or f"case {one.number}", len(patients)) for one in records
    ]

    def column(answers: Sequence[dict[str, bool] | None]) -> np.ndarray:
        told = [
            [np.nan if one is None or name not in one else float(one[name]) for name in classes]
            for one in answers
        ]
        return np.array(told, dtype=np.float32).reshape(len(records), len(classes))

    return Readings(
        classes=tuple(classes),
        clusters=np.array(clusters, dtype=np.int64),
        first=column([None if one.first is None else _present(one.first) for one in records]),
        final=column([_present(one.final) for one in records]),
        machine=column(
            [{name: is_there for name, (is_there, _) in one.machine.items()} for one in records]
        ),
        reference=column([one.reference for one in records]),
        seconds=np.array([one.seconds for one in records], dtype=np.float64),
        shown=np.array([one.shown for one in records], dtype=np.bool_),
        bundles=tuple(one.bundle for one in records),
        levels=tuple(one.level for one in records),
    )


def judge(connection: Connection, classes: Sequence[str], asker: str | None = None) -> list[Plain]:
    """Judge what came of it: each model, and each level, on its own.

    Args:
        connection: in a transaction.
        classes: of the room.
        asker: as for `list_records`.

    Returns:
        For every model and level that was read at, the level and the facts as plain JSON values.
    """
    readings = gather(list_records(connection, asker), classes)
    return [
        {
            "level": one.levels[0],
            "bundle": one.bundles[0],
            "facts": gather_reading_facts(judge_readings(one)),
        }
        for one in split_readings(readings)
    ]


def _join(
    said: _Said,
    final: Row[Any],
    answer: dict[str, Any] | None,
    known: dict[str, bool] | None,
) -> Record:
    last = said.amendments[-1] if said.amendments else final
    first = said.first
    if first is not None and first.machine_was_shown:
        first = None  # it was no answer without the machine
    if first is None and last.machine_was_shown and not final.machine_was_shown:
        first = final
    machine = {} if answer is None else {
        one["name"]: (one["is_decided"], one["probability"]) for one in answer["classes"]
    }  # fmt: skip
    return Record(
        number=final.number,
        pseudonym=final.pseudonym,
        reader=final.name,
        # Whoever had seen the machine was assisted, whatever the level fell to before the commit.
        level=max(final.level, "assistance", key=LEVELS.index)
        if final.machine_was_shown
        else final.level,
        bundle=final.bundle if answer is not None else None,
        first=None if first is None else _read(first),
        final=_read(last),
        machine=machine,
        reference=known or {},
        seconds=final.seconds,
        # Shown is only what there was: an answer that came after the commit was not.
        shown=last.machine_was_shown and answer is not None,
        committed_at=final.at,
        n_amendments=len(said.amendments),
    )


def _read(row: Row[Any]) -> Findings:
    return {one["class_name"]: (one["present"], one["sureness"]) for one in row.findings}


def _present(findings: Findings) -> dict[str, bool]:
    return {name: is_there for name, (is_there, _) in findings.items()}
