"""A server starts, stops and stumbles as whoever runs it would expect.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from starlette.datastructures import Headers
from tests.conftest import Run
from uvicorn.middleware.proxy_headers import _TrustedHosts

from cxrlens.serving import Address, Answerer, Wish, serve
from cxrlens.serving.bundle_facts import describe_bundle
from cxrlens.serving.database import BUSY_SECONDS
from cxrlens.serving.people import find_by_token
from cxrlens.serving.room import hold_room, open_room
from cxrlens.serving.running import _say_where, list_trusted, listen, name_hosts
from cxrlens.serving.same_site import is_known_host
from cxrlens.vocabulary import InputError

from .conftest import ServedRoom, StartRoom, wait_for
from .processes import ask, find_children


def begin(folder: Path, address: Address) -> None:
    """Serve with a model that is not there: whatever else is wrong must be told before it is."""
    serve(Wish(folder), Answerer(folder / "no model"), address, print)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_a_port_in_use_is_told_before_anything_is_made(tmp_path: Path, taken: int) -> None:
    with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1 port {taken}"):
        begin(tmp_path / "room", Address(port=taken))
    assert not (tmp_path / "room").exists()


def test_a_port_is_held_while_the_model_is_loaded() -> None:
    with listen(Address(port=0)) as first:
        address = Address(port=first.getsockname()[1])
        with pytest.raises(InputError, match="cannot listen"), listen(address):
            pass


def test_a_privileged_port_is_one_sentence(tmp_path: Path) -> None:
    if os.geteuid() == 0 or int(
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    ) <= 80:  # fmt: skip
        pytest.skip("this user may listen on every port")
    with pytest.raises(InputError, match="port 80"):
        begin(tmp_path / "room", Address(port=80))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (Address(port=70000), "port 70000"),
        (Address(host="256.1.1.1", names=("x",)), "256.1.1.1"),
        (Address(host="0.0.0.0"), "--allowed-host"),  # noqa: S104
        (Address(host="0.0.0.0", names=("x",), asks_sign_in=False), "--no-sign-in"),  # noqa: S104
        (Address(host="::", asks_sign_in=False), "--no-sign-in"),
        (Address(host="0.0.0.0", names=("x",), is_https=True), "--proxy"),  # noqa: S104
        (Address(proxies=("proxy.example",)), "--proxy 'proxy.example'"),
        (Address(proxies=("*",)), "--proxy '*'"),
    ],
)
def test_an_address_that_cannot_be_is_one_sentence(
    tmp_path: Path, address: Address, told: str
) -> None:
    with pytest.raises(InputError) as refused:
        begin(tmp_path / "room", address)
    assert told in str(refused.value)
    assert not (tmp_path / "room").exists()


@pytest.mark.parametrize(
    ("address", "is_warned"),
    [
        (Address("0.0.0.0", 0, ("x",)), True),  # noqa: S104
        (Address("0.0.0.0", 0, ("x",), is_https=True, proxies=("10.0.0.2",)), False),  # noqa: S104
        (Address(port=0), False),
    ],
)
def test_what_travels_in_the_clear_is_warned_of(
    tmp_path: Path, address: Address, is_warned: bool
) -> None:
    said: list[str] = []
    opened = open_room(tmp_path / "room")
    with hold_room(opened.places), pytest.raises(InputError, match="by process"):
        serve(Wish(tmp_path / "room"), Answerer(tmp_path / "no model"), address, said.append)
    opened.database.close()
    assert ["in the clear" in one for one in said] == [True] * is_warned


@pytest.mark.parametrize(
    ("address", "root"),
    [
        (Address(port=0), "http://127.0.0.1:PORT/"),
        (Address(host="127.0.0.2", port=0), "http://127.0.0.2:PORT/"),
        (Address(port=0, is_https=True), "http://127.0.0.1:PORT/"),
        (Address(port=0, names=("Reading.example", "b")), "http://Reading.example:PORT/"),
        (Address(port=0, names=("reading.example:81",)), "http://reading.example:81/"),
        (Address(port=0, names=("reading.example",), is_https=True), "https://reading.example/"),
        (Address(port=0, names=("a.example:8443",), is_https=True), "https://a.example:8443/"),
        (Address("0.0.0.0", 0, ("a",), proxies=("10.0.0.2",)), "http://a:PORT/"),  # noqa: S104
    ],
)
def test_the_address_that_is_told_is_let_in(address: Address, root: str) -> None:
    with listen(address) as taken:
        told = address.name_root(taken)
        assert told == root.replace("PORT", str(taken.getsockname()[1]))
        host = told.rpartition("://")[2].rstrip("/")
        known = {name.lower() for name in name_hosts(address, taken)}
    assert is_known_host(Headers({"host": host}), known)
    assert not is_known_host(Headers({"host": "elsewhere.example"}), known)


def test_a_proxy_is_believed_and_nobody_else() -> None:
    assert Address().trusted == ()
    assert Address(is_https=True).trusted == ("127.0.0.1",)
    given = Address("::", 0, ("a",), is_https=True, proxies=("10.0.0.2", "10.1.0.0/16", "fd00::2"))
    assert "127.0.0.1" not in given.trusted
    trusted = _TrustedHosts(list(list_trusted(given)))
    for one in ("10.0.0.2", "::ffff:10.0.0.2", "10.1.2.3", "::ffff:10.1.2.3", "fd00::2"):
        assert one in trusted
    for one in ("10.0.0.3", "::ffff:10.0.0.3", "127.0.0.1", "::ffff:10.2.0.1", "fd00::3"):
        assert one not in trusted


def say_where(folder: Path, *, is_demo: bool) -> tuple[str, list[str]]:
    """Open a room, and give the line with its address and what else is said."""
    opened = open_room(folder)
    said: list[str] = []
    address = Address(port=0)
    try:
        with listen(address) as taken:
            wish = Wish(folder, is_demo=is_demo)
            return _say_where(opened, wish, address, taken, said.append), said
    finally:
        opened.database.close()


def test_a_demonstration_lets_its_user_in_again(tmp_path: Path) -> None:
    folder = tmp_path / "a room"
    links = [say_where(folder, is_demo=True) for _ in range(3)]
    assert ["a new room" in " ".join(said) for _, said in links] == [True, False, False]
    secrets = [link.rpartition("#")[2] for link, _ in links]
    opened = open_room(folder)
    with opened.database.read() as connection:
        found = [find_by_token(connection, one) for one in secrets]
    opened.database.close()
    assert [one and (one.name, one.role) for one in found] == [None, None, ("admin", "admin")]


def test_another_room_says_how_to_get_in_again(tmp_path: Path) -> None:
    folder = tmp_path / "a room"
    assert "/sign-in#" in say_where(folder, is_demo=False)[0]
    link, said = say_where(folder, is_demo=False)
    assert link.endswith(f"/ (lost the token? cxrlens room token '{folder}' admin)")
    assert said == []


def test_a_room_that_is_served_is_not_served_twice(tmp_path: Path) -> None:
    opened = open_room(tmp_path / "room")
    with hold_room(opened.places), pytest.raises(InputError, match=f"by process {os.getpid()}"):
        begin(tmp_path / "room", Address(port=0))
    opened.database.close()


def test_a_level_that_needs_a_certificate_is_refused(cxrlens: Run, tmp_path: Path) -> None:
    done = cxrlens("serve", tmp_path, "--level", "full")
    assert done.code == 2


@pytest.mark.slow
def test_without_a_model_nothing_is_served(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model"):
        begin(tmp_path / "room", Address(port=0))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["a flipped bit", "half", "newer", "nothing", "a file"])
def test_a_bundle_that_is_none_is_one_sentence(
    room_bundle: Path, tmp_path: Path, fault: str
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(room_bundle, folder)
    weights = max(folder.rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    record = next(path for path in folder.glob("*.json"))
    if fault == "a flipped bit":
        data = bytearray(weights.read_bytes())
        data[-100] ^= 1
        weights.write_bytes(data)
    elif fault == "half":
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    elif fault == "newer":
        told = json.loads(record.read_text())
        key = next(name for name in told if "schema" in name or "version" in name)
        record.write_text(json.dumps({**told, key: 999}))
    elif fault == "nothing":
        shutil.rmtree(folder)
    else:
        shutil.rmtree(folder)
        folder.write_text("x")
    with pytest.raises(InputError) as refused:
        describe_bundle(folder)
    assert "\n" not in str(refused.value)
    assert "Traceback" not in str(refused.value)


def half_a_request(served: ServedRoom) -> socket.socket:
    """Begin an upload and do not end it."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    begun = socket.create_connection((host, int(port)))
    begun.sendall(
        f"POST /api/v1/images HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer "
        f"{served.token}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: "
        "1000\r\n\r\n--x\r\n".encode()
    )
    return begun


def actions(served: ServedRoom) -> list[str]:
    return [row[0] for row in ask(served.folder, "SELECT action FROM trail ORDER BY seq")]


@pytest.mark.slow
def test_it_ends_what_was_begun_when_it_is_told_to_stop(
    start_room: StartRoom, phantoms: list[Path]
) -> None:
    served = start_room("shadow")
    wait_for(lambda: len(find_children(served.process.pid)) == 2, "both processes")
    children = find_children(served.process.pid)
    results: list[int] = []
    go_on = threading.Event()

    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        yield phantoms[0].read_bytes()
        go_on.wait()
        yield b"\r\n--x--\r\n"

    def upload() -> None:
        answer = httpx2.post(
            f"{served.url}/api/v1/images", content=body(), timeout=60,
            headers={"Authorization": f"Bearer {served.token}",
                     "Content-Type": "multipart/form-data; boundary=x"},
        )  # fmt: skip
        results.append(answer.status_code)

    thread = threading.Thread(target=upload)
    thread.start()
    time.sleep(1.0)
    served.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{served.url}/healthz", timeout=2)
    assert served.process.poll() is None
    go_on.set()
    thread.join()
    assert results == [202]
    assert served.process.wait(20) == 0
    assert actions(served)[-2:] == ["image-received", "room-closed"]
    assert len((served.folder / "trail-heads.txt").read_text().splitlines()) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())
    assert "Traceback" not in served.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_told_twice_it_stops_at_once(start_room: StartRoom, sign: signal.Signals) -> None:
    served = start_room("human-only")
    with half_a_request(served):
        time.sleep(0.3)
        served.process.send_signal(sign)
        time.sleep(0.7)
        assert served.process.poll() is None  # it waits for the request
        served.process.send_signal(sign)
        began = time.monotonic()
        assert served.process.wait(20) == 0
        assert time.monotonic() - began < 5
    assert actions(served)[-1] == "room-closed"
    assert "Traceback" not in served.log.read_text()


@pytest.mark.slow
def test_a_closed_terminal_does_not_stop_it(start_room: StartRoom, phantoms: list[Path]) -> None:
    served = start_room("human-only")
    wait_for(lambda: find_children(served.process.pid), "its process")
    for pid in (*find_children(served.process.pid).values(), served.process.pid):
        os.kill(pid, signal.SIGHUP)
    served.wait_checked(served.upload(phantoms[:1]))
    assert served.process.poll() is None


@pytest.mark.slow
def test_ctrl_c_reaches_all_and_only_the_server_minds(
    start_room: StartRoom, phantoms: list[Path]
) -> None:
    served = start_room("assistance")
    ids = served.upload(phantoms[:2])
    served.wait_predicted(ids)
    for pid in find_children(served.process.pid).values():
        os.kill(pid, signal.SIGINT)  # as a terminal does
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(30) == 0
    said = served.log.read_text()
    assert "Traceback" not in said
    assert "ended with code" not in said


@pytest.mark.slow
def test_a_second_server_on_the_room_is_told_whose_it_is(
    start_room: StartRoom, room_bundle: Path
) -> None:
    served = start_room("human-only")
    done = subprocess.run(
        [sys.executable, "-m", "cxrlens.cli", "serve", str(room_bundle), "--port", "0",
         "--room", str(served.folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"by process {served.process.pid}" in done.stderr.splitlines()[-1]
    assert served.ask("GET", "/me").status_code == 200


@pytest.mark.slow
def test_a_locked_database_asks_for_patience_and_goes_on(
    start_room: StartRoom, phantoms: list[Path]
) -> None:
    served = start_room("assistance")
    (one,) = served.upload(phantoms[:1])
    served.wait_predicted([one])
    data = {"file": ("a.png", phantoms[1].read_bytes())}
    with closing(sqlite3.connect(served.folder / "room.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        answer = served.ask("POST", "/images", files=data)
        waited = time.monotonic() - began
        assert answer.status_code == 503
        assert answer.json()["code"] == "busy"
        assert int(answer.headers["retry-after"]) >= 1
        assert BUSY_SECONDS - 1 < waited < BUSY_SECONDS + 10
        assert served.ask("GET", f"/cases/{one}").status_code == 200  # readers go on
        assert httpx2.get(f"{served.url}/readyz", timeout=60).status_code == 503
        time.sleep(max(0.0, 8 - (time.monotonic() - began)))
        other.execute("ROLLBACK")
    assert served.ask("POST", "/images", files=data).status_code == 202
    served.wait_predicted(served.upload(phantoms[1:2]))
    assert ask(served.folder, "SELECT count(*) FROM image_case") == [(2,)]


@pytest.mark.slow
def test_a_damaged_room_is_one_sentence_on_the_command_line(
    room_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "room.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 20000)
    done = subprocess.run(
        [sys.executable, "-m", "cxrlens.cli", "serve", str(room_bundle), "--port", "0",
         "--room", str(tmp_path / "room")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "is damaged" in done.stderr.splitlines()[-1]
