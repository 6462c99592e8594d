"""HTTP/1.1 with deadlines: nobody keeps a connection by doing nothing.

SPDX-License-Identifier: Apache-2.0

uvicorn waits for ever for the rest of a request and for the reader of a response; and a bound on
its connections lets a few half-open ones lock out everybody else. This is uvicorn's own protocol
on h11, with a clock for each connection and a bound that closes those first that ask nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import (
    STATUS_PHRASES,
    H11Protocol,
    RequestResponseCycle,
)

from cxrlens.serving.flow import CountedTransport, TimedFlow
from cxrlens.serving.headers import SECURITY_HEADERS
from cxrlens.serving.problem import Problem, respond

LOG = logging.getLogger("cxrlens.serving")


@dataclass(frozen=True)
class Deadlines:
    """How long one side of a connection may keep the other waiting, and how many there may be."""

    head_seconds: float = 10.0
    """From connecting, or from the first byte of a further request, to the end of its head. Idle
    between two requests, a connection is uvicorn's `timeout_keep_alive` to close."""

    body_seconds: float = 30.0
    """From the head to the end of the body, beside what `body_rate` gives. While the application
    lets a body wait this clock stands still."""

    body_rate: float = 65_536.0
    """Bytes a second: each so many bytes received give the body another second."""

    reader_seconds: float = 30.0
    """For which a response may wait to be read, beside what `reader_rate` gives."""

    reader_rate: float = 16_384.0
    """Bytes a second: each so many bytes taken give the reader another second."""

    linger_seconds: float = 10.0
    """For which the rest of a body is thrown away after its answer, so that the client gets to
    reading that."""

    connections: int = 512
    """Above so many, a newcomer closes the connection that has been without a whole head for
    longest, or else the one that has been idle for longest."""

    crowd_seconds: float = 1.0
    """Younger heads are spared by a newcomer, until there are `most_connections`."""

    most_connections: int = 2048
    """Above so many, heads of any age make room; where there is none, the newcomer is closed. The
    process must be allowed as many open files, see `cxrlens.serving.open_files`."""


Cut = Callable[[str], None]
"""Told why a connection was cut: `head`, `body`, `reader`, `linger` or `crowd`."""

LATE = Problem(
    408,
    "request-timeout",
    "Request timeout",
    "the request did not arrive in time",
    "send it again, over a faster connection or in smaller parts",
)
"""Answered to a request that is cut while it arrives."""

MALFORMED = Problem(
    400,
    "malformed-http",
    "Malformed HTTP",
    "this is not a well-formed HTTP/1.1 request, or its head is too long",
    "see RFC 9112; a head may have 64 KB",
)
"""Answered to bytes that are not HTTP."""


def make_protocol(deadlines: Deadlines, on_cut: Cut | None = None) -> type[H11Protocol]:
    """Make the class that uvicorn takes as `http`.

    Args:
        deadlines: for each connection.
        on_cut: called in the server's loop whenever a connection is cut; must not block.

    Returns:
        A class of protocols, one for each connection. It speaks no WebSocket: an upgrade is
        ignored, as RFC 9110 §7.8 allows.

    Example:
        >>> import uvicorn
        >>> async def app(scope, receive, send): ...
        >>> config = uvicorn.Config(app, http=make_protocol(Deadlines(head_seconds=5.0)))
    """

    class Protocol(DeadlineProtocol):
        """With these deadlines."""

        _deadlines = deadlines

        def _tell(self, why: str) -> None:
            super()._tell(why)
            if on_cut is not None:
                on_cut(why)

    return Protocol


class DeadlineProtocol(H11Protocol):
    """One connection and its clock; made by `make_protocol`."""

    _deadlines: ClassVar[Deadlines] = Deadlines()

    transport: CountedTransport
    flow: TimedFlow

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn's
        super().__init__(*args, **kwargs)
        self._clock: asyncio.TimerHandle | None = None
        self._head_since: float | None = None
        self._has_sent = False
        self._body_of: RequestResponseCycle | None = None
        self._body_since: float | None = None
        self._body_count = 0
        self._linger_since: float | None = None
        self._idle_since = 0.0
        self._reading: tuple[float, int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock, and make room if there is none."""
        counted = CountedTransport(transport)
        super().connection_made(counted)
        self.flow = TimedFlow(counted, self.loop)
        self._head_since = self.loop.time()
        self._wind()
        if len(self.connections) > self._deadlines.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._clock is not None:
            self._clock.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and note what they belong to."""
        if self._head_since is None and self.conn.their_state is h11.IDLE:
            self._head_since = self.loop.time()
        self._has_sent = True
        self._body_count += len(data)
        super().data_received(data)
        self._note_state()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, or for the end of a body that nobody reads."""
        super().on_response_complete()
        self._idle_since = self.loop.time()
        self._note_state()
        # a pipelined request may have begun meanwhile, and nothing of it is to be thrown away
        if self._body_since is not None and self.cycle.response_complete:
            self._linger_since = self._idle_since

    def _note_state(self) -> None:
        """See what is being waited for, now that h11 has seen the bytes."""
        state = self.conn.their_state
        if state is not h11.IDLE:
            self._head_since = None
        if state is not h11.SEND_BODY:
            self._body_since = self._linger_since = None
        elif self._body_since is None or self._body_of is not self.cycle:
            self._body_of = self.cycle
            self._body_since, self._linger_since = self._count_seconds(), None
            self._body_count = 0

    def _count_seconds(self) -> float:
        """On a clock that stands still while we hold up what the client sends."""
        return self.loop.time() - self.flow.held_seconds

    def _should_upgrade(self) -> bool:
        return False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Answer bytes that are not HTTP."""
        self._refuse(MALFORMED)

    def _wind(self) -> None:
        """Look at the clock again in a quarter of the shortest deadline."""
        limits = self._deadlines
        shortest = min(
            limits.head_seconds, limits.body_seconds, limits.reader_seconds, limits.linger_seconds
        )
        self._clock = self.loop.call_later(shortest / 4, self._look_at_clock)

    def _look_at_clock(self) -> None:
        self._wind()
        late = self._find_late()
        if late is not None:
            self._cut(late)

    def _find_late(self) -> str | None:
        """What should have happened by now."""
        limits, now = self._deadlines, self.loop.time()
        if self._is_reader_late(now):
            return "reader"
        if self.transport.is_closing():
            return None
        if self._head_since is not None and now - self._head_since > limits.head_seconds:
            return "head"
        if self._linger_since is not None and now - self._linger_since > limits.linger_seconds:
            return "linger"
        if self._body_since is None:
            return None
        seconds = self._count_seconds() - self._body_since
        is_late = seconds > limits.body_seconds + self._body_count / limits.body_rate
        return "body" if is_late else None

    def _is_reader_late(self, now: float) -> bool:
        """Whether what was written waits for too long; also after the response, also if closing."""
        taken = self.transport.taken
        if self.transport.get_write_buffer_size() == 0:
            self._reading = None
            return False
        if self._reading is None:
            self._reading = now, taken
        since, begun = self._reading
        limits = self._deadlines
        return now - since > limits.reader_seconds + (taken - begun) / limits.reader_rate

    def _cut(self, why: str) -> None:
        """End this connection, with an answer where one can still be understood."""
        self._tell(why)
        # a browser connects ahead of its needs: no answer before there was a question
        if why in {"head", "body"} and self._has_sent:
            self._refuse(LATE)
        else:
            self.connections.discard(self)
            self.transport.abort()

    def _tell(self, why: str) -> None:
        LOG.debug("connection cut: %s", why)

    def _refuse(self, problem: Problem) -> None:
        """Answer in the application's place and close, or only close if it has begun to answer."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()
            return
        response = respond(problem, {**SECURITY_HEADERS, "Connection": "close"})
        for event in (
            h11.Response(
                status_code=problem.status,
                headers=response.raw_headers,
                reason=STATUS_PHRASES[problem.status],
            ),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _make_room(self) -> None:
        """Close whoever has asked nothing for longest, so that this newcomer may ask."""
        limits, now = self._deadlines, self.loop.time()
        crowd = [one for one in self.connections if isinstance(one, DeadlineProtocol)]
        is_full = len(crowd) > limits.most_connections
        spared = 0.0 if is_full else limits.crowd_seconds
        others = [one for one in crowd if one is not self and not one.transport.is_closing()]
        headless = [
            (one._head_since, id(one), one)
            for one in others
            if one._head_since is not None and now - one._head_since >= spared
        ]
        idle = [(one._idle_since, id(one), one) for one in others if one._is_idle()]
        if headless or idle:
            min(headless or idle)[-1]._cut("crowd")
        elif is_full:
            self._cut("crowd")

    def _is_idle(self) -> bool:
        """Whether it has been answered, and has not begun to ask again."""
        return (
            self.timeout_keep_alive_task is not None and self.transport.get_write_buffer_size() == 0
        )
