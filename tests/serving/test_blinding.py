"""Before a reader may see the machine's answer, nothing that the room sends depends on it.

SPDX-License-Identifier: Apache-2.0

Two rooms are given the same images and the same requests, and answers of the machine that differ in
everything: what it says, how sure it is, its maps, its reservations, or that it has none. What a
reader is sent must be the same to the byte, once random ids and times are masked.
"""

import gzip
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Connection, delete, insert, update

from cxrlens.client.messages import BundleOfRoom, ClassOfRoom, Reveal
from cxrlens.serving import tables
from cxrlens.serving.app import make_app
from cxrlens.serving.bundle_facts import BundleFacts
from cxrlens.serving.events import _find_end, _look
from cxrlens.serving.jobs import enqueue
from cxrlens.serving.people import SignedIn, make_token
from cxrlens.serving.service import Door, Service
from cxrlens.serving.trail import SYSTEM, append
from cxrlens.vocabulary import Level

from .room_by_hand import MakeRoom, RoomByHand

NAMES = ("covid", "normal", "pneumonia")
N_CASES = 4
MASKED = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})\b|\d{4}-\d\d-\d\dT[\d:.+]+")
SECONDS = re.compile(r'"seconds":[\d.e-]+')


@dataclass
class Twin:
    """One of two rooms, and a reader who speaks with it over HTTP."""

    hand: RoomByHand
    service: Service
    client: TestClient
    reader: SignedIn
    token: str
    cases: list[str]
    maps: list[str]
    heard: list[object] = field(default_factory=list)
    """Everything that was sent to the reader, masked."""

    position: Any = None
    """How far the events were heard."""

    def ask(self, method: str, path: str, **sent: object) -> httpx2.Response:
        """Send a request as the reader, and keep what comes back."""
        answer = self.client.request(
            method, path, headers={"Authorization": f"Bearer {self.token}"},
            follow_redirects=False, **sent,
        )  # fmt: skip
        # The length follows from the body, which is compared as a whole; reading times vary in it.
        headers = sorted(
            (name, mask(value))
            for name, value in answer.headers.items()
            if name not in {"content-length", "last-modified"}
        )
        self.heard.append(
            (method, mask(path), answer.status_code, headers, mask(answer.content.decode("latin1")))
        )
        return answer

    def hear_events(self) -> None:
        """Keep the events that the reader was sent since the last time."""
        self.position, told = _look(self.service, self.reader, self.position)
        self.heard.append([mask(one) for one in told])


def mask(text: str) -> str:
    return MASKED.sub("_", SECONDS.sub('"seconds":_', text))


def make_twin(hand: RoomByHand, variant: int) -> Twin:
    """Make a room whose machine says something else in each variant."""
    reader = hand.add_person("Reader")
    with hand.room.database.write() as connection:
        shown = make_token(connection, reader.id, "test", SYSTEM)
    facts = BundleFacts(
        BundleOfRoom(digest="b" * 64, is_phantom=True, is_calibrated=False),
        tuple(ClassOfRoom(name=name, threshold=None) for name in NAMES),
        is_multilabel=False,
        normal="normal",
    )
    service = Service(hand.room, facts, Door(("testserver",)))
    twin = Twin(
        hand, service, TestClient(make_app(service), raise_server_exceptions=False), reader,
        shown.secret, [], [],
    )  # fmt: skip
    with hand.room.database.write() as connection:
        connection.execute(
            insert(tables.patient).values(pseudonym="5" * 16, patient_id="PAT-1", name="Doe")
        )
    for number in range(N_CASES):
        one = hand.add_case(reader, pseudonym="5" * 16 if number < 2 else None)
        place = hand.room.places.pixels(one)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(bytes(8000), mtime=0))
        twin.cases.append(one)
    twin.position = _find_end(service)
    return twin


def let_machine_answer(twin: Twin, variant: int) -> None:
    """Store answers that differ between the variants in everything, as its process would."""
    for number, one in enumerate(twin.cases):
        with twin.hand.room.database.write() as connection:
            enqueue(connection, "predict", one, "b" * 64)
            if variant and number == 3:  # this one it could not answer
                connection.execute(
                    update(tables.job)
                    .where(tables.job.c.case_id == one)
                    .values(state="failed", message="no")
                )
                append(connection, SYSTEM, "prediction-failed", one, {"reason": "no"})
                twin.maps.append("0" * 16)
                continue
        leading = NAMES[(number + variant) % 3]
        priority = 0.9 - 0.2 * number if variant else 0.1 + 0.2 * number
        twin.maps.append(twin.hand.add_answer(one, leading, priority))
        with twin.hand.room.database.write() as connection:
            connection.execute(
                update(tables.job).where(tables.job.c.case_id == one).values(state="done")
            )
            if variant:
                add_more(connection, one)


def add_more(connection: Connection, case_id: str) -> None:
    """A map by another method, one that is being made, and a reservation."""
    values = {
        "source_size": [80, 100], "network_size": [64, 64], "top": 0.0, "left": 0.0,
        "height": 80.0, "width": 100.0,
    }  # fmt: skip
    connection.execute(
        insert(tables.heatmap).values(
            id=secrets.token_hex(8), case_id=case_id, bundle="b" * 64, method="lime",
            class_name="covid", is_usable=False, geometry=values, rows=1, cols=1,
            grid=np.zeros(1, "<f4").tobytes(),
        )
    )  # fmt: skip
    append(connection, SYSTEM, "map-made", case_id, {"method": "lime"})
    enqueue(connection, "explain", case_id, "occlusion/covid")


def look_everywhere(twin: Twin) -> None:
    """Ask for everything that a reader can ask for, also for what they may not have."""
    twin.hear_events()
    for shown in ("open", "read", "decided", "refused", "all"):
        twin.ask("GET", f"/api/v1/cases?shown={shown}")
    for query in ("limit=2", "limit=2&after=2", "mine=true", "search=PAT", "search=covid"):
        twin.ask("GET", f"/api/v1/cases?{query}")
    twin.ask("GET", "/api/v1/cases/next")
    twin.ask("GET", f"/api/v1/cases/next?instead_of={twin.cases[0]}")
    for number, one in enumerate(twin.cases):
        twin.ask("GET", f"/api/v1/cases/{one}")
        twin.ask("GET", f"/api/v1/cases/{one}/maps/{twin.maps[number]}.png")
        twin.ask("POST", f"/api/v1/cases/{one}/maps", json={"method": "lime", "class_name": "x"})
    one = twin.cases[1]
    twin.ask("GET", f"/api/v1/cases/{one}/pixels")
    twin.ask("PUT", f"/api/v1/cases/{one}/claim")
    twin.ask("DELETE", f"/api/v1/cases/{one}/claim")
    order = {"method": "occlusion", "class_name": "covid"}
    twin.ask("POST", f"/api/v1/cases/{one}/maps", json=order)
    twin.ask("PUT", f"/api/v1/cases/{one}/reference", json={"findings": {}, "source": "CT"})
    for part in ("reading", "first-answer", "amendments"):  # refused, each with its reason
        twin.ask("POST", f"/api/v1/cases/{one}/{part}", json={"findings": []})
    for path in OF_THE_ROOM:
        twin.ask("GET", path)
    twin.hear_events()


OF_THE_ROOM = (
    "/", f"/cases/{'0' * 32}", "/room", "/outcomes", "/sign-in", "/healthz", "/readyz",
    "/openapi.json", "/api/v1/me", "/api/v1/room", "/api/v1/people", "/api/v1/trail",
    "/api/v1/trail/head", "/api/v1/outcomes", "/api/v1/outcomes.csv", "/api/v1/outcomes.parquet",
    f"/api/v1/people/{'0' * 16}/tokens", "/api/v1/automation",
    "/api/v1/automation/curve?finding=covid", "/automation",
)  # fmt: skip
"""What can be fetched, beside the cases."""


def say(twin: Twin, number: int, part: str, present: str = "normal") -> httpx2.Response:
    body: dict[str, object] = twin.hand.answer(present, "seen").model_dump()
    if part == "amendments":
        body = {"answer": body, "reason": "looked again"}
    return twin.ask("POST", f"/api/v1/cases/{twin.cases[number]}/{part}", json=body)


def compare(twins: tuple[Twin, Twin]) -> None:
    """Expect that both readers were sent the same."""
    for first, second in zip(*(twin.heard for twin in twins), strict=True):
        assert first == second


@pytest.fixture
def twins(make_room: MakeRoom) -> tuple[Twin, Twin]:
    """Two rooms at assistance, where every case arrived."""
    return make_twin(make_room(), 0), make_twin(make_room(), 1)


def test_what_is_asked_for_is_all_that_can_be_fetched(twins: tuple[Twin, Twin]) -> None:
    twin, _ = twins
    let_machine_answer(twin, 0)
    look_everywhere(twin)
    asked = {path.split("?")[0] for _, path, *_ in (one for one in twin.heard if len(one) == 5)}
    app = make_app(twin.service)
    fetched = {
        re.sub(r"\{\w+\}", "_", one.path)
        for one in app.routes
        if isinstance(one, APIRoute) and "GET" in (one.methods or ())
    }
    fetched |= {
        re.sub(r"\{\w+\}", "_", path)
        for path, methods in app.openapi()["paths"].items()
        if "get" in methods
    }
    assert len(fetched) > 15
    assert fetched - asked <= {"/api/v1/events"}  # which is listened to by `hear_events`


@pytest.mark.parametrize(
    ("level", "reveal"),
    [("human-only", "after-commit"), ("shadow", "after-commit"), ("shadow", "never")],
)
def test_nothing_depends_on_the_machine(
    twins: tuple[Twin, Twin], level: Level, reveal: Reveal
) -> None:
    for variant, twin in enumerate(twins):
        twin.hand.set_up(reveal=reveal, readers=2)
        if level == "shadow":
            twin.hand.set_level("shadow")
        let_machine_answer(twin, variant)
        twin.hand.set_level(level)  # in human only the answers were there, and the room fell
        look_everywhere(twin)
        assert say(twin, 0, "first-answer").status_code == 409
        if level == "human-only" or reveal == "never":
            assert say(twin, 0, "reading").status_code == 200
            assert say(twin, 0, "amendments").status_code == 200
            look_everywhere(twin)
    compare(twins)


def test_nothing_depends_on_the_machine_before_the_first_answer(
    twins: tuple[Twin, Twin],
) -> None:
    for variant, twin in enumerate(twins):
        twin.hand.set_up(asks_first=True)
        let_machine_answer(twin, variant)
        look_everywhere(twin)
        assert say(twin, 0, "reading").json()["code"] == "first-answer-missing"
    compare(twins)
    for twin in twins:
        twin.heard.clear()
        assert say(twin, 0, "first-answer").json()["machine"] is not None
        twin.ask("GET", f"/api/v1/cases/{twin.cases[0]}")
    assert twins[0].heard != twins[1].heard
    for twin in twins:  # of all other cases still nothing
        twin.heard.clear()
        for one in twin.cases[2:]:  # the second is of the same patient, and tells of the first
            twin.ask("GET", f"/api/v1/cases/{one}")
        listed = twin.ask("GET", "/api/v1/cases").json()["cases"]
        assert [one["decision"] is None for one in listed] == [False, True, True, True]
        twin.heard.pop()
    compare(twins)


def test_the_same_requests_tell_the_twins_apart_where_the_machine_is_shown(
    twins: tuple[Twin, Twin],
) -> None:
    # Else the tests above could not fail.
    for variant, twin in enumerate(twins):
        let_machine_answer(twin, variant)
        look_everywhere(twin)
    pairs = list(zip(*(twin.heard for twin in twins), strict=True))
    told_apart = {str(a[1]) for a, b in pairs if a != b and len(a) == 5}
    assert {"/api/v1/cases?shown=open", "/api/v1/cases/_", "/api/v1/cases/_/maps/_.png"} <= (
        told_apart
    )


def test_in_shadow_the_answer_comes_with_the_commit(twins: tuple[Twin, Twin]) -> None:
    for variant, twin in enumerate(twins):
        twin.hand.set_level("shadow")
        let_machine_answer(twin, variant)
        told = say(twin, 0, "reading").json()
        assert told["machine"]["decision"] == NAMES[variant]
        assert told["readings"][0]["machine_was_shown"] is False
        assert say(twin, 0, "amendments").json()["readings"][1]["machine_was_shown"] is True
        picture = twin.ask("GET", f"/api/v1/cases/{twin.cases[0]}/maps/{twin.maps[0]}.png")
        assert picture.headers["content-type"] == "image/png"


@pytest.mark.parametrize("level", ["human-only", "shadow"])
def test_a_map_that_may_not_be_seen_is_none(twins: tuple[Twin, Twin], level: Level) -> None:
    twin, _ = twins
    let_machine_answer(twin, 0)
    twin.hand.set_level(level)
    for case_id in (twin.cases[0], twin.cases[1]):
        for map_id in (twin.maps[0], "0" * 16):
            twin.ask("GET", f"/api/v1/cases/{case_id}/maps/{map_id}.png")
    assert twin.heard == [twin.heard[0]] * 4
    assert twin.heard[0][2] == 404


def test_stop_takes_the_answer_away_at_once(twins: tuple[Twin, Twin]) -> None:
    twin, _ = twins
    let_machine_answer(twin, 0)
    assert twin.ask("GET", f"/api/v1/cases/{twin.cases[0]}").json()["machine"] is not None
    assert twin.ask("POST", "/api/v1/room/stop").status_code == 200
    told = twin.ask("GET", f"/api/v1/cases/{twin.cases[0]}").json()
    assert told["machine"] is None
    assert json.dumps(told["line"]).count("null") >= 2


def test_a_map_of_another_model_is_none(twins: tuple[Twin, Twin]) -> None:
    twin, _ = twins
    let_machine_answer(twin, 0)
    with twin.hand.room.database.write() as connection:
        connection.execute(update(tables.room).values(bundle="c" * 64))
    path = f"/api/v1/cases/{twin.cases[0]}/maps/{twin.maps[0]}.png"
    assert twin.ask("GET", path).status_code == 404
    told = twin.ask("GET", f"/api/v1/cases/{twin.cases[0]}").json()
    assert (told["machine"], told["machine_note"]) == (None, "not asked")
    with twin.hand.room.database.write() as connection:
        connection.execute(delete(tables.heatmap))
