"""Who may use a room, and how they show it.

SPDX-License-Identifier: Apache-2.0

A person holds tokens: 32 random bytes, shown once, kept as their SHA-256. There are no passwords,
so there is no default one. A browser changes a token for a session cookie.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from cxrlens.client.messages import ROLES, Person, Role, Token, TokenShown
from cxrlens.serving.clock import tell_time
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.tables import person, session, token
from cxrlens.serving.trail import append

SESSION_HOURS = 12
"""A working day; then a browser signs in again."""

TOKEN_DAYS = 90
"""How long a token is good for, unless it is said."""


@dataclass(frozen=True)
class SignedIn:
    """A person who showed a token or a session."""

    id: str
    name: str
    role: Role

    def may_act_as(self, role: Role) -> bool:
        """Say whether they may do what this role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


def add_person(connection: Connection, name: str, role: Role, actor: str) -> Person:
    """Add a person.

    Args:
        connection: in a transaction that writes.
        name: unlike all others.
        role: what they may do.
        actor: who adds them.

    Raises:
        NotAllowed: if the name is taken.
    """
    if connection.execute(select(person.c.id).where(person.c.name == name)).first() is not None:
        raise NotAllowed(
            "name-taken", f"there is a person named {name!r} already; choose another name"
        )
    new_id = secrets.token_hex(8)
    connection.execute(
        insert(person).values(id=new_id, name=name, role=role, created_at=tell_time())
    )
    append(connection, actor, "person-added", new_id, {"role": role})
    return Person(id=new_id, name=name, role=role, is_disabled=False)


def disable_person(connection: Connection, person_id: str, actor: str) -> None:
    """Take all access from a person; what they did stays.

    Raises:
        NotAllowed: if it is the one who asks, who could not let themselves in again.
    """
    if person_id == actor:
        raise NotAllowed(
            "not-yourself", "nobody takes access from themselves: ask another admin to do it"
        )
    connection.execute(update(person).where(person.c.id == person_id).values(is_disabled=True))
    append(connection, actor, "person-disabled", person_id)


def list_people(connection: Connection) -> tuple[Person, ...]:
    """List everybody, by name."""
    rows = connection.execute(select(person).order_by(person.c.name))
    return tuple(
        Person(id=row.id, name=row.name, role=row.role, is_disabled=row.is_disabled) for row in rows
    )


def make_token(
    connection: Connection, person_id: str, label: str, actor: str, days: int = TOKEN_DAYS
) -> TokenShown:
    """Make a token; its secret is not kept.

    Args:
        connection: in a transaction that writes.
        person_id: whose.
        label: what it is for.
        actor: who makes it.
        days: how long it is good for.
    """
    secret = secrets.token_urlsafe(32)
    new = Token(
        id=secrets.token_hex(8),
        label=label,
        expires_at=tell_time(timedelta(days=days)),
        is_revoked=False,
    )
    connection.execute(
        insert(token).values(
            id=new.id,
            person_id=person_id,
            hash=_hash(secret),
            label=label,
            expires_at=new.expires_at,
        )
    )
    append(connection, actor, "token-made", person_id, {"token": new.id, "days": days})
    return TokenShown(token=new, secret=secret)


def revoke_token(connection: Connection, token_id: str, actor: str) -> bool:
    """End a token and the sessions that began with it.

    Returns:
        Whether there is such a token.
    """
    row = connection.execute(select(token.c.person_id).where(token.c.id == token_id)).first()
    if row is None:
        return False
    connection.execute(update(token).where(token.c.id == token_id).values(is_revoked=True))
    connection.execute(delete(session).where(session.c.token_id == token_id))
    append(connection, actor, "token-revoked", row.person_id, {"token": token_id})
    return True


def list_tokens(connection: Connection, person_id: str) -> tuple[Token, ...]:
    """List a person's tokens, without their secrets."""
    rows = connection.execute(
        select(token).where(token.c.person_id == person_id).order_by(token.c.expires_at)
    )
    return tuple(
        Token(id=row.id, label=row.label, expires_at=row.expires_at, is_revoked=row.is_revoked)
        for row in rows
    )


def find_by_token(connection: Connection, secret: str) -> SignedIn | None:
    """Say whose token it is; None where it is nobody's, has run out or was revoked."""
    row = connection.execute(
        _select_person().where(token.c.hash == _hash(secret), token.c.expires_at > tell_time())
    ).first()
    return _tell(row)


def open_session(connection: Connection, secret: str) -> tuple[SignedIn, str] | None:
    """Change a token for a session.

    Args:
        connection: in a transaction that writes.
        secret: of the token.

    Returns:
        The person and the secret of the session; None where the token is no good.
    """
    found = find_by_token(connection, secret)
    if found is None:
        return None
    connection.execute(delete(session).where(session.c.expires_at <= tell_time()))
    held = connection.execute(select(token.c.id).where(token.c.hash == _hash(secret))).scalar_one()
    made = secrets.token_urlsafe(32)
    connection.execute(
        insert(session).values(
            hash=_hash(made),
            token_id=held,
            expires_at=tell_time(timedelta(hours=SESSION_HOURS)),
        )
    )
    append(connection, found.id, "signed-in", found.id, {"token": held})
    return found, made


def find_by_session(connection: Connection, secret: str) -> SignedIn | None:
    """Say whose session it is; None where it is nobody's, or it or its token has run out."""
    now = tell_time()
    row = connection.execute(
        _select_person()
        .join(session, session.c.token_id == token.c.id)
        .where(
            session.c.hash == _hash(secret),
            session.c.expires_at > now,
            token.c.expires_at > now,
        )
    ).first()
    return _tell(row)


def close_session(connection: Connection, secret: str) -> None:
    """End a session."""
    found = find_by_session(connection, secret)
    connection.execute(delete(session).where(session.c.hash == _hash(secret)))
    if found is not None:
        append(connection, found.id, "signed-out", found.id)


def _select_person() -> Select[Any]:
    return (
        select(person.c.id, person.c.name, person.c.role)
        .join(token, token.c.person_id == person.c.id)
        .where(token.c.is_revoked.is_(False), person.c.is_disabled.is_(False))
    )


def _tell(row: Row[Any] | None) -> SignedIn | None:
    return None if row is None else SignedIn(row.id, row.name, row.role)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
