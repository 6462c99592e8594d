"""The append-only record of a room: who did what, when, each line chained to the one before.

SPDX-License-Identifier: Apache-2.0

The chain proves that no line in the middle was changed or taken out. That lines were cut off at
its end only a copy of its head (`read_head`), kept elsewhere, can prove. Lines hold pseudonyms
and digests, no names and no text of readings, so that a patient can be erased and the chain stays
whole.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from cxrlens.serving.clock import tell_time
from cxrlens.serving.tables import trail
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

LEVEL_SET = "level-set"
"""The action of setting the room's level."""

PROMISE_MADE = "promise-made"
"""The action of a promise, with its digest."""

PROMISE_WITHDRAWN = "promise-withdrawn"
"""The action of its end by hand."""

PROMISE_TESTED = "promise-tested"
"""The action of a look."""

CERTIFICATE_MADE = "certificate-made"
"""The action of a certificate, with its digest."""

CERTIFICATE_VOID = "certificate-void"
"""The action of its end."""

_ANSWERED = ("case_id", "bundle", "engine", "answer", "priority", "made_at")
"""What an answer's digest stands for: all of it."""

_DECIDED = (
    "case_id", "bundle", "kind", "reason", "words", "findings", "certificates", "is_drawn", "at",
)  # fmt: skip
"""What a decision's digest stands for: all of it but what became of it later."""

_PROMISED = (
    "id", "finding", "decides", "risk", "delta", "looks", "expires", "drift_window", "drift_looks",
    "bundle", "preparation",
)  # fmt: skip
"""What a promise's digest stands for: all of it but what became of it later."""

_CERTIFIED = ("id", "promise_id", "told", "after_number", "usual")
"""What a certificate's digest stands for: the same."""

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
    connection.execute(insert(trail).values(**row, hash=hash_line(row)))
    return head.seq + 1


def read_head(connection: Connection) -> Head:
    """Read the newest line."""
    row = connection.execute(
        select(trail.c.seq, trail.c.hash).order_by(trail.c.seq.desc()).limit(1)
    ).first()
    return Head(0, START) if row is None else Head(row.seq, row.hash)


def digest_reading(values: Mapping[str, object]) -> str:
    """Give the digest of a reading that stands on the trail in place of its words."""
    return digest(_write_canonically([values[name] for name in _DIGESTED]))


def digest_answer(values: Mapping[str, object]) -> str:
    """Give the digest of a model's answer that stands on the trail in place of it."""
    return digest(_write_canonically([values[name] for name in _ANSWERED]))


def digest_decision(values: Mapping[str, object]) -> str:
    """Give the digest of what the machine did with a case that stands on the trail."""
    return digest(_write_canonically([values[name] for name in _DECIDED]))


def digest_promise(values: Mapping[str, object]) -> str:
    """Give the digest of a promise that stands on the trail."""
    return digest(_write_canonically([values[name] for name in _PROMISED]))


def digest_certificate(values: Mapping[str, object]) -> str:
    """Give the digest of a certificate that stands on the trail."""
    return digest(_write_canonically([values[name] for name in _CERTIFIED]))


def hash_words(salt: str, text: str) -> str:
    """Give the hash that stands in a reading for its free text."""
    return digest(f"{salt}{text}".encode())


def hash_line(values: Mapping[str, object]) -> str:
    """Give the hash of a line, over all of it and the hash of the line before."""
    names = ("seq", "at", "actor", "action", "subject", "details", "previous")
    return digest(_write_canonically([values[name] for name in names]))


def _write_canonically(values: list[object]) -> bytes:
    return json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
