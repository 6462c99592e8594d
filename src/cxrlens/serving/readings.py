"""What people say of cases: answered once, amended with history, never changed.

SPDX-License-Identifier: Apache-2.0
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from cxrlens.client.messages import Action, FindingAnswer, Reading, ReadingAnswer, ReferenceAnswer
from cxrlens.serving.clock import count_seconds, tell_time
from cxrlens.serving.conditions import is_decided
from cxrlens.serving.people import SignedIn
from cxrlens.serving.policy import NotAllowed, Standing
from cxrlens.serving.reach import find_seen
from cxrlens.serving.room import RoomState, read_state
from cxrlens.serving.tables import (
    case,
    claim,
    look,
    person,
    prediction,
    reading,
    reference,
    words,
)
from cxrlens.serving.trail import REFERENCE_SET, append, digest_reading, hash_words
from cxrlens.vocabulary import suggest

KINDS: dict[Action, str] = {"first-answer": "first", "commit": "final", "amend": "amendment"}
"""Of the reading that an action adds."""

WORDS: dict[Action, str] = {
    "first-answer": "first-answer",
    "commit": "committed",
    "amend": "amended",
}
"""What the trail calls it."""


def read_standing(
    connection: Connection, state: RoomState, reader: SignedIn, case_id: str
) -> Standing:
    """Read where a case stands for a reader.

    Args:
        connection: in a transaction.
        state: of the room.
        reader: who asks.
        case_id: of a case that exists.
    """
    row = connection.execute(
        select(case.c.level, case.c.state, case.c.n_read, is_decided().label("is_decided")).where(
            case.c.id == case_id
        )
    ).one()
    own = {
        one.kind: one.level
        for one in connection.execute(
            select(reading.c.kind, reading.c.level)
            .where(reading.c.case_id == case_id, reading.c.person_id == reader.id)
            .where(reading.c.kind != "amendment")
        )
    }
    return Standing(
        level=own.get("final", row.level),
        is_readable=row.state == "ready",
        has_first="first" in own,
        has_seen=find_seen(connection, case_id, reader.id) is not None,
        is_committed="final" in own,
        is_full=row.n_read >= state.settings.readers_per_case,
        is_decided=bool(row.is_decided),
    )


def open_case(connection: Connection, reader: SignedIn, case_id: str, *, shows: bool) -> None:
    """Note that a reader looks at a case, and when the machine's answer first went out to them.

    Args:
        connection: in a transaction that writes.
        reader: who looks.
        case_id: at what.
        shows: whether the machine's answer goes out with it.
    """
    key = (look.c.case_id == case_id, look.c.person_id == reader.id)
    known = connection.execute(select(look.c.shown_at, look.c.shown_bundle).where(*key)).first()
    now, bundle = tell_time(), read_state(connection).bundle
    if known is None:
        connection.execute(
            insert(look).values(
                case_id=case_id, person_id=reader.id, opened_at=now, opened=count_seconds(),
                shown_at=now if shows else None, shown_bundle=bundle if shows else None,
            )
        )  # fmt: skip
        append(connection, reader.id, "case-opened", case_id, {"machine_shown": shows})
    elif shows and known.shown_bundle != bundle:
        shown_at = known.shown_at or now
        connection.execute(update(look).where(*key).values(shown_at=shown_at, shown_bundle=bundle))
        append(connection, reader.id, "machine-shown", case_id, {"bundle": bundle})


def is_noted(connection: Connection, reader: SignedIn, case_id: str, *, shows: bool) -> bool:
    """Say whether `open_case` has nothing to add."""
    known = connection.execute(
        select(look.c.shown_bundle).where(look.c.case_id == case_id, look.c.person_id == reader.id)
    ).first()
    if known is None:
        return False
    return not shows or known.shown_bundle == read_state(connection).bundle


@dataclass(frozen=True)
class Said:
    """What a reader says of a case, and how."""

    reader: SignedIn
    """Who."""

    case_id: str
    """Of what."""

    action: Action
    """`first-answer`, `commit` or `amend`."""

    answer: ReadingAnswer
    """One finding a class."""

    reason: str | None = None
    """Of an amendment."""


def record(connection: Connection, said: Said, classes: "Classes") -> None:
    """Record what a reader says.

    Args:
        connection: in a transaction that writes.
        said: what.
        classes: of the room.

    Raises:
        NotAllowed: if the findings are not exactly one a class of the room, the case does not stand
            so that this can be done, or another reader has it.
    """
    classes.check(said.answer.findings)
    state = read_state(connection)
    standing = read_standing(connection, state, said.reader, said.case_id)
    state.policy.advance(standing, said.action)
    _refuse_claimed(connection, said)
    _insert(connection, said, standing, state)
    if said.action == "commit":
        connection.execute(
            update(case).where(case.c.id == said.case_id).values(n_read=case.c.n_read + 1)
        )
        connection.execute(delete(claim).where(claim.c.case_id == said.case_id))


def set_reference(
    connection: Connection,
    actor: SignedIn,
    case_id: str,
    answer: ReferenceAnswer,
    classes: "Classes",
) -> None:
    """Record what is true of a case; what stood there before stays on the trail.

    Raises:
        NotAllowed: if a class is not one of the room's.
    """
    for name in answer.findings:
        classes.check_name(name)
    told = [f"{name}={int(value)}" for name, value in sorted(answer.findings.items())]
    line = append(connection, actor.id, REFERENCE_SET, case_id, {"findings": told})
    for name, is_present in answer.findings.items():
        key = (reference.c.case_id == case_id, reference.c.class_name == name)
        first = connection.execute(select(reference.c.first_line).where(*key)).scalar()
        connection.execute(delete(reference).where(*key))
        connection.execute(
            insert(reference).values(
                case_id=case_id, class_name=name, is_present=is_present,
                source=answer.source, set_by=actor.id, set_at=tell_time(),
                first_line=line if first is None else first,
            )
        )  # fmt: skip


def list_readings(
    connection: Connection, case_id: str, person_id: str | None = None
) -> tuple[Reading, ...]:
    """List what was said of a case, in the order in which it was said.

    Args:
        connection: in a transaction.
        case_id: of the case.
        person_id: whose readings alone; None: everybody's.
    """
    texts, reasons = words.alias(), words.alias()
    asked = (
        select(reading, person.c.name, texts.c.text, reasons.c.text.label("reason_text"))
        .join(person, person.c.id == reading.c.person_id)
        .outerjoin(texts, texts.c.hash == reading.c.words)
        .outerjoin(reasons, reasons.c.hash == reading.c.reason)
        .where(reading.c.case_id == case_id)
        .order_by(reading.c.seq)
    )
    if person_id is not None:
        asked = asked.where(reading.c.person_id == person_id)
    return tuple(_tell(row) for row in connection.execute(asked))


class Classes:
    """The classes that a reading must speak of.

    Args:
        names: in the order of the model's outputs.
        is_multilabel: whether there may be several, or none.
    """

    def __init__(self, names: Sequence[str], *, is_multilabel: bool) -> None:
        self.names = tuple(names)
        self.is_multilabel = is_multilabel

    def check_name(self, name: str) -> None:
        """Refuse a class that the room does not have.

        Raises:
            NotAllowed: if it is none of the room's.
        """
        if name not in self.names:
            raise NotAllowed(
                "no-such-class", f"class {name!r} is not known here; {suggest(name, self.names)}"
            )

    def check(self, findings: Sequence[FindingAnswer]) -> None:
        """Refuse findings that are not one a class, and where classes exclude each other not one.

        Raises:
            NotAllowed: if a class is unknown, missing or twice there, or not exactly one is
                present although they exclude each other.
        """
        for one in findings:
            self.check_name(one.class_name)
        given = [one.class_name for one in findings]
        for name in self.names:
            if given.count(name) != 1:
                raise NotAllowed(
                    "findings-do-not-fit",
                    f"class {name!r} has {given.count(name)} findings; give exactly one for each "
                    f"of {', '.join(self.names)}",
                )
        present = [one.class_name for one in findings if one.present]
        if not self.is_multilabel and len(present) != 1:
            raise NotAllowed(
                "findings-do-not-fit",
                f"{len(present)} classes are marked as present ({', '.join(present) or 'none'}); "
                "they exclude each other here, so mark exactly one",
            )


def _insert(connection: Connection, said: Said, standing: Standing, state: RoomState) -> None:
    kind = KINDS[said.action]
    mine = (reading.c.case_id == said.case_id, reading.c.person_id == said.reader.id)
    seen = connection.execute(
        select(look).where(look.c.case_id == said.case_id, look.c.person_id == said.reader.id)
    ).first()
    earlier = select(func.count()).select_from(reading).where(*mine, reading.c.kind == kind)
    shown = find_seen(connection, said.case_id, said.reader.id)
    if shown is None and _is_within_reach(connection, standing, state, said.case_id):
        shown = state.bundle
    values: dict[str, object] = {
        "case_id": said.case_id,
        "person_id": said.reader.id,
        "kind": kind,
        "version": connection.execute(earlier).scalar_one(),
        "findings": [one.model_dump() for one in said.answer.findings],
        "words": _keep_words(connection, said.case_id, said.answer.text),
        "reason": said.reason and _keep_words(connection, said.case_id, said.reason),
        "level": standing.level,
        "bundle": shown or state.bundle,
        "machine_was_shown": shown is not None,
        "seconds": 0.0 if seen is None else max(0.0, count_seconds() - seen.opened),
        "at": tell_time(),
    }
    key = digest_reading(values)
    connection.execute(insert(reading).values(**values, digest=key))
    append(
        connection, said.reader.id, WORDS[said.action], said.case_id,
        {"reading": key, "level": standing.level, "bundle": str(values["bundle"])},
    )  # fmt: skip


def _keep_words(connection: Connection, case_id: str, text: str) -> str:
    """Keep free text where it can be erased, and give the hash that stays."""
    salt = secrets.token_hex(16)
    hashed = hash_words(salt, text)
    connection.execute(insert(words).values(hash=hashed, case_id=case_id, salt=salt, text=text))
    return hashed


def _is_within_reach(
    connection: Connection, standing: Standing, state: RoomState, case_id: str
) -> bool:
    """Whether the reader could see the machine's answer elsewhere, such as in the worklist."""
    if not state.policy.shows_machine(standing):
        return False
    asked = select(prediction.c.id).where(
        prediction.c.case_id == case_id, prediction.c.bundle == state.bundle
    )
    return connection.execute(asked).first() is not None


def _refuse_claimed(connection: Connection, said: Said) -> None:
    held = connection.execute(select(claim).where(claim.c.case_id == said.case_id)).first()
    if said.action == "amend" or held is None or held.person_id == said.reader.id:
        return
    if held.until > count_seconds():
        raise NotAllowed(
            "claimed",
            "somebody else has claimed this case: take the next, or wait until it is free",
        )


def _tell(row: Row[tuple[object, ...]]) -> Reading:
    return Reading(
        kind=row.kind,
        person=row.name,
        findings=tuple(FindingAnswer.model_validate(one) for one in row.findings),
        text="" if row.text is None else row.text,
        at=row.at,
        seconds=row.seconds,
        machine_was_shown=row.machine_was_shown,
        reason=None if row.reason is None else row.reason_text or "",
    )
