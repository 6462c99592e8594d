"""Whether the trail of a room is whole, and the other tables are as it tells of them.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from cxrlens.serving.policy import is_automated
from cxrlens.serving.tables import (
    certificate,
    decision,
    prediction,
    promise,
    reading,
    reference,
    room,
    trail,
    words,
)
from cxrlens.serving.trail import (
    CASE_ERASED,
    CERTIFICATE_MADE,
    CERTIFICATE_VOID,
    ERASED,
    LEVEL_SET,
    MACHINE_DECIDED,
    MACHINE_REFERRED,
    PREDICTED,
    PROMISE_MADE,
    PROMISE_TESTED,
    PROMISE_WITHDRAWN,
    REFERENCE_SET,
    START,
    Head,
    digest_answer,
    digest_certificate,
    digest_decision,
    digest_promise,
    digest_reading,
    hash_line,
    hash_words,
)
from cxrlens.vocabulary import LEVELS, Level


@dataclass(frozen=True)
class Verdict:
    """What came of checking a trail."""

    n_lines: int
    """Lines that were looked at."""

    fault: str | None
    """The first that is wrong, and how; None where all is well."""

    head: Head
    """Of the trail as it is."""


def verify(connection: Connection, known: Head | None = None) -> Verdict:
    """Check every line, and every reading against the line that tells of it.

    Args:
        connection: in a transaction.
        known: a head that was kept elsewhere; the trail must still hold that line.

    Returns:
        The first fault, or none.
    """
    expected, previous, n_lines = 1, START, 0
    told = _Told()
    fault = None
    for row in connection.execute(select(trail).order_by(trail.c.seq)):
        n_lines += 1
        fault = _check_line(row, expected, previous)
        if fault is not None:
            break
        if known is not None and row.seq == known.seq and row.hash != known.hash:
            fault = f"line {row.seq} is not the one whose hash was kept elsewhere"
            break
        told.take(row)
        expected, previous = row.seq + 1, row.hash
    head = Head(expected - 1, previous)
    if fault is None and known is not None and known.seq > head.seq:
        fault = f"the trail ends at line {head.seq}, but line {known.seq} was kept elsewhere"
    fault = (
        fault
        or _check_readings(connection, told.readings, told.erased)
        or _check_answers(connection, told)
        or _check_decisions(connection, told)
        or _check_references(connection, told)
        or _check_evidence(connection, told)
        or _check_level(connection, told)
    )
    return Verdict(n_lines, fault, head)


@dataclass
class _Told:
    """What the trail says that the other tables must hold."""

    readings: dict[str, int] = field(default_factory=dict)
    """Digest of a reading → line."""

    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Case and model → digest of the answer."""

    decisions: dict[str, str] = field(default_factory=dict)
    """Case → digest of what the machine did with it."""

    references: dict[tuple[str, str], tuple[bool, str]] = field(default_factory=dict)
    """Case and class → what is true of it, and who said so, by the last line that does."""

    first_lines: dict[tuple[str, str], int] = field(default_factory=dict)
    """Case and class → the first line that says what is true of it."""

    erased: set[str] = field(default_factory=set)
    """Cases of patients that were erased."""

    evidence: dict[str, str] = field(default_factory=dict)
    """Promise or certificate → its digest."""

    void: set[str] = field(default_factory=set)
    """Certificates that ended."""

    states: dict[str, str] = field(default_factory=dict)
    """Promise → what became of it, but for `spent`."""

    looks: dict[str, int] = field(default_factory=dict)
    """Promise → looks that were made."""

    level: Level = LEVELS[0]
    """Of the room, by the last line that sets it."""

    protocol: str | None = None
    """Under which the machine may decide about living patients."""

    def take(self, row: Row[tuple[object, ...]]) -> None:
        """Take note of a line."""
        if "reading" in row.details:
            self.readings[str(row.details["reading"])] = row.seq
        if row.action in {ERASED, CASE_ERASED}:
            self.erased.update(row.details["cases"])
        if row.action == PREDICTED:
            self.answers[row.subject, row.details["bundle"]] = row.details["answer"]
        if row.action in {MACHINE_DECIDED, MACHINE_REFERRED}:
            self.decisions[row.subject] = row.details["decision"]
        if row.action == REFERENCE_SET:
            for told in row.details["findings"]:
                name, _, value = told.rpartition("=")
                key = (row.subject, name)
                self.references[key] = (value == "1", row.actor)
                self.first_lines.setdefault(key, row.seq)
        if row.action == LEVEL_SET:
            self._take_level(row)
        self._take_evidence(row)

    def _take_level(self, row: Row[Any]) -> None:
        self.level = row.details["to"]
        if not is_automated(self.level):
            self.protocol = None
        elif (named := row.details.get("protocol")) is not None:
            self.protocol = named

    def _take_evidence(self, row: Row[Any]) -> None:
        if row.action in {PROMISE_MADE, CERTIFICATE_MADE}:
            self.evidence[row.subject] = row.details["digest"]
        if row.action == PROMISE_MADE:
            self.states[row.subject] = "open"
        elif row.action == PROMISE_WITHDRAWN:
            self.states[row.subject] = "withdrawn"
        elif row.action == PROMISE_TESTED:
            self.looks[row.subject] = row.details["look"]
            if row.details["passed"]:
                self.states[row.subject] = "certified"
        elif row.action == CERTIFICATE_VOID:
            self.void.add(row.subject)


def _check_line(row: Row[tuple[object, ...]], expected: int, previous: str) -> str | None:
    if row.seq != expected:
        return f"line {expected} is missing: {row.seq} follows {expected - 1}"
    values = dict(row._mapping)
    if values["previous"] != previous:
        return f"line {row.seq} does not follow the one before it"
    if values.pop("hash") != hash_line(values):
        return f"line {row.seq} was changed"
    return None


def _check_readings(
    connection: Connection, told: dict[str, int], erased: Collection[str]
) -> str | None:
    left = dict(told)
    texts, reasons = words.alias(), words.alias()
    asked = (
        select(
            reading,
            texts.c.salt, texts.c.text,
            reasons.c.salt.label("reason_salt"), reasons.c.text.label("reason_text"),
        )
        .outerjoin(texts, texts.c.hash == reading.c.words)
        .outerjoin(reasons, reasons.c.hash == reading.c.reason)
        .order_by(reading.c.seq)
    )  # fmt: skip
    for row in connection.execute(asked):
        values = dict(row._mapping)
        if digest_reading(values) != row.digest or row.digest not in left:
            return f"reading {row.seq} is not as the trail tells of it"
        # Only the trail itself says who was erased: the case's own state could be edited.
        is_erased = row.case_id in erased
        if not (
            _fits(row.words, row.salt, row.text, is_erased)
            and _fits(row.reason, row.reason_salt, row.reason_text, is_erased)
        ):
            return f"the words of reading {row.seq} are not as they were committed"
        del left[row.digest]
    if left:
        return f"the reading that line {min(left.values())} tells of is missing"
    return None


def _check_answers(connection: Connection, told: _Told) -> str | None:
    left = {key: value for key, value in told.answers.items() if key[0] not in told.erased}
    for row in connection.execute(select(prediction).order_by(prediction.c.id)):
        known = left.pop((row.case_id, row.bundle), None)
        if known != digest_answer(dict(row._mapping)):
            return f"answer {row.id} of the model is not as the trail tells of it"
    if left:
        return f"{len(left)} answers of the model that the trail tells of are missing"
    return None


def _check_decisions(connection: Connection, told: _Told) -> str | None:
    left = dict(told.decisions)
    for row in connection.execute(select(decision)):
        if left.pop(row.case_id, None) != digest_decision(dict(row._mapping)):
            return f"what the machine did with case {row.case_id} is not as the trail tells of it"
    if left:
        return f"{len(left)} decisions of the machine that the trail tells of are missing"
    return None


def _check_references(connection: Connection, told: _Told) -> str | None:
    rows = connection.execute(select(reference)).all()
    held = {(row.case_id, row.class_name): (bool(row.is_present), str(row.set_by)) for row in rows}
    strange = {key for key, _ in held.items() ^ told.references.items()}
    # 0: entered before rooms wrote down when, and so before every promise.
    strange |= {
        key for row in rows
        if row.first_line not in {0, told.first_lines.get(key := (row.case_id, row.class_name))}
    }  # fmt: skip
    if strange:
        return f"what is true of case {min(strange)[0]} is not as the trail tells of it"
    return None


def _check_evidence(connection: Connection, told: _Told) -> str | None:
    left = dict(told.evidence)
    for row in connection.execute(select(promise)):
        state = told.states.get(row.id)
        if state == "open" and told.looks.get(row.id, 0) == len(row.looks):
            state = "spent"
        is_told = left.pop(row.id, None) == digest_promise(dict(row._mapping))
        if not is_told or (row.state, len(row.tested)) != (state, told.looks.get(row.id, 0)):
            return f"promise {row.id} is not as the trail tells of it"
    for row in connection.execute(select(certificate)):
        is_told = left.pop(row.id, None) == digest_certificate(dict(row._mapping))
        if not is_told or (row.voided_at is not None) != (row.id in told.void):
            return f"certificate {row.id} is not as the trail tells of it"
    if left:
        return f"promise or certificate {min(left)} that the trail tells of is missing"
    return None


def _check_level(connection: Connection, told: _Told) -> str | None:
    row = connection.execute(select(room.c.level, room.c.approval)).one()
    protocol = None if row.approval is None else row.approval["protocol"]
    if (row.level, protocol) != (told.level, told.protocol):
        return f"the room's level, {row.level}, is not as the trail tells of it"
    return None


def _fits(hashed: str | None, salt: str | None, text: str | None, is_erased: bool) -> bool:
    if salt is None or text is None:
        return hashed is None or is_erased
    return hash_words(salt, text) == hashed
