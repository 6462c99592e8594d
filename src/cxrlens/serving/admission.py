"""Who may send a body, how large, and how many at once.

SPDX-License-Identifier: Apache-2.0

Uploads are let in before a byte of their bodies is read, so that a thousand at once take the
memory of a few. Whoever has to be sent away is answered first, and what it still sends is then
thrown away for a while: a client that writes before it reads finds the answer, not a reset.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cxrlens.serving.body import DRAIN_BYTES, DRAIN_SECONDS, Body
from cxrlens.serving.early_answer import send_away, send_last
from cxrlens.serving.problem import Problem
from cxrlens.serving.slots import Slot, Slots


@dataclass(frozen=True)
class Limits:
    """On bodies."""

    upload_paths: tuple[str, ...]
    """Templates of the routes to which images are posted, such as `/api/uploads/{room}`."""

    upload_bytes: int = 256 * 2**20
    """Of an upload, at most."""

    other_bytes: int = 2**20
    """Of any other body, at most."""

    receiving: int = 8
    """Uploads whose bodies are read at once."""

    waiting: int = 256
    """Uploads that wait for their turn, in order; further ones are sent away."""

    wait_seconds: float = 30.0
    """For a turn, at most; then an upload is sent away."""

    stall_seconds: float = 2.0
    """For which an upload may keep its turn while others wait, beside what `stall_rate` gives."""

    stall_rate: float = 65_536.0
    """Bytes a second: each so many bytes received give an upload another second of its turn."""

    drain_seconds: float = DRAIN_SECONDS
    """For which the rest of a body is thrown away after its answer."""

    drain_bytes: int = DRAIN_BYTES
    """Of it, at most about."""


Judge = Callable[[Scope], Awaitable[Problem | None]]
"""Asked of every request before its body is read: whether it is signed in, whether it comes too
often. What it returns is the answer; None lets the request in."""

STALLED = Problem(
    408,
    "upload-stalled",
    "Upload stalled",
    "the upload stood still while others waited for its turn",
    "send it again, over a faster connection or in smaller parts",
    1,
)
"""Answered to an upload that lost its turn."""


class Admission:
    """Lets bodies in by size and by turn.

    Args:
        app: what reads them.
        limits: on them.
        judge: asked first; None to let in everybody.
    """

    def __init__(self, app: ASGIApp, limits: Limits, judge: Judge | None = None) -> None:
        self._app = app
        self._limits = limits
        self._judge = judge
        self._slots = Slots(limits.receiving, limits.waiting, limits.wait_seconds)
        self._uploads = tuple(compile_path(path)[0] for path in limits.upload_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limits = self._limits
        is_upload = self._is_upload(scope)
        limit = limits.upload_bytes if is_upload else limits.other_bytes
        body = Body(scope, receive, limit, self._is_overdue if is_upload else None)
        problem = await self._judge(scope) if self._judge else None
        if problem is None and _find_length(scope) > limit:
            problem = describe_too_large(limit)
        slot = None
        if problem is None and is_upload:
            slot = await self._slots.take()
            if slot is None:
                problem = describe_busy(self._slots.guess_wait())
        if problem is None:
            problem = await self._serve(scope, body, send, slot)
        if problem is not None:
            await send_away(problem, body, send, limits.drain_seconds, limits.drain_bytes)

    async def _serve(
        self, scope: Scope, body: Body, send: Send, slot: Slot | None
    ) -> Problem | None:
        """Let the application answer; what to answer in its place if its body was stopped."""
        has_begun, limits = False, self._limits

        async def send_unless_stopped(message: Message) -> None:
            nonlocal has_begun
            if body.stopped is not None and not has_begun:
                return
            if message["type"] == "http.response.start":
                has_begun = True
                if slot is not None:
                    slot.give_back()
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await send_last(message, body, send, limits.drain_seconds, limits.drain_bytes)
            else:
                await send(message)

        try:
            await self._app(scope, body.receive, send_unless_stopped)
        except ClientDisconnect:
            # the application takes a stopped body for a client that left
            if body.stopped is None or has_begun:
                raise
        finally:
            if slot is not None:
                slot.give_back()
        if body.stopped is None or has_begun:
            return None
        return STALLED if body.stopped == "stalled" else describe_too_large(body.limit)

    def _is_upload(self, scope: Scope) -> bool:
        path = get_route_path(scope)
        return scope["method"] == "POST" and any(one.match(path) for one in self._uploads)

    def _is_overdue(self, seconds: float, count: int) -> bool:
        """Whether an upload holds up others for nothing."""
        limits = self._limits
        patience = limits.stall_seconds + count / limits.stall_rate
        return self._slots.waiting > 0 and seconds > patience


def _find_length(scope: Scope) -> int:
    """Of the body, as its head declares; 0 where it does not."""
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def describe_too_large(limit: int) -> Problem:
    """Refuse a body for its size.

    Args:
        limit: bytes, at most, of a body at this path.

    Returns:
        A problem of status 413.
    """
    return Problem(
        413,
        "too-large",
        "Too large",
        f"the body is larger than the {limit} bytes that are accepted here",
        "send fewer or smaller files at once",
    )


def describe_busy(seconds: int) -> Problem:
    """Send an upload away until there is room.

    Args:
        seconds: after which another try makes sense.

    Returns:
        A problem of status 503.
    """
    return Problem(
        503,
        "uploads-busy",
        "Too many uploads",
        "as many uploads as there is room for are being received already",
        "send it again after as many seconds as the header Retry-After says",
        seconds,
    )
