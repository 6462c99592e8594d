"""What flows through one connection, counted and timed.

SPDX-License-Identifier: Apache-2.0
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl


class CountedTransport(asyncio.Transport):
    """A transport that knows how much the other side has taken; what uvicorn uses of one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._written = 0

    @property
    def taken(self) -> int:
        """Bytes that the operating system has taken since the connection was made."""
        return self._written - self.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, or keep them until there is room."""
        self._written += len(data)
        self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the other side to read."""
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's
        """Tell of the socket."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether it is closed, or will be when all is sent."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close it when all is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Leave what comes to the operating system."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()


class TimedFlow(FlowControl):
    """Flow control that knows how long we, and not the other side, have held up a body."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(transport)
        self._loop = loop
        self._held = 0.0
        self._held_since: float | None = None

    @property
    def held_seconds(self) -> float:
        """For which reading was paused since the connection was made."""
        since = self._held_since
        return self._held + (0.0 if since is None else self._loop.time() - since)

    def pause_reading(self) -> None:
        """Leave what comes to the operating system."""
        if not self.read_paused:
            self._held_since = self._loop.time()
        super().pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._held, self._held_since = self.held_seconds, None
        super().resume_reading()
