"""Who may erase, over HTTP and with the client, and what stays.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from cxrlens.client import ReadingRoom, RoomRefused
from cxrlens.client.messages import BundleOfRoom, ClassOfRoom, Role
from cxrlens.serving.app import make_app
from cxrlens.serving.bundle_facts import BundleFacts
from cxrlens.serving.people import make_token
from cxrlens.serving.service import Door, Service
from cxrlens.serving.trail import SYSTEM

from .conftest import Serve
from .room_by_hand import RoomByHand

FACTS = BundleFacts(
    BundleOfRoom(digest="b" * 64, is_phantom=True, is_calibrated=False),
    tuple(ClassOfRoom(name=name, threshold=None) for name in ("covid", "normal", "pneumonia")),
    is_multilabel=False,
    normal="normal",
)


@pytest.fixture
def url(hand: RoomByHand, serve_app: Serve) -> str:
    served = serve_app(make_app(Service(hand.room, FACTS, Door(("127.0.0.1",)))))
    return f"http://127.0.0.1:{served.port}"


def let_in(hand: RoomByHand, role: Role) -> str:
    person = hand.add_person(role, role)
    with hand.room.database.write() as connection:
        return make_token(connection, person.id, "test", SYSTEM).secret


@pytest.fixture
def room(hand: RoomByHand, url: str) -> Iterator[ReadingRoom]:
    with ReadingRoom(url, let_in(hand, "admin")) as opened:
        yield opened


def test_an_admin_erases_a_case_and_a_patient(
    hand: RoomByHand, room: ReadingRoom, phantoms: list[Path]
) -> None:
    (nobodys,) = room.upload(phantoms[:1]).images
    theirs = room.upload(phantoms[1:3], patient_id="Doe, Anna / 7").images
    for _ in range(2):  # whoever did not get the answer may send it again
        room.erase_case(str(nobodys.id))
    room.erase_patient_by_id("Doe, Anna / 7")
    assert [hand.find(str(one.id)).state for one in (nobodys, *theirs)] == ["erased"] * 3
    for erase in (
        lambda: room.erase_case("0" * 32),
        lambda: room.erase_patient_by_id("Doe, Anna / 7"),
        lambda: room.erase_patient("0" * 16),
        lambda: room.get_case(str(nobodys.id)),
    ):
        with pytest.raises(RoomRefused) as refused:
            erase()
        assert refused.value.status == 404
        assert "trail" not in refused.value.hint  # where no pseudonym of a case stands


@pytest.mark.parametrize("role", ["reader", "lead"])
def test_nobody_else_erases(
    hand: RoomByHand, url: str, room: ReadingRoom, phantoms: list[Path], role: Role
) -> None:
    (line,) = room.upload(phantoms[:1], patient_id="P-1").images
    pseudonym = hand.find(str(line.id)).pseudonym
    with ReadingRoom(url, let_in(hand, role)) as other:
        for erase in (
            lambda: other.erase_case(str(line.id)),
            lambda: other.erase_patient_by_id("P-1"),
            lambda: other.erase_patient(pseudonym),
        ):
            with pytest.raises(RoomRefused, match="needs the role admin"):
                erase()
    assert hand.find(str(line.id)).state == "received"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("cases/next", 405),
        ("patients/erase", 405),
        ("cases/xyz", 422),
        ("patients/xyz", 422),
        (f"cases/{'0' * 32}/next", 404),
    ],
)
def test_what_is_no_id_is_told_apart_from_a_wrong_method(
    hand: RoomByHand, url: str, path: str, status: int
) -> None:
    told = {"Authorization": f"Bearer {let_in(hand, 'admin')}"}
    answer = httpx2.delete(f"{url}/api/v1/{path}", headers=told)
    assert answer.status_code == status
    assert "DELETE" not in answer.headers.get("allow", "")
