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
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Connection, delete, insert, select, update

from cxrlens.client.messages import (
    BundleOfRoom,
    ClassOfRoom,
    ReferenceAnswer,
    Reveal,
    RoomSettings,
)
from cxrlens.serving import tables
from cxrlens.serving.app import make_app
from cxrlens.serving.bundle_facts import BundleFacts
from cxrlens.serving.events import _find_end, _look
from cxrlens.serving.jobs import enqueue
from cxrlens.serving.people import SignedIn, make_token
from cxrlens.serving.readings import set_reference
from cxrlens.serving.room import set_settings
from cxrlens.serving.service import Door, Service
from cxrlens.serving.trail import SYSTEM, append
from cxrlens.vocabulary import Level

from .automated_room import AutomatedRoom, make_automated_room
from .room_by_hand import MakeRoom, RoomByHand

NAMES = ("covid", "normal", "pneumonia")
N_CASES = 4
MASKED = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})\b|\d{4}-\d\d-\d\dT[\d:.+]+")
SECONDS = re.compile(r'"(seconds|oldest_seconds|(?:inference|turnaround)_(?:median|p95))":[\d.e-]+')


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
    return MASKED.sub("_", SECONDS.sub(r'"\1":_', text))


def sign_in(hand: RoomByHand, reader: SignedIn) -> Twin:
    """Let a person speak with a room over HTTP."""
    with hand.room.database.write() as connection:
        shown = make_token(connection, reader.id, "test", SYSTEM)
    facts = BundleFacts(
        BundleOfRoom(digest="b" * 64, is_phantom=True, is_calibrated=False),
        tuple(ClassOfRoom(name=name, threshold=None) for name in hand.classes.names),
        is_multilabel=False,
        normal="normal",
    )
    service = Service(hand.room, facts, Door(("testserver",)))
    return Twin(
        hand, service, TestClient(make_app(service), raise_server_exceptions=False), reader,
        shown.secret, [], [],
    )  # fmt: skip


def make_twin(hand: RoomByHand, variant: int, role: str = "reader") -> Twin:
    """Make a room whose machine says something else in each variant."""
    reader = hand.add_person("Reader", role)
    twin = sign_in(hand, reader)
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
    twin.position = _find_end(twin.service)
    return twin


def let_machine_answer(twin: Twin, variant: int, *, is_asked_for_maps: bool = True) -> None:
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
            if variant and is_asked_for_maps:
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


@pytest.mark.parametrize(
    ("level", "reveal", "asks_first"),
    [
        ("human-only", "after-commit", False),
        ("shadow", "after-commit", False),
        ("shadow", "never", False),
        ("assistance", "after-commit", True),
    ],
)
def test_nothing_depends_on_the_machine_for_a_lead_who_may_still_read(
    make_room: MakeRoom, level: Level, reveal: Reveal, asks_first: bool
) -> None:
    twins = (make_twin(make_room(), 0, "lead"), make_twin(make_room(), 1, "lead"))
    for variant, twin in enumerate(twins):
        other = twin.hand.add_person("Other", "lead")
        twin.hand.set_up(reveal=reveal, asks_first=asks_first, readers=2)
        if level != "assistance":
            twin.hand.set_level("shadow")
        # Whether a map was asked for stands on the trail, and only who sees the machine can ask.
        let_machine_answer(twin, variant, is_asked_for_maps=False)
        twin.hand.set_level(level)
        if asks_first:
            twin.hand.say(other, twin.cases[0], "first-answer")
        twin.hand.say(other, twin.cases[0], "commit")  # a figure to go by, but it is not full
        with twin.hand.room.database.write() as connection:
            told = ReferenceAnswer(findings={"covid": True}, source="CT")
            set_reference(connection, other, twin.cases[0], told, twin.hand.classes)
        look_everywhere(twin)
    compare(twins)
    told = {str(one[1]): one for one in twins[0].heard if len(one) == 5}  # type: ignore[arg-type]
    for path in ("/api/v1/automation", "/api/v1/outcomes", "/api/v1/trail"):
        assert told[path][2] == 200  # type: ignore[index]


def bring_in(twin: Twin, room: AutomatedRoom, patch: pytest.MonkeyPatch, variant: int) -> None:
    """Let the lot give a decided case to a reader, or the machine refer it; and more beside."""
    decide = "cxrlens.serving.deciding.secrets.randbelow"
    patch.setattr(decide, lambda _n: 99 if variant else 0)
    twin.cases.append(room.add(0.9 if variant else 0.01, pseudonym="5" * 16))
    patch.setattr(decide, lambda _n: 99)
    twin.cases.append(room.add(0.02, pseudonym="5" * 16))  # decided, of the same patient
    twin.cases.append(room.add(0.02, distance=0.001, pseudonym="6" * 16))
    twin.maps += ["0" * 16] * 3


@pytest.mark.parametrize("role", ["reader", "lead"])
def test_a_drawn_case_cannot_be_told_from_a_referred_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    prepared = make_automated_room(tmp_path)
    prepared.certify()
    prepared.raise_to("partial")
    with prepared.hand.room.database.write() as connection:
        wanted = RoomSettings(reveal="after-commit", asks_first=False, readers_per_case=2)
        set_settings(connection, wanted, prepared.lead.id)
    prepared.hand.add_person("Twin", role)
    prepared.hand.close()
    made = []
    for variant in range(2):
        shutil.copytree(tmp_path / "room", tmp_path / str(variant) / "room")
        room = make_automated_room(tmp_path / str(variant))
        with room.hand.room.database.read() as connection:
            row = connection.execute(
                select(tables.person).where(tables.person.c.name == "Twin")
            ).one()
        twin = sign_in(room.hand, SignedIn(row.id, row.name, row.role))
        twin.position = _find_end(twin.service)
        bring_in(twin, room, monkeypatch, variant)
        place = room.hand.room.places.pixels(twin.cases[1])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(bytes(8000), mtime=0))
        made.append(twin)
        look_everywhere(twin)
        for path in ("/api/v1/automation/curve?finding=pneumonia", "/api/v1/cases?search=5"):
            twin.ask("GET", path)
        body = {"reason": "other"}
        twin.ask("POST", f"/api/v1/cases/{twin.cases[0]}/recall", json=body)
        room.read(twin.cases[0], True)  # by another
        look_everywhere(twin)
        assert room.hand.state().level == "partial"
    compare((made[0], made[1]))
    for twin in made:
        twin.heard.clear()
        assert say(twin, 0, "first-answer").json()["decision"] is not None
        twin.ask("GET", f"/api/v1/cases/{twin.cases[0]}")
    assert made[0].heard != made[1].heard
    for twin in made:
        twin.hand.close()


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
