"""The body of one request while it comes in.

SPDX-License-Identifier: Apache-2.0
"""

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

GONE: Message = {"type": "http.disconnect"}
"""What ASGI says of a client that has left."""

LOOK_SECONDS = 0.25
"""Between two looks at a body that stands still."""

DRAIN_SECONDS = 10.0
"""For which the rest of a body is thrown away after its answer, at most."""

DRAIN_BYTES = 512 * 2**20
"""Of it, at most about."""


class Body:
    """Counts the bytes, and stops the application's reading at a limit or where it stalls.

    A stopped body looks to the application as if the client had left, so that it throws away
    what it has; why it was stopped says `stopped`.

    Attributes:
        limit: bytes, at most.
        stopped: `too-large` or `stalled`; None as long as neither.

    Args:
        scope: of ASGI.
        receive: of ASGI.
        limit: bytes, at most.
        is_overdue: asked with the seconds waited for this body and the bytes of it that came;
            None where it may take its time.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        limit: int,
        is_overdue: Callable[[float, int], bool] | None = None,
    ) -> None:
        self._receive = receive
        self.limit = limit
        self._is_overdue = is_overdue
        self._count = 0
        self._waited = 0.0
        headers = Headers(scope=scope)
        # who waits for a 100 sends no body before it, and none after a final answer
        self._is_asking = headers.get("expect", "").lower() == "100-continue"
        # RFC 9112 §6.3: neither header, no body
        self._has_ended = not {"content-length", "transfer-encoding"} & set(headers)
        self.stopped: str | None = None

    @property
    def is_coming(self) -> bool:
        """Whether the client sends, or will send, more of it unasked."""
        return not self._has_ended and not self._is_asking

    @property
    def is_withheld(self) -> bool:
        """Whether the client waits to be asked for it, RFC 9110 §10.1.1."""
        return not self._has_ended and self._is_asking

    async def receive(self) -> Message:
        """Hand on what comes; ASGI's `receive` for the application."""
        if self.stopped is not None:
            return GONE
        self._is_asking = False
        message = await self._take()
        if self._count > self.limit:
            self.stopped = "too-large"
        return message if self.stopped is None else GONE

    async def drain(self, seconds: float = DRAIN_SECONDS, count: int = DRAIN_BYTES) -> None:
        """Throw away what still comes, so that the client gets to reading the answer.

        Args:
            seconds: for so long, at most.
            count: bytes, at most about.
        """
        last = self._count + count
        try:
            async with asyncio.timeout(seconds):
                while self.is_coming and self._count < last:
                    self._note(await self._receive())
        except TimeoutError:
            return  # what comes later is the connection's to cut

    async def _take(self) -> Message:
        """The next message, unless the body is overdue before it comes."""
        if self._is_overdue is None or self._has_ended:
            return self._note(await self._receive())
        loop = asyncio.get_running_loop()
        coming = asyncio.ensure_future(self._receive())
        try:
            while True:
                since = loop.time()
                done, _ = await asyncio.wait({coming}, timeout=LOOK_SECONDS)
                self._waited += loop.time() - since
                message = self._note(coming.result()) if done else GONE
                # one that drips is asked too, else a byte now and then would do
                if not self._has_ended and self._is_overdue(self._waited, self._count):
                    self.stopped = "stalled"
                    return GONE
                if done:
                    return message
        finally:
            coming.cancel()

    def _note(self, message: Message) -> Message:
        """Count what came."""
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            self._has_ended = not message.get("more_body", False)
        else:
            self._has_ended = True
        return message
