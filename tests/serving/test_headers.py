"""Every response carries the headers, whatever the application says.

SPDX-License-Identifier: Apache-2.0
"""

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from cxrlens.serving.faults import FaultCatcher
from cxrlens.serving.headers import SECURITY_HEADERS, SecurityHeaders


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.add_middleware(FaultCatcher)
    app.add_middleware(SecurityHeaders)

    @app.get("/plain")
    async def show() -> str:
        return "x"

    @app.get("/static")
    async def show_static() -> PlainTextResponse:
        return PlainTextResponse("x", headers={"cache-control": "max-age=60"})

    @app.get("/lax")
    async def show_lax() -> PlainTextResponse:
        return PlainTextResponse("x", headers={"content-security-policy": "default-src *"})

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter(["x", "y"]), headers={"referrer-policy": "unsafe-url"})

    @app.get("/fault")
    async def fail() -> None:
        raise KeyError

    return TestClient(app)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/plain", 200), ("/lax", 200), ("/stream", 200), ("/none", 404), ("/fault", 500)],
)
def test_every_response(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get_list(name) == [value]


def test_what_a_response_may_say_itself(client: TestClient) -> None:
    assert client.get("/static").headers.get_list("cache-control") == ["max-age=60"]


def test_policy_allows_nothing_from_elsewhere_and_nothing_inline() -> None:
    rules = dict(
        rule.split(" ", 1) for rule in SECURITY_HEADERS["Content-Security-Policy"].split("; ")
    )
    assert rules == {
        "default-src": "'self'",
        "img-src": "'self' blob: data:",
        "style-src": "'self'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
    }


async def _start_up(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})


def test_start_and_stop_pass_through() -> None:
    with TestClient(SecurityHeaders(FaultCatcher(_start_up))):
        pass


def test_a_response_without_headers() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": 200}
        await send(start)
        await send({"type": "http.response.body"})

    answer = TestClient(SecurityHeaders(app)).get("/")
    assert answer.headers["x-content-type-options"] == "nosniff"
