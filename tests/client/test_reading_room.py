from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cxrlens.client import ReadingRoom
from cxrlens.vocabulary import InputError


class Busy(BaseHTTPRequestHandler):
    """A server that is busy twice, and then answers."""

    n_asked = 0

    def do_GET(self) -> None:
        Busy.n_asked += 1
        if Busy.n_asked < 3:
            self.send_response(503)
            self.send_header("Retry-After", "0")
            self.end_headers()
            return
        body = b'{"id": null}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        pass


def test_a_busy_room_is_asked_again() -> None:
    Busy.n_asked = 0
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with ReadingRoom(f"http://127.0.0.1:{server.server_port}", "t" * 20) as room:
            assert room.get_next() is None
        server.shutdown()
    assert Busy.n_asked == 3


def test_a_room_that_is_not_there_is_one_sentence() -> None:
    with (
        ReadingRoom("http://127.0.0.1:9", "t" * 20, patience=0.1) as room,
        pytest.raises(InputError, match=r"the room at http://127\.0\.0\.1:9.* does not answer"),
    ):
        room.get_room()
