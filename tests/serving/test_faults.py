"""A fault is answered and logged, and neither says what it was about.

SPDX-License-Identifier: Apache-2.0
"""

import asyncio
import errno
import logging
import os
import re

import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from cxrlens.serving.faults import FaultCatcher, describe_fault
from cxrlens.serving.problem import Problem, ProblemRaised

PATIENT = "DOE^JOHN^1957"


def build() -> FastAPI:
    app = FastAPI()
    app.add_middleware(FaultCatcher)

    @app.get("/cases/{name}")
    async def show(name: str) -> str:
        try:
            return {"a": "b"}[name]
        except KeyError as error:
            raise RuntimeError(f"no {name}") from error

    @app.get("/full")
    async def fill() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @app.get("/busy")
    async def refuse() -> None:
        raise ProblemRaised(Problem(503, "full", "Full", "it is full", "wait", 3))

    @app.get("/left")
    async def leave() -> None:
        raise ClientDisconnect

    return app


def test_neither_the_answer_nor_the_log_quotes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = TestClient(build()).get(f"/cases/{PATIENT}")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "fault"
    records = [one for one in caplog.records if one.name == "cxrlens.serving"]
    assert len(records) == 1
    line = records[0].getMessage()
    assert body["instance"] in line
    assert body["instance"] in body["hint"]
    assert "GET /cases/{name}" in line
    assert re.search(r"RuntimeError < KeyError in test_faults\.py:\d+ show, ", line)
    assert records[0].exc_info is None
    ours = "".join(one.getMessage() for one in caplog.records if one.name != "httpx2")
    for text in (answer.text, ours):
        assert PATIENT not in text
        assert "RuntimeError(" not in text
    assert "RuntimeError" not in answer.text


def test_two_faults_have_two_numbers() -> None:
    client = TestClient(build())
    numbers = {client.get("/cases/x").json()["instance"] for _ in range(3)}
    assert len(numbers) == 3


def test_a_full_disk_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    answer = TestClient(build()).get("/full")
    assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
    assert int(answer.headers["retry-after"]) > 0
    assert "disk full: GET /full" in caplog.text
    assert "urn:uuid" not in caplog.text


def test_a_problem_without_a_handler_is_still_an_answer() -> None:
    answer = TestClient(build()).get("/busy")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


def call(app: FaultCatcher) -> list[Message]:
    """What is sent to a request."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent


def test_nobody_is_answered_who_left(caplog: pytest.LogCaptureFixture) -> None:
    async def leave(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    assert call(FaultCatcher(leave)) == []
    assert not [one for one in caplog.records if one.levelno > logging.DEBUG]


def test_an_answer_that_has_begun_stays_unfinished(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError(PATIENT)

    assert [message["type"] for message in call(FaultCatcher(fail))] == ["http.response.start"]
    assert "ValueError in test_faults.py" in caplog.text
    assert PATIENT not in caplog.text


def test_being_cancelled_is_no_fault() -> None:
    async def cancel(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        call(FaultCatcher(cancel))


def _descend(depth: int) -> None:
    if depth == 0:
        raise ValueError(PATIENT) from None
    _descend(depth - 1)


def test_a_deep_fault_is_told_from_within() -> None:
    try:
        _descend(50)
    except ValueError as error:
        text = describe_fault(error)
    assert text.startswith("ValueError in test_faults.py:")
    assert text.count("_descend") == 12


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert describe_fault(first).startswith("ValueError < KeyError < ValueError")
