"""The append-only record of a room: who did what, when, each line chained to the one before.

SPDX-License-Identifier: Apache-2.0

The chain proves that no line in the middle was changed or taken out. That lines were cut off at
its end only a copy of its head (`read_head`), kept elsewhere, can prove. Lines hold pseudonyms
and digests, no names and no text of readings, so that a patient can be erased and the chain stays
whole.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, Row, insert, select

from cxrlens.serving.clock import tell_time
from cxrlens.serving.tables import decision, prediction, reading, reference, trail, words
from cxrlens.vocabulary import digest

Details = Mapping[str, str | int | float | bool | list[str] | None]
"""What stands beside an action."""

START = "0" * 64
"""What the first line holds in place of the hash of the one before."""

PREDICTED = "predicted"
"""The action of a model's answer, with its digest."""

MACHINE_DECIDED = "machine-decided"
"""The action of a decision of the machine, with its digest."""

MACHINE_REFERRED = "machine-referred"
"""The same where it left the case to a reader."""

REFERENCE_SET = "reference-set"
"""The action of saying what is true of a case."""

_ANSWERED = ("case_id", "bundle", "engine", "answer", "priority", "made_at")
"""What an answer's digest stands for: all of it."""

_DECIDED = (
    "case_id", "bundle", "kind", "reason", "words", "findings", "certificates", "is_drawn", "at",
)  # fmt: skip
"""What a decision's digest stands for: all of it but what became of it later."""

_DIGESTED = (
    "case_id", "person_id", "kind", "version", "findings", "words", "reason", "level", "bundle",
    "machine_was_shown", "seconds", "at",
)  # fmt: skip
"""What a reading's digest stands for: all of it."""

SYSTEM = "system"
"""The actor of what nobody asked for by hand."""


ERASED = "patient-erased"
"""The action of a line that names, as `cases`, those whose words are gone since."""

CASE_ERASED = "case-erased"
"""The same of a line that tells of one case alone."""


@dataclass(frozen=True)
class Head:
    """The newest line of a trail."""

    seq: int
    """Its number; 0 of an empty trail."""

    hash: str
    """Its hash."""


@dataclass(frozen=True)
class Verdict:
    """What came of checking a trail."""

    n_lines: int
    """Lines that were looked at."""

    fault: str | None
    """The first that is wrong, and how; None where all is well."""

    head: Head
    """Of the trail as it is."""


def append(
    connection: Connection, actor: str, action: str, subject: str, details: Details | None = None
) -> int:
    """Add a line within the transaction of what it tells of, so that both are there or neither.

    Args:
        connection: in a transaction that writes.
        actor: id of a person, or `SYSTEM`.
        action: a word such as `image-received`.
        subject: what it was done to: the id of a case or person, or a pseudonym.
        details: what else must be known; never a name or free text.

    Returns:
        Number of the line.
    """
    head = read_head(connection)
    row = {
        "seq": head.seq + 1,
        "at": tell_time(),
        "actor": actor,
        "action": action,
        "subject": subject,
        "details": dict(details or {}),
        "previous": head.hash,
    }
    connection.execute(insert(trail).values(**row, hash=_hash_line(row)))
    return head.seq + 1


def read_head(connection: Connection) -> Head:
    """Read the newest line."""
    row = connection.execute(
        select(trail.c.seq, trail.c.hash).order_by(trail.c.seq.desc()).limit(1)
    ).first()
    return Head(0, START) if row is None else Head(row.seq, row.hash)


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
    )
    return Verdict(n_lines, fault, head)


@dataclass(frozen=True)
class _Told:
    """What the trail says that the other tables must hold."""

    readings: dict[str, int] = field(default_factory=dict)
    """Digest of a reading → line."""

    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Case and model → digest of the answer."""

    decisions: dict[str, str] = field(default_factory=dict)
    """Case → digest of what the machine did with it."""

    references: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Case and class → what is true of it, by the last line that says so."""

    erased: set[str] = field(default_factory=set)
    """Cases of patients that were erased."""

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
                self.references[row.subject, name] = value == "1"


def digest_reading(values: Mapping[str, object]) -> str:
    """Give the digest of a reading that stands on the trail in place of its words."""
    return digest(_write_canonically([values[name] for name in _DIGESTED]))


def digest_answer(values: Mapping[str, object]) -> str:
    """Give the digest of a model's answer that stands on the trail in place of it."""
    return digest(_write_canonically([values[name] for name in _ANSWERED]))


def digest_decision(values: Mapping[str, object]) -> str:
    """Give the digest of what the machine did with a case that stands on the trail."""
    return digest(_write_canonically([values[name] for name in _DECIDED]))


def _check_decisions(connection: Connection, told: _Told) -> str | None:
    left = dict(told.decisions)
    for row in connection.execute(select(decision)):
        if left.pop(row.case_id, None) != digest_decision(dict(row._mapping)):
            return f"what the machine did with case {row.case_id} is not as the trail tells of it"
    if left:
        return f"{len(left)} decisions of the machine that the trail tells of are missing"
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


def _check_references(connection: Connection, told: _Told) -> str | None:
    held = {
        (row.case_id, row.class_name): bool(row.is_present)
        for row in connection.execute(select(reference))
    }
    strange = held.items() ^ told.references.items()
    if strange:
        case_id = min(strange)[0][0]
        return f"what is true of case {case_id} is not as the trail tells of it"
    return None


def _check_line(row: Row[tuple[object, ...]], expected: int, previous: str) -> str | None:
    if row.seq != expected:
        return f"line {expected} is missing: {row.seq} follows {expected - 1}"
    values = dict(row._mapping)
    if values["previous"] != previous:
        return f"line {row.seq} does not follow the one before it"
    if values.pop("hash") != _hash_line(values):
        return f"line {row.seq} was changed"
    return None


def hash_words(salt: str, text: str) -> str:
    """Give the hash that stands in a reading for its free text."""
    return digest(f"{salt}{text}".encode())


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


def _fits(hashed: str | None, salt: str | None, text: str | None, is_erased: bool) -> bool:
    if salt is None or text is None:
        return hashed is None or is_erased
    return hash_words(salt, text) == hashed


def _hash_line(values: Mapping[str, object]) -> str:
    names = ("seq", "at", "actor", "action", "subject", "details", "previous")
    return digest(_write_canonically([values[name] for name in names]))


def _write_canonically(values: list[object]) -> bytes:
    return json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
