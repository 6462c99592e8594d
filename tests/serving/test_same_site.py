"""Other names of this host and other sites' pages are refused; everybody else gets in.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Mapping

import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from cxrlens.serving.same_site import (
    MAX_FACT,
    SameSiteGuard,
    is_cross_site,
    is_known_host,
)

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]", "room.example", "proxied.example:8443"})

SESSION = "__Host-session"

Told = list[tuple[str, dict[str, str]]]


def make(told: Told) -> TestClient:
    app = FastAPI()

    @app.api_route("/x", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def act() -> str:
        return "done"

    async def tell(kind: str, facts: Mapping[str, str]) -> None:
        told.append((kind, dict(facts)))

    app.add_middleware(SameSiteGuard, hosts=HOSTS, cookie=SESSION, witness=tell)
    return TestClient(app, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1", True), ("127.0.0.1:8000", True), ("LocalHost:1", True), ("[::1]:8000", True),
        ("[::1]", True), ("room.example", True), ("room.example:443", True),
        ("proxied.example:8443", True), ("proxied.example", False), ("proxied.example:1", False),
        ("evil.example", False), ("evil.example:8000", False), ("127.0.0.1.evil.example", False),
        ("room.example.", False), ("room.example:x", False), ("room.example:", False),
        ("room.example:²", False), ("room.example:1:1", False), ("evil@127.0.0.1", False),
        ("127.0.0.1, evil.example", False), ("", False), (":8000", False), ("::1", False),
    ],
)  # fmt: skip
def test_hosts(host: str, is_known: bool) -> None:
    assert is_known_host(Headers({"host": host}), HOSTS) == is_known


def test_no_host_and_two() -> None:
    assert not is_known_host(Headers(), HOSTS)
    two = Headers(raw=[(b"host", b"localhost"), (b"host", b"localhost")])
    assert not is_known_host(two, HOSTS)


SEEN = {"host": "127.0.0.1:8000", "cookie": f"a=b; {SESSION}=c"}

TOKEN = {"authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": ""}, True),
        ({"sec-fetch-site": "same-origin", "origin": "http://evil.example"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8000"}, True),
        ({"origin": "http://127.0.0.1:8000"}, False),
        ({"origin": "https://127.0.0.1:8000"}, False),
        ({"origin": "http://127.0.0.1:3000"}, True),
        ({"origin": "http://localhost:8000"}, True),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "http://127.0.0.1:8000.evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "file://127.0.0.1:8000"}, True),
        ({"origin": "https://proxied.example:8443"}, False),
        ({"origin": "https://proxied.example"}, True),
        ({"origin": "https://room.example"}, False),
        ({"origin": "https://room.example:443"}, False),
        ({"origin": "https://room.example:80"}, True),
        ({"host": "room.example", "origin": "https://room.example"}, False),
        ({"host": "room.example:443", "origin": "https://room.example"}, False),
        ({}, True),
        (TOKEN, True),
    ],
)
def test_an_unsafe_request_with_the_session(headers: dict[str, str], is_refused: bool) -> None:
    assert is_cross_site(Headers({**SEEN, **headers}), HOSTS, SESSION) == is_refused


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({}, False),
        (TOKEN, False),
        ({"cookie": "other=1"}, False),
        ({"cookie": f"x{SESSION}=1; y={SESSION}"}, False),
        ({**TOKEN, "origin": "http://evil.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://evil.example"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"authorization": "Basic x", "sec-fetch-site": "cross-site"}, True),
    ],
)
def test_an_unsafe_request_without_it(headers: dict[str, str], is_refused: bool) -> None:
    sent = Headers({"host": "127.0.0.1:8000", **headers})
    assert is_cross_site(sent, HOSTS, SESSION) == is_refused


def test_a_second_cookie_header_is_read() -> None:
    raw = [(b"host", b"localhost"), (b"cookie", b"a=b"), (b"cookie", f"{SESSION}=c".encode())]
    assert is_cross_site(Headers(raw=raw), HOSTS, SESSION)


def test_rebinding_is_answered_and_told() -> None:
    told: Told = []
    answer = make(told).get("/x?patient=DOE", headers={"Host": "evil.example" + "x" * 999})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown-host")
    assert told == [
        ("unknown-host",
         {"client": "testclient", "method": "GET", "host": ("evil.example" + "x" * 999)[:MAX_FACT]})
    ]  # fmt: skip
    assert "evil" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_forgery_is_answered_and_told(method: str) -> None:
    told: Told = []
    client = make(told)
    headers = {"Cookie": f"{SESSION}=c", "Origin": "http://evil.example", "Sec-Fetch-Site": "x"}
    answer = client.request(method, "/x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross-site")
    assert answer.headers["content-type"] == "application/problem+json"
    assert told == [
        ("cross-site",
         {"client": "testclient", "method": method, "host": "127.0.0.1:8000",
          "origin": "http://evil.example", "site": "x"})
    ]  # fmt: skip


def test_safe_methods_and_own_pages_get_in() -> None:
    told: Told = []
    client = make(told)
    seen = {"Cookie": f"{SESSION}=c"}
    assert client.get("/x", headers={**seen, "Sec-Fetch-Site": "cross-site"}).text == '"done"'
    assert client.post("/x", headers={**seen, "Sec-Fetch-Site": "same-origin"}).text == '"done"'
    assert told == []
