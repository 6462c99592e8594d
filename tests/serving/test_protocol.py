"""Nobody keeps a connection by doing nothing, and nobody is cut who does something.

SPDX-License-Identifier: Apache-2.0
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from cxrlens.serving.headers import SECURITY_HEADERS
from cxrlens.serving.protocol import Deadlines

SHORT = Deadlines(
    head_seconds=0.4,
    body_seconds=0.4,
    body_rate=100_000.0,
    reader_seconds=0.4,
    reader_rate=1e6,
    linger_seconds=0.4,
    crowd_seconds=0.1,
)
"""So that a test takes a second; a cut comes a quarter later than the deadline at most."""

PATIENT = Deadlines()
"""Nothing of this is over while a test runs."""

PROMPT = 5.0
"""Seconds within which a busy machine answers, and well before a deadline of `PATIENT`."""

LARGE = 30_000_000
"""Bytes of a response that no socket's buffer holds."""

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def drip() -> AsyncIterator[bytes]:
    """A live list: a little now and then."""
    for _ in range(15):
        yield b"data: x\n\n"
        await asyncio.sleep(0.1)


class App:
    """Answers what it was sent, and remembers who left."""

    def __init__(self, reading_delay: float = 0.0) -> None:
        self.left: list[str] = []
        self.delay = reading_delay
        self.has_answered = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.url.path
        response: Response
        if path == "/large":
            response = Response(b"x" * LARGE)
        elif path == "/drip":
            response = StreamingResponse(drip())
        elif path == "/unread":
            response = PlainTextResponse("unread")
        else:
            if self.delay:
                await asyncio.sleep(self.delay)
            try:
                response = PlainTextResponse(str(len(await request.body())))
            except ClientDisconnect:
                self.left.append(path)
                return
        await response(scope, receive, send)
        self.has_answered.set()


def read_all(opened: socket.socket) -> bytes:
    """Whatever comes until the other side closes."""
    parts = []
    try:
        while part := opened.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def read_answer(opened: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer with a `Content-Length`; the connection may stay open."""
    taken = b""
    while b"\r\n\r\n" not in taken:
        part = opened.recv(65_536)
        assert part, f"closed after {taken!r}"
        taken += part
    head, _, body = taken.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    whole = bytearray(body)
    while len(whole) < int(headers["content-length"]):
        whole += opened.recv(65_536)
    return int(first.split()[1]), headers, bytes(whole)


def measure_until_closed(opened: socket.socket) -> tuple[float, bytes]:
    """How long the other side waits before it closes, and what it says."""
    since = time.monotonic()
    said = read_all(opened)
    return time.monotonic() - since, said


def send_until_cut(opened: socket.socket, drip: bytes, before: bytes = b"") -> None:
    """Send a little, again and again, until the other side has enough."""
    until = time.monotonic() + 10
    opened.sendall(before)
    try:
        while time.monotonic() < until:
            opened.sendall(drip)
            time.sleep(0.02)
    except (BrokenPipeError, ConnectionResetError):
        return
    pytest.fail("never cut")


def check_late(said: bytes) -> None:
    """A late request is told so, in our words."""
    assert said.startswith(b"HTTP/1.1 408 ")
    head, _, body = said.partition(b"\r\n\r\n")
    assert json.loads(body)["code"] == "request-timeout"
    lowered = head.decode().lower()
    for name in [*SECURITY_HEADERS, "connection: close", "content-type: application/problem+json"]:
        assert name.lower() in lowered


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds."""
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_connection_that_asks_nothing(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as idle:
        seconds, said = measure_until_closed(idle)
    assert 0.35 < seconds < PROMPT
    assert said == b""  # a browser connects ahead of its needs
    assert server.cuts == ["head"]


def test_slow_loris(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as slow:
        since = time.monotonic()
        send_until_cut(slow, b"X: y\r\n", before=GET[:-2])
    assert 0.35 < time.monotonic() - since < PROMPT
    assert server.cuts == ["head"]


def test_a_head_that_stands_still_is_told(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as slow:
        slow.sendall(GET[:-2])
        seconds, said = measure_until_closed(slow)
    assert 0.35 < seconds < PROMPT
    check_late(said)


def test_a_further_head_has_its_own_deadline(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as kept:
        for _ in range(3):
            time.sleep(0.3)  # together more than the deadline
            kept.sendall(GET)
            assert read_answer(kept)[0] == 200
        kept.sendall(GET[:10])
        seconds, said = measure_until_closed(kept)
    assert 0.35 < seconds < PROMPT
    check_late(said)
    assert server.cuts == ["head"]


def test_idle_between_requests_is_for_uvicorn(serve_app) -> None:
    server = serve_app(App(), SHORT, timeout_keep_alive=2)
    with server.connect() as kept:
        kept.sendall(GET)
        assert read_answer(kept)[0] == 200
        time.sleep(1.2)  # longer than a head may take
        kept.sendall(GET)
        assert read_answer(kept)[0] == 200
        seconds, said = measure_until_closed(kept)
    assert 1.5 < seconds < 2 + PROMPT
    assert said == b""
    assert server.cuts == []


@pytest.mark.parametrize(
    "head",
    [
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n12345",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nf",
    ],
)
def test_a_body_that_stands_still(serve_app, head: bytes) -> None:
    app = App()
    server = serve_app(app, SHORT)
    with server.connect() as slow:
        slow.sendall(head)
        seconds, said = measure_until_closed(slow)
    assert 0.35 < seconds < PROMPT
    check_late(said)
    assert server.cuts == ["body"]
    wait_for(lambda: app.left == ["/a"])


def test_a_slow_body(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as slow:
        slow.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        since = time.monotonic()
        send_until_cut(slow, b"x")
    assert time.monotonic() - since < PROMPT
    assert server.cuts == ["body"]


def test_a_long_body_has_as_long_as_its_size_gives(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as steady:
        steady.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
        for _ in range(15):
            steady.sendall(b"x" * 60_000)
            time.sleep(0.1)  # 1.5 s in all, at six times the rate that must be
        assert read_answer(steady)[2] == b"900000"
    assert server.cuts == []


def test_the_clock_stands_still_while_the_application_lets_a_body_wait(serve_app) -> None:
    server = serve_app(App(reading_delay=1.5), replace(SHORT, body_rate=1e7))
    with server.connect() as kept_waiting:
        kept_waiting.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n")
        kept_waiting.sendall(b"x" * 8_000_000)
        assert read_answer(kept_waiting)[2] == b"8000000"
    assert server.cuts == []


def test_a_reader_that_takes_nothing(serve_app) -> None:
    app = App()
    server = serve_app(app, SHORT)
    with server.connect(buffer=4096) as slow:
        slow.sendall(GET.replace(b"/ ", b"/large "))
        wait_for(lambda: server.cuts == ["reader"])
        taken = len(read_all(slow))
    assert taken < LARGE


def test_a_reader_that_takes_a_little(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect(buffer=4096) as slow:
        slow.sendall(GET.replace(b"/ ", b"/large "))
        since = time.monotonic()
        while not server.cuts:
            slow.recv(500)
            time.sleep(0.02)
            assert time.monotonic() - since < 10
    assert server.cuts == ["reader"]


def test_a_reader_that_takes_nothing_after_the_end(serve_app) -> None:
    """The response is written, uvicorn has closed, and the bytes are still here."""
    app = App()
    server = serve_app(app, SHORT)
    with server.connect(buffer=4096) as slow:
        slow.sendall(
            GET.replace(b"/ ", b"/large ").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert app.has_answered.wait(10)
        wait_for(lambda: server.cuts == ["reader"])


def test_a_steady_reader_gets_it_all(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect(buffer=65_536) as steady:
        steady.sendall(GET.replace(b"/ ", b"/large "))
        count, since = 0, time.monotonic()
        while count < LARGE:
            count += len(steady.recv(65_536))
            if count // 65_536 % 20 == 0:
                time.sleep(0.001)
            time.sleep(0.002)
    assert time.monotonic() - since > 0.8  # longer than it takes to cut one that does nothing
    assert server.cuts == []


def test_each_response_has_its_own_deadline(serve_app) -> None:
    server = serve_app(App(), replace(SHORT, reader_seconds=1.5, reader_rate=1e8))
    with server.connect(buffer=65_536) as kept:
        for _ in range(2):
            kept.sendall(GET.replace(b"/ ", b"/large "))
            time.sleep(0.3)
            assert len(read_answer(kept)[2]) == LARGE
            time.sleep(2.0)
    assert server.cuts == []


def test_a_live_stream_is_not_cut(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as watching:
        watching.sendall(
            GET.replace(b"/ ", b"/drip ").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert read_all(watching).count(b"data: x\n\n") == 15
    assert server.cuts == []


def test_a_slow_application_is_not_cut(serve_app) -> None:
    server = serve_app(App(reading_delay=1.2), SHORT)
    with server.connect() as patient:
        patient.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        assert read_answer(patient)[2] == b"3"
    assert server.cuts == []


def test_the_rest_of_an_answered_body_is_thrown_away_for_a_while(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as kept:
        kept.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
        assert read_answer(kept)[2] == b"unread"
        kept.sendall(b"x" * 500_000 + GET)
        assert read_answer(kept)[2] == b"0"
        time.sleep(0.8)  # its lingering is over, and so is that of the one before
        kept.sendall(GET)
        assert read_answer(kept)[2] == b"0"
    assert server.cuts == []


@pytest.mark.parametrize("is_read", [True, False])
def test_the_next_request_is_not_thrown_away(serve_app, is_read: bool) -> None:
    """It comes in one piece with the end of the one before, and takes its own time."""
    server = serve_app(App(), SHORT)
    first = b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    with server.connect() as kept:
        if is_read:
            kept.sendall(first)
            assert read_answer(kept)[2] == b"unread"
            time.sleep(0.2)
            kept.sendall(
                b"x" * 5 + b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
            )
        else:
            kept.sendall(GET + b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
            assert read_answer(kept)[2] == b"0"
        for _ in range(15):
            kept.sendall(b"x" * 60_000)
            time.sleep(0.08)
        assert read_answer(kept)[2] == b"900000"
    assert server.cuts == []


def test_but_not_for_ever(serve_app) -> None:
    server = serve_app(App(), SHORT)
    with server.connect() as kept:
        kept.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n")
        assert read_answer(kept)[2] == b"unread"
        since = time.monotonic()
        send_until_cut(kept, b"x" * 20_000)  # fast enough for a body
    assert time.monotonic() - since < PROMPT
    assert server.cuts == ["linger"]


def test_pipelined_requests(serve_app) -> None:
    server = serve_app(App(), SHORT)
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    with server.connect() as kept:
        kept.sendall((post + GET) * 20 + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        said = read_all(kept)
    assert said.count(b"HTTP/1.1 200 OK") == 41
    assert server.cuts == []


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00" * 10, b"GET  / HTTP/1.1\r\n\r\n", b"x" * 70_000]
)
def test_what_is_not_http(serve_app, sent: bytes) -> None:
    server = serve_app(App(), PATIENT)
    with server.connect() as odd:
        odd.sendall(sent)
        said = read_all(odd)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "malformed-http"
    assert b"nosniff" in said


def test_a_body_that_is_not_http(serve_app) -> None:
    app = App()
    server = serve_app(app, PATIENT)
    with server.connect() as odd:
        odd.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        said = read_all(odd)
    assert said.startswith(b"HTTP/1.1 400 ")
    wait_for(lambda: app.left == ["/a"])


def test_rubbish_after_the_answer_began(serve_app) -> None:
    server = serve_app(App(), PATIENT)
    with server.connect() as odd:
        odd.sendall(GET + b"rubbish\r\n\r\n")
        said = read_all(odd)
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert b"HTTP/1.1 400 " in said


def test_an_upgrade_is_ignored(serve_app) -> None:
    server = serve_app(App(), PATIENT)
    with server.connect() as asking:
        asking.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert read_answer(asking)[0] == 200


def ask_many(server, count: int) -> list[float]:
    """How long each of some requests took that came one after the other, each anew."""
    seconds = []
    for _ in range(count):
        since = time.monotonic()
        with server.connect() as opened:
            opened.sendall(GET)
            assert read_answer(opened)[0] == 200
        seconds.append(time.monotonic() - since)
    return seconds


HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx"


@pytest.mark.parametrize("sent", [b"", GET[:20], HALF], ids=["idle", "head", "body"])
def test_sixty_half_open_sockets_lock_nobody_out(serve_app, sent: bytes) -> None:
    server = serve_app(App(), PATIENT)
    half_open = [server.connect() for _ in range(60)]
    try:
        for opened in half_open:
            opened.sendall(sent)
        assert max(ask_many(server, 20)) < PROMPT
    finally:
        for opened in half_open:
            opened.close()


@pytest.mark.parametrize("sent", [b"", GET[:20]], ids=["idle", "head"])
def test_a_newcomer_closes_the_oldest_that_asks_nothing(serve_app, sent: bytes) -> None:
    limits = Deadlines(connections=50, most_connections=100, crowd_seconds=0.1)
    server = serve_app(App(), limits)
    busy = server.connect()
    busy.sendall(HALF)
    half_open = [server.connect() for _ in range(60)]
    try:
        for opened in half_open:
            opened.sendall(sent)
        time.sleep(0.2)
        assert max(ask_many(server, 15)) < PROMPT
        wait_for(lambda: len(server.cuts) >= 10)
        assert set(server.cuts) == {"crowd"}
        closed = []
        for opened in half_open:
            opened.settimeout(0.01)
            try:
                closed.append(opened.recv(1) == b"")
            except TimeoutError:
                closed.append(False)
        assert closed == sorted(closed, reverse=True)  # the oldest, and no others
        assert sum(closed) == len(server.cuts) < 15
        busy.sendall(b"x" * 98)
        assert read_answer(busy)[2] == b"99"
    finally:
        for opened in [busy, *half_open]:
            opened.close()


def test_a_newcomer_closes_the_oldest_idle_one(serve_app) -> None:
    server = serve_app(App(), Deadlines(connections=10), timeout_keep_alive=60)
    kept = [server.connect() for _ in range(10)]
    try:
        for opened in kept:
            opened.sendall(GET)
            assert read_answer(opened)[0] == 200
        assert max(ask_many(server, 1)) < PROMPT
        wait_for(lambda: server.cuts == ["crowd"])
        assert kept[0].recv(1) == b""
        for opened in kept[1:]:
            opened.sendall(GET)
            assert read_answer(opened)[0] == 200
    finally:
        for opened in kept:
            opened.close()


def test_where_all_are_busy_the_newcomer_goes(serve_app) -> None:
    server = serve_app(App(), Deadlines(connections=5, most_connections=10))
    busy = [server.connect() for _ in range(10)]
    try:
        for opened in busy:
            opened.sendall(HALF)
        time.sleep(0.2)
        with server.connect() as newcomer:
            assert read_all(newcomer) == b""
        assert server.cuts == ["crowd"]
        for opened in busy:
            opened.sendall(b"x" * 98)
            assert read_answer(opened)[2] == b"99"
        assert max(ask_many(server, 5)) < PROMPT
    finally:
        for opened in busy:
            opened.close()


@pytest.mark.slow
def test_a_thousand_half_open_sockets_lock_nobody_out(serve_app) -> None:
    server = serve_app(App(), PATIENT)
    half_open = []
    try:
        for number in range(1000):
            half_open.append(server.connect())
            half_open[-1].sendall(GET[: number % 25])
            if number % 100 == 99:
                assert max(ask_many(server, 5)) < PROMPT
        time.sleep(1.2)
        assert max(ask_many(server, 20)) < PROMPT
    finally:
        for opened in half_open:
            opened.close()


def test_a_burst_of_honest_clients_is_not_cut(serve_app) -> None:
    """Many heads are on their way at the same moment; none of them is half-open.

    That moment lasts as long as a busy machine needs to take 300 of them.
    """
    deadlines = Deadlines(
        connections=50, most_connections=400, crowd_seconds=60.0, head_seconds=60.0
    )
    server = serve_app(App(), deadlines)
    opened = [server.connect() for _ in range(300)]
    try:
        for one in opened:
            one.sendall(GET)
        assert [read_answer(one)[0] for one in opened] == [200] * 300
    finally:
        for one in opened:
            one.close()
