"""A room and other applications that are really served, for tests that speak with them.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import Error as PageError
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from starlette.types import ASGIApp

from cxrlens.data import read_table
from cxrlens.model import run_training
from cxrlens.serving.protocol import Deadlines, make_protocol
from cxrlens.serving.room import begin_serving, open_room
from cxrlens.training import load_recipe
from cxrlens.vocabulary import Level

from .room_by_hand import MakeRoom, RoomByHand

PATIENCE = 120.0
"""Seconds after which a test gives up waiting."""


@pytest.fixture(scope="session")
def room_bundle(
    phantom_folder: Path, quick: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The bundle of a small model of three classes that exclude each other."""
    folder = tmp_path_factory.mktemp("room_run")
    run_training(read_table(phantom_folder), load_recipe("phantom", quick), folder)
    return folder / "bundle"


@pytest.fixture(scope="session")
def phantoms(phantom_folder: Path) -> list[Path]:
    """Drawn radiographs to hand in: 72 files, no two alike."""
    return sorted(phantom_folder.glob("[cnp]*/*.png"))


MakeDicom = Callable[..., bytes]
"""`make_dicom(PatientID="1", SOPInstanceUID="1.2.3")`: a drawn radiograph as a DICOM file."""


@pytest.fixture(scope="session")
def make_dicom(phantoms: list[Path]) -> MakeDicom:
    """Write drawn radiographs as DICOM files; `number` says which."""

    def make(number: int = 0, **elements: object) -> bytes:
        pixels = np.asarray(Image.open(phantoms[number]).convert("L"))
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
        dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{number + 1}"
        dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
        dataset.PatientID, dataset.PatientName = f"PAT-{number}", f"Doe^Number{number}"
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation = 0
        dataset.PixelData = (pixels.astype("<u2") * 16).tobytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some tests want what is not valid
            for keyword, value in elements.items():
                setattr(dataset, keyword, value)
            written = io.BytesIO()
            dataset.save_as(written, enforce_file_format=True)
        return written.getvalue()

    return make


@pytest.fixture
def make_room(tmp_path: Path) -> Iterator[MakeRoom]:
    """Make rooms by hand: `make_room(level)`."""
    made: list[RoomByHand] = []

    def make(level: Level = "assistance") -> RoomByHand:
        hand = RoomByHand(open_room(tmp_path / f"room{len(made)}"))
        made.append(hand)
        begin_serving(hand.room, "b" * 64)
        hand.set_level(level)
        return hand

    yield make
    for one in made:
        one.close()


@pytest.fixture
def hand(make_room: MakeRoom) -> RoomByHand:
    """A room by hand, in assistance."""
    return make_room()


@dataclass
class ServedRoom:
    """A room that another process serves."""

    url: str
    """Such as `http://127.0.0.1:45123`, without a slash at the end."""

    token: str
    """Of the admin; empty where nobody has to sign in."""

    folder: Path
    """Of the room."""

    process: subprocess.Popen[bytes]
    """`cxrlens serve`; its children are the two workers."""

    log: Path
    """What it says."""

    classes: tuple[str, ...] = field(default=("covid", "normal", "pneumonia"))
    """Of the model."""

    @property
    def link(self) -> str:
        """To sign in as the admin with a browser."""
        return f"{self.url}/sign-in#{self.token}"

    def link_of(self, token: str) -> str:
        """To sign in with a token."""
        return f"{self.url}/sign-in#{token}"

    def ask(
        self, method: str, path: str, *, token: str | None = None, **sent: object
    ) -> httpx2.Response:
        """Send a request, as the admin unless a token is given; `path` is below `/api/v1`."""
        given = self.token if token is None else token
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        headers |= sent.pop("headers", {})
        url = f"{self.url}/api/v1{path}"
        return httpx2.request(method, url, headers=headers, timeout=60, **sent)

    def add_person(self, name: str, role: str = "reader") -> str:
        """Add a person, and give their token."""
        person = self.ask("POST", "/people", json={"name": name, "role": role})
        assert person.status_code == 201, person.text
        made = self.ask("POST", f"/people/{person.json()['id']}/tokens", json={"label": "test"})
        assert made.status_code == 201, made.text
        return str(made.json()["secret"])

    def set_level(self, level: str, reason: str = "a test wants it") -> None:
        """Set the room's level."""
        done = self.ask("PUT", "/room/level", json={"level": level, "reason": reason})
        assert done.status_code == 200, done.text

    def set_up(
        self, *, reveal: str = "after-commit", asks_first: bool = False, readers: int = 1
    ) -> None:
        """Set how the room goes about its levels."""
        settings = {"reveal": reveal, "asks_first": asks_first, "readers_per_case": readers}
        done = self.ask("PUT", "/room/settings", json=settings)
        assert done.status_code == 200, done.text

    def upload(self, paths: Sequence[Path], patient_id: str = "") -> list[str]:
        """Hand images in, one a request, and give the ids of their cases."""
        ids = []
        for path in paths:
            done = self.ask(
                "POST", "/images", files={"file": (path.name, path.read_bytes())},
                data={"patient_id": patient_id},
            )  # fmt: skip
            assert done.status_code == 202, done.text
            ids.append(done.json()["images"][0]["id"])
        return ids

    def case(self, case_id: str, *, token: str | None = None) -> dict[str, Any]:
        """Look at a case."""
        answer = self.ask("GET", f"/cases/{case_id}", token=token)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def read(self, case_id: str, present: str, *, token: str | None = None, text: str = "") -> None:
        """Commit a reading with one class present."""
        findings = [
            {"class_name": name, "present": name == present, "sureness": 4} for name in self.classes
        ]
        body = {"findings": findings, "text": text}
        done = self.ask("POST", f"/cases/{case_id}/reading", token=token, json=body)
        assert done.status_code == 200, done.text

    def wait_checked(self, ids: Sequence[str]) -> None:
        """Wait until the file check has looked at all of them."""
        wait_for(lambda: all(self._state(one) != "received" for one in ids), "the file check")

    def wait_predicted(self, ids: Sequence[str]) -> None:
        """Wait until the model has answered for all of them: only where it is shown."""
        wait_for(lambda: all(self.case(one)["machine"] for one in ids), "the model's answers")

    def stop(self) -> int:
        """End it as whoever runs it would, and give the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def _state(self, case_id: str) -> str:
        return str(self.case(case_id)["line"]["state"])


StartRoom = Callable[..., ServedRoom]
"""`start_room(level="assistance", options=())`: serves a new room until the module's tests end."""


@pytest.fixture(scope="module")
def start_room(room_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRoom]:
    """Serve rooms: `start_room(level, options=[...], bundle=..., folder=...)`."""
    started: list[ServedRoom] = []

    def start(
        level: str | None = "assistance",
        options: Sequence[str] = (),
        bundle: Path | None = None,
        folder: Path | None = None,
    ) -> ServedRoom:
        place = tmp_path_factory.mktemp("served")
        served = _serve_room(bundle or room_bundle, folder or place / "room", place, level, options)
        started.append(served)
        return served

    yield start
    for served in started:
        served.stop()


def wait_for(is_so: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"after {seconds:.0f} s still waiting for {what}"
        time.sleep(0.1)


def _serve_room(
    bundle: Path, folder: Path, place: Path, level: str | None, options: Sequence[str]
) -> ServedRoom:
    log = place / "log.txt"
    command = [sys.executable, "-m", "cxrlens.cli", "serve", str(bundle), "--room", str(folder)]
    command += ["--port", "0", *(["--level", level] if level else []), *options]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        wait_for(
            lambda: process.poll() is not None or _find_link(log) is not None, "the room's address"
        )
        link = _find_link(log)
        assert link, log.read_text()
        url, token = link
        wait_for(lambda: process.poll() is not None or _answers(url), "the room")
        assert process.poll() is None, log.read_text()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return ServedRoom(url, token, folder, process, log)


def _find_link(log: Path) -> tuple[str, str] | None:
    found = re.search(r"open (http://[^\s/]+)/(?:sign-in#(\S+))?\s", log.read_text())
    return (found[1], found[2] or "") if found else None


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


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


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A person in front of a room's pages."""

    room: ServedRoom
    """That they visit."""

    context: BrowserContext
    """Theirs alone."""

    page: Page
    """Their first one."""

    asked: list[str] = field(default_factory=list)
    """Addresses that were asked for."""

    faults: list[str] = field(default_factory=list)
    """What the browser complained of."""

    def sign_in(self, token: str) -> None:
        """Sign in with a link, and wait for the worklist."""
        self.page.goto(self.room.link_of(token))
        self.page.wait_for_selector("#rows tr, #empty:not([hidden])")

    def open_case(self, case_id: str) -> None:
        """Open a case, and wait for its picture."""
        self.page.goto(f"{self.room.url}/cases/{case_id}")
        self.wait_picture()

    def wait_picture(self) -> None:
        """Wait until the image of a case is drawn."""
        self.until("performance.getEntriesByName('first-picture').length > 0")

    def until(self, condition: str) -> None:
        """Wait until a line of JavaScript is true."""
        # Not with the browser's own waiting, which evaluates text in the page: the room forbids it.
        end = time.monotonic() + PATIENCE / 2
        while not self._is_so(condition):
            assert time.monotonic() < end, f"still waiting until {condition}"
            self.page.wait_for_timeout(50)

    def _is_so(self, condition: str) -> bool:
        try:
            return bool(self.page.evaluate(condition))
        except PageError as error:
            if "navigation" in str(error):
                return False
            raise

    def check(self) -> None:
        """Nothing was asked of another host, and the browser did not complain."""
        foreign = [one for one in self.asked if not one.startswith((self.room.url, "blob:"))]
        assert foreign == []
        assert self.faults == []


Visitor = Callable[..., Visit]
"""`visit(room, token="", **options)`: a person with a browser of their own."""


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visitor]:
    """People who visit rooms; in the end none was led elsewhere, and no page had a fault."""
    visits: list[Visit] = []

    def begin(room: ServedRoom, token: str = "", **options: object) -> Visit:
        settings = {"viewport": {"width": 1280, "height": 800}} | options
        context = browser.new_context(**settings)
        new = Visit(room, context, context.new_page())
        context.on("request", lambda request: new.asked.append(request.url))
        context.on("weberror", lambda error: new.faults.append(str(error.error)))
        context.on("console", lambda line: _note_complaint(new, line.type, line.text))
        visits.append(new)
        if token:
            new.sign_in(token)
        return new

    yield begin
    for one in visits:
        one.context.close()
        one.check()


def _note_complaint(visit: Visit, kind: str, text: str) -> None:
    # That a request was refused is for each test to judge.
    if kind == "error" and not text.startswith("Failed to load resource"):
        visit.faults.append(text)
