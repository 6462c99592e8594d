"""Tokens and sessions let in whom they should, for as long as they should, and are kept hashed.

SPDX-License-Identifier: Apache-2.0
"""

from datetime import timedelta

import pytest
from sqlalchemy import update

from cxrlens.serving import tables
from cxrlens.serving.clock import tell_time
from cxrlens.serving.people import (
    SignedIn,
    add_person,
    close_session,
    disable_person,
    find_by_session,
    find_by_token,
    list_people,
    list_tokens,
    make_token,
    open_session,
    revoke_token,
)
from cxrlens.serving.policy import NotAllowed
from cxrlens.serving.trail import SYSTEM

from .room_by_hand import RoomByHand


class Door:
    """A person with a token and a session."""

    def __init__(self, hand: RoomByHand) -> None:
        self.hand = hand
        self.person = hand.add_person("Anna", "lead")
        with hand.room.database.write() as connection:
            shown = make_token(connection, self.person.id, "test", SYSTEM, days=1)
            opened = open_session(connection, shown.secret)
        assert opened is not None
        self.token, self.token_id = shown.secret, shown.token.id
        self.session = opened[1]

    def who(self) -> tuple[SignedIn | None, SignedIn | None]:
        """Who comes in by the token, and by the session."""
        with self.hand.room.database.read() as connection:
            return (
                find_by_token(connection, self.token),
                find_by_session(connection, self.session),
            )


@pytest.fixture
def door(hand: RoomByHand) -> Door:
    return Door(hand)


def test_both_tell_who_it_is(door: Door) -> None:
    assert door.who() == (door.person, door.person)
    assert door.person.may_act_as("reader")
    assert not door.person.may_act_as("admin")


def test_secrets_are_kept_hashed(door: Door) -> None:
    for path in door.hand.room.places.folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert door.token.encode() not in data
        assert door.session.encode() not in data
    with door.hand.room.database.read() as connection:
        (told,) = list_tokens(connection, door.person.id)
    assert door.token not in told.model_dump_json()


@pytest.mark.parametrize(
    "secret", ["", "x", "' OR 1=1 --", "\x00", "ä" * 99], ids=["none", "x", "sql", "nul", "ä"]
)
def test_a_guess_is_nobody(door: Door, secret: str) -> None:
    with door.hand.room.database.write() as connection:
        assert find_by_token(connection, secret) is None
        assert find_by_session(connection, secret) is None
        assert find_by_session(connection, door.token) is None
        assert find_by_token(connection, door.session) is None
        assert open_session(connection, secret) is None


def test_a_token_runs_out_and_its_session_with_it(door: Door) -> None:
    for hours, is_good in ((1, True), (-1, False)):
        with door.hand.room.database.write() as connection:
            ends = tell_time(timedelta(hours=hours))
            connection.execute(update(tables.token).values(expires_at=ends))
        assert [one is not None for one in door.who()] == [is_good, is_good]
    with door.hand.room.database.write() as connection:
        assert open_session(connection, door.token) is None


def test_a_session_runs_out_before_its_token(door: Door) -> None:
    with door.hand.room.database.write() as connection:
        ends = tell_time(timedelta(seconds=-1))
        connection.execute(update(tables.session).values(expires_at=ends))
    assert door.who() == (door.person, None)


def test_a_revoked_token_ends_its_sessions(door: Door) -> None:
    with door.hand.room.database.write() as connection:
        assert revoke_token(connection, door.token_id, SYSTEM)
        assert not revoke_token(connection, "0" * 16, SYSTEM)
    assert door.who() == (None, None)
    assert door.hand.count(tables.session) == 0


def test_a_disabled_person_is_let_in_by_nothing(door: Door) -> None:
    with door.hand.room.database.write() as connection:
        disable_person(connection, door.person.id, SYSTEM)
        assert open_session(connection, door.token) is None
        assert [one.is_disabled for one in list_people(connection)] == [True]
    assert door.who() == (None, None)


def test_a_session_ends_alone(door: Door) -> None:
    with door.hand.room.database.write() as connection:
        close_session(connection, door.session)
        close_session(connection, "nobody's")
    assert door.who() == (door.person, None)


def test_nobody_takes_a_name_that_is_taken_nor_access_from_themselves(door: Door) -> None:
    with door.hand.room.database.write() as connection:
        with pytest.raises(NotAllowed, match="Anna"):
            add_person(connection, "Anna", "reader", SYSTEM)
        with pytest.raises(NotAllowed, match="themselves"):
            disable_person(connection, door.person.id, door.person.id)
