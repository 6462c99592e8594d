"""Who follows what happens is told no more once they may not be.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection

from cxrlens.client.messages import BundleOfRoom
from cxrlens.serving.app import make_app
from cxrlens.serving.bundle_facts import BundleFacts
from cxrlens.serving.entry import COOKIE
from cxrlens.serving.people import (
    close_session,
    disable_person,
    list_tokens,
    make_token,
    open_session,
    revoke_token,
)
from cxrlens.serving.service import Door, Service
from cxrlens.serving.trail import SYSTEM

from .conftest import Serve
from .room_by_hand import RoomByHand

Ending = Callable[[Connection, str, str], object]
"""Takes the person's id, and the secret of their session."""


def shut_out(connection: Connection, person_id: str, _session: str) -> None:
    disable_person(connection, person_id, SYSTEM)


def revoke(connection: Connection, person_id: str, _session: str) -> None:
    (held,) = list_tokens(connection, person_id)
    revoke_token(connection, held.id, SYSTEM)


def sign_out(connection: Connection, _person_id: str, session: str) -> None:
    close_session(connection, session)


@pytest.mark.parametrize("end", [shut_out, revoke, sign_out])
def test_a_stream_ends_with_the_right_to_it(
    hand: RoomByHand, serve_app: Serve, phantoms: list[Path], end: Ending
) -> None:
    reader, sender = hand.add_person("Reader"), hand.add_person("Sender")
    with hand.room.database.write() as connection:
        token = make_token(connection, reader.id, "test", SYSTEM)
        opened = open_session(connection, token.secret)
    assert opened is not None
    facts = BundleFacts(
        BundleOfRoom(digest="b" * 64, is_phantom=True, is_calibrated=False), (),
        is_multilabel=False, normal=None,
    )  # fmt: skip
    served = serve_app(make_app(Service(hand.room, facts, Door(("127.0.0.1",)))))
    url = f"http://127.0.0.1:{served.port}/api/v1/events"
    with httpx2.stream("GET", url, cookies={COOKIE: opened[1]}, timeout=20) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        (first,) = hand.receive(sender, phantoms[0].read_bytes())
        assert next(one for one in lines if one.startswith("data")).count(str(first.id)) == 1
        with hand.room.database.write() as connection:
            end(connection, reader.id, opened[1])
        assert ": here" not in list(lines)  # it ended before its next sign of life
