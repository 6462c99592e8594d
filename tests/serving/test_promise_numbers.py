"""A promise of numbers that cannot be is refused in one sentence, whatever they are.

SPDX-License-Identifier: Apache-2.0
"""

import json
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from cxrlens.client.messages import BundleOfRoom, ClassOfRoom
from cxrlens.serving import tables
from cxrlens.serving.app import make_app
from cxrlens.serving.bundle_facts import BundleFacts
from cxrlens.serving.people import make_token
from cxrlens.serving.service import Door, Service
from cxrlens.serving.trail import SYSTEM

from .room_by_hand import RoomByHand

GOOD = {
    "finding": "pneumonia", "decides": "negative", "risk": 0.1, "delta": 0.05, "looks": [30],
    "expires": "2090-01-01T00:00:00+00:00",
}  # fmt: skip


@dataclass
class Asking:
    """A lead who speaks with a room."""

    hand: RoomByHand
    client: TestClient
    token: str

    def promise(self, **values: object) -> tuple[int, dict[str, object]]:
        body = json.dumps({**GOOD, **values})  # NaN and Infinity as Python writes them
        answer = self.client.post(
            "/api/v1/automation/promises", content=body,
            headers={
                "Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
                "Origin": "http://testserver",
            },
        )  # fmt: skip
        return answer.status_code, answer.json()


@pytest.fixture
def lead(hand: RoomByHand) -> Asking:
    who = hand.add_person("Lead", "lead")
    with hand.room.database.write() as connection:
        shown = make_token(connection, who.id, "test", SYSTEM)
    facts = BundleFacts(
        BundleOfRoom(digest="b" * 64, is_phantom=True, is_calibrated=False),
        tuple(ClassOfRoom(name=name, threshold=None) for name in hand.classes.names),
        is_multilabel=False,
        normal="normal",
    )
    app = make_app(Service(hand.room, facts, Door(("testserver",))))
    return Asking(hand, TestClient(app, raise_server_exceptions=False), shown.secret)


@pytest.mark.parametrize(
    "values",
    [
        {"risk": float("nan")},
        {"risk": float("inf")},
        {"risk": -0.1},
        {"risk": 0},
        {"risk": 1},
        {"risk": 5e-324},
        {"risk": "0.1"},
        {"risk": None},
        {"delta": float("nan")},
        {"delta": 1e-300},
        {"delta": 5e-324},
        {"delta": 2},
        {"looks": []},
        {"looks": [0]},
        {"looks": [-30]},
        {"looks": [30, 30]},
        {"looks": [60, 30]},
        {"looks": [30.5]},
        {"looks": [float("nan")]},
        {"looks": [10]},
        {"looks": [30, 31]},
        {"looks": [10**6 + 1]},
        {"looks": [10**30]},
        {"looks": list(range(30, 60))},
        {"looks": "30"},
        {"expires": ""},
        {"expires": "tomorrow"},
        {"expires": "2020-01-01T00:00:00+00:00"},
        {"expires": "2090-01-01T00:00:00"},
        {"expires": "0001-01-01T00:00:00+23:59"},
        {"expires": "9999-99-99T00:00:00+00:00"},
        {"drift_window": 19},
        {"drift_window": float("nan")},
        {"drift_window": 10**9},
        {"drift_looks": 0},
        {"drift_looks": -1},
        {"finding": "pnemonia"},
        {"finding": ""},
        {"decides": "both"},
    ],
    ids=str,
)
def test_is_refused_in_a_sentence(lead: Asking, values: dict[str, object]) -> None:
    status, told = lead.promise(**values)
    assert status in {409, 422}, told
    assert str(told["detail"]).strip()
    assert "\n" not in str(told["detail"])
    assert lead.hand.count(tables.promise) == 0


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"looks": [100, 1e5]},
        {"risk": 0.999999},
        {"delta": 0.999},
        {"drift_window": 10**5, "drift_looks": 10**4},
        {"expires": "9999-12-31T23:59:59-23:59"},
    ],
    ids=str,
)
def test_what_can_be_is_kept(lead: Asking, values: dict[str, object]) -> None:
    status, told = lead.promise(**values)
    assert status == 201, told
    assert lead.promise(**values)[1]["code"] == "promise-open"
    answer = lead.client.get(
        "/api/v1/automation", headers={"Authorization": f"Bearer {lead.token}"}
    )
    assert answer.json()["promises"][0]["id"] == told["id"]


def test_fewer_than_59_positives_certify_no_miss_rate_of_5_percent(lead: Asking) -> None:
    status, told = lead.promise(risk=0.05, looks=[58])
    assert (status, told["code"]) == (409, "promise-impossible")
    assert "1 are missing" in str(told["detail"])
    assert lead.promise(risk=0.05, looks=[59])[0] == 201
