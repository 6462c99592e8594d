"""What tests of the web service share.

SPDX-License-Identifier: Apache-2.0
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.types import ASGIApp

from cxrlens.serving.protocol import Deadlines, make_protocol


@dataclass(frozen=True)
class WebServer:
    """A real server on the loopback, in a thread of this process."""

    port: int
    """On which it listens."""

    cuts: list[str] = field(default_factory=list)
    """Why it has cut connections, in order."""

    def connect(self, buffer: int | None = None) -> socket.socket:
        """Open a connection; with so many bytes of receive buffer, if any are given."""
        opened = socket.socket()
        if buffer is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        opened.settimeout(20)
        opened.connect(("127.0.0.1", self.port))
        return opened


Serve = Callable[..., WebServer]
"""Starts a server for an application, with deadlines and other settings of uvicorn."""


@pytest.fixture
def serve_app() -> Iterator[Serve]:
    """Servers that stop when the test ends."""
    with ExitStack() as stack:

        def start(
            app: ASGIApp, deadlines: Deadlines | None = None, **settings: object
        ) -> WebServer:
            return stack.enter_context(_serve(app, deadlines or Deadlines(), settings))

        yield start


@contextmanager
def _serve(app: ASGIApp, deadlines: Deadlines, settings: dict[str, object]) -> Iterator[WebServer]:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        told = WebServer(listener.getsockname()[1])
        config = uvicorn.Config(
            app,
            http=make_protocol(deadlines, told.cuts.append),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            **settings,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield told
        finally:
            server.should_exit = True
            thread.join()
