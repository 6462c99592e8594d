"""The viewer in a real browser: what it draws, against the formulas written a second time.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import gzip
import io
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import cxrlens
from cxrlens.phantom import draw_nth

pytestmark = pytest.mark.slow

POLICY = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:"  # noqa: E501

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Viewer</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/viewer.css"><link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script></head>
<body><main><h1>Case</h1><div id="case"></div></main></body></html>"""

PAGE_STYLE = """html, body { height: 100%; margin: 0; background: #0c0e11; color: #d3d8de; }
main { height: 100%; } h1 { position: absolute; clip-path: inset(50%); } #case { height: 100%; }"""

PAGE_SCRIPT = """import { Viewer } from "/static/viewer.js";
window.told = [];
const place = document.getElementById("case");
for (const name of ["viewer-ready", "viewer-error", "viewer-map"]) {
  place.addEventListener(name, (event) => window.told.push([name, event.detail]));
}
window.viewer = new Viewer(place);"""

KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Answer:
    """What the server says to one address."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Room:
    """A server of the page, the modules and whatever a test puts there."""

    address: str
    answers: dict[str, Answer]

    def put_pixels(
        self, name: str, pixels: np.ndarray, spacing: str | None = None, **changed: str
    ) -> str:
        """Serve an image as the reading room does."""
        headers = {
            "Content-Encoding": "gzip",
            "Content-Type": "application/octet-stream",
            "X-Height": str(pixels.shape[0]),
            "X-Width": str(pixels.shape[1]),
            "X-Bits": str(pixels.itemsize * 8),
        }
        if spacing is not None:
            headers["X-Spacing-Mm"] = spacing
        headers |= {key.replace("_", "-"): value for key, value in changed.items()}
        body = gzip.compress(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes(), 1)
        path = f"/api/v1/cases/{name}/pixels"
        self.answers[path] = Answer(body, headers)
        return path

    def put_map(self, name: str, colours: np.ndarray) -> str:
        """Serve an RGBA picture."""
        file = io.BytesIO()
        Image.fromarray(colours).save(file, "PNG")
        path = f"/api/v1/cases/{name}.png"
        self.answers[path] = Answer(file.getvalue(), {"Content-Type": "image/png"})
        return path


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    answers = {
        "/": Answer(
            PAGE.encode(), {"Content-Type": "text/html", "Content-Security-Policy": POLICY}
        ),
        "/page.js": Answer(PAGE_SCRIPT.encode(), {"Content-Type": "text/javascript"}),
        "/page.css": Answer(PAGE_STYLE.encode(), {"Content-Type": "text/css"}),
    }
    for file in (Path(cxrlens.__file__).parent / "serving" / "static").iterdir():
        kind = KINDS[file.suffix]
        answers[f"/static/{file.name}"] = Answer(file.read_bytes(), {"Content-Type": kind})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path, Answer(b"", status=404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """The output belongs to the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Room(f"http://127.0.0.1:{server.server_port}", answers)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


Open = Callable[..., Page]
"""Opens the page; the options are those of a browser context."""


@pytest.fixture
def open_page(browser: Browser, room: Room) -> Iterator[Open]:
    """Open the page, and find afterwards that the browser had nothing to complain about."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def start(*, expects_failures: bool = False, **options: object) -> Page:
        size = {"viewport": {"width": 900, "height": 700}}
        context = browser.new_context(**(size | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda line: (
                line.type in ("error", "warning")
                and not (expects_failures and "Failed to load resource" in line.text)
                and complaints.append(line.text)
            ),
        )
        page.goto(room.address)
        page.wait_for_selector(".viewer-readout", timeout=5000)
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


def load(page: Page, pixels: str, **case: object) -> dict[str, Any]:
    """Show a case and give the viewer's state."""
    assert page.evaluate("(asked) => viewer.load(asked)", {"pixels": pixels, **case})
    return settle(page)


def settle(page: Page) -> dict[str, Any]:
    """Wait until everything is drawn."""
    twice = "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
    page.evaluate(twice)
    return page.evaluate("viewer.state")


def read_canvas(page: Page, name: str = "image") -> np.ndarray:
    """Give the RGBA pixels of a layer, in device pixels."""
    text, height, width = page.evaluate(
        """(name) => {
          const canvas = document.querySelector(`.viewer-canvas-${name}`);
          const { width, height } = canvas;
          const pen = new OffscreenCanvas(width, height).getContext("2d", {
            willReadFrequently: true,
          });
          pen.drawImage(canvas, 0, 0);
          const { data } = pen.getImageData(0, 0, width, height);
          let text = "";
          for (let at = 0; at < data.length; at += 32768) {
            text += String.fromCharCode(...data.subarray(at, at + 32768));
          }
          return [btoa(text), height, width];
        }""",
        name,
    )
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def shade(value: float, centre: float, width: float) -> int:
    """DICOM's linear window, PS3.3 C.11.2.1.2.1, written as it stands there."""
    if value <= centre - 0.5 - (width - 1) / 2:
        return 0
    if value > centre - 0.5 + (width - 1) / 2:
        return 255
    return int(np.floor(((value - (centre - 0.5)) / (width - 1) + 0.5) * 255 + 0.5))


def draw_large(height: int, width: int, largest: int = 4095, number: int = 1) -> np.ndarray:
    """Enlarge a phantom to 16 bits, with a little noise."""
    small = draw_nth(number, seed=3).pixels
    picture = Image.fromarray(small).convert("F").resize((width, height), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, largest / 250, (height, width))
    values = np.asarray(picture) / 255 * largest + noise
    return np.clip(values, 0, largest).astype(np.uint16)


@pytest.fixture(scope="module")
def ramp() -> np.ndarray:
    """Every 16-bit step of 16 up to 12 bits, 300 x 400: no two neighbours the same."""
    return (np.arange(300 * 400).reshape(300, 400) * 7 % 4096).astype(np.uint16)


# What is drawn.


@pytest.mark.parametrize("ratio", [1, 1.5, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_one_to_one_draws_each_pixel_by_the_formula(
    open_page: Open, room: Room, ramp: np.ndarray, bits: int, ratio: float
) -> None:
    pixels = (ramp % 256).astype(np.uint8) if bits == 8 else ramp
    page = open_page(device_scale_factor=ratio)
    load(page, room.put_pixels("ramp", pixels))
    page.evaluate(
        "viewer.setWindow(%s); viewer.actualSize()" % ("90, 71" if bits == 8 else "2000, 811")
    )
    state = settle(page)
    assert (state["centre"], state["width"]) == ((90, 71) if bits == 8 else (2000, 811))
    assert state["zoomPercent"] == 100
    left, top = int(state["left"]), int(state["top"])
    assert (left, top) == (state["left"], state["top"])
    expected = np.array([shade(v, state["centre"], state["width"]) for v in range(4096)])[pixels]
    drawn = read_canvas(page)
    if ratio == 1:
        assert drawn.shape[1] == 900
    seen = drawn[top : top + 300, left : left + 400]
    assert np.array_equal(seen[..., 0], expected)
    assert np.array_equal(seen[..., 1], expected)
    assert np.array_equal(seen[..., 2], expected)
    assert drawn[: max(top, 0), :, :3].max(initial=0) == 0  # black around it
    page.keyboard.press("i")
    assert settle(page)["inverted"]
    inverted = read_canvas(page)[top : top + 300, left : left + 400, 0]
    assert np.array_equal(inverted, 255 - expected)


def test_a_small_view_shows_the_mean_of_what_each_pixel_covers(open_page: Open, room: Room) -> None:
    pixels = draw_large(1500, 1207)
    page = open_page()
    state = load(page, room.put_pixels("large", pixels), window={"centre": 2048, "width": 4096})
    drawn = read_canvas(page)[..., 0]
    scale = state["scale"]
    assert 0.25 < scale < 0.5  # so that half the image is averaged already
    for y, x in np.random.default_rng(1).integers((5, 260), (630, 640), (60, 2)):
        cols = mean_weights(x, scale, state["left"], pixels.shape[1])
        rows = mean_weights(y, scale, state["top"], pixels.shape[0])
        mean = rows @ pixels.astype(float) @ cols
        # The pyramid's pixels at the border of an area belong to it in part only.
        assert abs(int(drawn[y, x]) - shade(mean, 2048, 4096)) <= 3


def mean_weights(at: int, scale: float, origin: float, size: int) -> np.ndarray:
    """Shares of the pixels of one axis in a device pixel."""
    start, end = (at - origin) / scale, (at + 1 - origin) / scale
    edges = np.arange(size)
    shares = np.clip(np.minimum(edges + 1, end) - np.maximum(edges, start), 0, None)
    return shares / shares.sum()


def test_a_large_view_is_interpolated_or_shows_pixels(
    open_page: Open, room: Room, ramp: np.ndarray
) -> None:
    page = open_page()
    load(page, room.put_pixels("ramp", ramp), window={"centre": 2048, "width": 4096})
    page.evaluate("viewer.actualSize(); viewer.zoomBy(7.3, 401.3, 222.2)")
    state = settle(page)
    smooth = read_canvas(page)[..., 0].astype(int)
    page.keyboard.press("s")
    assert not settle(page)["smooth"]
    sharp = read_canvas(page)[..., 0].astype(int)
    for y, x in np.random.default_rng(2).integers((0, 0), sharp.shape, (200, 2)):
        col = (x + 0.5 - state["left"]) / state["scale"]
        row = (y + 0.5 - state["top"]) / state["scale"]
        assert sharp[y, x] == shade(ramp[int(row), int(col)], 2048, 4096)
        assert abs(smooth[y, x] - shade(interpolate(ramp, row, col), 2048, 4096)) <= 1


def interpolate(pixels: np.ndarray, row: float, col: float) -> float:
    """Between the centres of the four pixels around a point."""
    y, x = int(np.floor(row - 0.5)), int(np.floor(col - 0.5))
    down, across = row - 0.5 - y, col - 0.5 - x
    upper = (1 - across) * pixels[y, x] + across * pixels[y, x + 1]
    lower = (1 - across) * pixels[y + 1, x] + across * pixels[y + 1, x + 1]
    return (1 - down) * upper + down * lower


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("scale", [None, 0.5, 0.77, 1, 1.31, 2, 5.7, 30])
def test_image_map_and_frame_have_the_same_edges(
    open_page: Open, room: Room, scale: float | None, ratio: int
) -> None:
    left, top, width, height = 301, 205, 18, 14
    pixels = np.zeros((800, 1000), np.uint8)
    pixels[top : top + height, left : left + width] = 255
    map_ = np.zeros((800, 1000, 4), np.uint8)
    map_[top : top + height, left : left + width] = 255
    region = {"class_name": "square", "score": 0.5, "top": top, "left": left, "height": height,
              "width": width}  # fmt: skip
    page = open_page(device_scale_factor=ratio)
    maps = [{"id": "a", "label": "a", "url": room.put_map("square", map_)}]
    load(page, room.put_pixels("square", pixels), maps=maps, regions=[region])
    page.evaluate("viewer.showMap(true)")
    page.wait_for_function("() => told.some(([name]) => name === 'viewer-map')")
    if scale is not None:
        # Bring the square to an odd place in the middle.
        page.evaluate(
            """([scale, col, row]) => {
              const { camera } = viewer;
              camera.zoomTo(scale, 0, 0);
              const at = camera.toStage(col, row);
              viewer.panBy(400.37 - at.x, 300.61 - at.y);
            }""",
            [scale, left + width / 2, top + height / 2],
        )
    state = settle(page)
    image = find_edges(read_canvas(page, "image")[..., 0] / 255, state)
    heat = find_edges(read_canvas(page, "map")[..., 3] / 255, state)
    frame = find_inner_edges(
        read_canvas(page, "regions"), state, left + width / 2, top + height / 2
    )
    true = np.array([left, left + width, top, top + height])
    # A device pixel is the finest thing there is: below one to one it is more than half a pixel.
    tolerance = max(0.5, 0.5 / state["scale"])
    assert np.abs(image - true).max() <= tolerance
    assert np.abs(heat - true).max() <= tolerance
    assert np.abs(frame - true).max() <= tolerance


def find_edges(shares: np.ndarray, state: dict[str, Any]) -> np.ndarray:
    """Left, right, upper and lower edge of what is bright, in pixels of the source."""
    scale = state["scale"]
    y, x = (int(axis.mean()) for axis in np.nonzero(shares > 0.9 * shares.max()))
    edges = []
    for line, at, origin in ((shares[y], x, state["left"]), (shares[:, x], y, state["top"])):
        share = line / line.max()  # what is half bright at an edge counts half
        edges += [(at - share[:at].sum() - origin) / scale]
        edges += [(at + share[at:].sum() - origin) / scale]
    return np.array(edges)


def find_inner_edges(
    colours: np.ndarray, state: dict[str, Any], col: float, row: float
) -> np.ndarray:
    """Left, right, upper and lower inner edge of the frame around a point, source pixels."""
    alpha = colours[..., 3] / 255
    scale = state["scale"]
    x, y = int(state["left"] + col * scale), int(state["top"] + row * scale)
    edges = []
    for line, at, origin in ((alpha[y], x, state["left"]), (alpha[:, x], y, state["top"])):
        assert line[at] == 0  # nothing covers the inside
        edges += [(at - measure_gap(line[:at][::-1]) - origin) / scale]
        edges += [(at + measure_gap(line[at:]) - origin) / scale]
    return np.array(edges)


def measure_gap(line: np.ndarray) -> float:
    """How much of a line is free before a frame, which is thicker than a pixel."""
    first = int(np.argmax(line > 0.02))
    assert line[first + 1] > 0.9
    return float(first + 1 - line[first])


def test_a_frame_around_another_shape_of_pixels(open_page: Open, room: Room) -> None:
    """Rows twice as far apart as columns are drawn twice as high, and all layers with them."""
    pixels = np.zeros((200, 400), np.uint8)
    pixels[50:80, 100:160] = 255
    region = {"class_name": "a", "score": 1, "top": 50, "left": 100, "height": 30, "width": 60}
    page = open_page()
    state = load(page, room.put_pixels("flat", pixels, "0.4,0.2"), regions=[region])
    drawn = read_canvas(page)[..., 0] == 255
    rows, cols = np.nonzero(drawn)
    assert np.ptp(cols) == pytest.approx(np.ptp(rows), abs=2)
    frame = read_canvas(page, "regions")[..., 3]
    assert frame[drawn].max() == 0
    assert frame[rows.max() + 1 : rows.max() + 4, cols.max()].max() > 200
    assert frame[rows.max(), cols.max() + 1 : cols.max() + 4].max() > 200
    assert state["scale"] * 200 * 2 == pytest.approx(drawn.shape[0])


def test_labels_stay_out_of_every_frame(open_page: Open, room: Room) -> None:
    pixels = np.full((600, 600), 60, np.uint8)
    boxes = [(0, 0, 600, 600), (100, 100, 200, 200), (100, 305, 200, 200), (305, 100, 190, 400)]
    regions = [
        {"class_name": f"finding {n}", "score": n / 10, "top": top, "left": left, "height": height,
         "width": width}
        for n, (top, left, height, width) in enumerate(boxes)
    ]  # fmt: skip
    page = open_page()
    place = room.put_pixels("plain", pixels)
    state = load(page, place, regions=regions[1:])
    painted = read_canvas(page, "regions")[..., 3] > 0
    for top, left, height, width in boxes[1:]:
        corners = [state["top"] + top * state["scale"], state["left"] + left * state["scale"]]
        y, x = (int(np.ceil(corner)) for corner in corners)
        low, far = int(height * state["scale"]) - 1, int(width * state["scale"]) - 1
        assert not painted[y : y + low, x : x + far].any()
    labelled = painted.sum()
    load(page, place, regions=regions)  # one frame around all of them leaves no room inside
    assert (
        0 < (read_canvas(page, "regions")[..., 3] > 0).sum() - labelled + 3 * 18 * 60 < 3 * 4 * 700
    )
    page.mouse.move(450 - state["scale"] * 150, 350 - state["scale"] * 100)
    settle(page)
    assert page.text_content(".viewer-readout-point").endswith("finding 1 0.10")


# What the hand does.


@pytest.fixture
def opened(open_page: Open, room: Room) -> Page:
    """A large 12-bit phantom with a map and a region, in a page of 900 x 700."""
    page = open_page()
    load_case(page, room)
    return page


def load_case(page: Page, room: Room) -> dict[str, Any]:
    colours = np.zeros((90, 80, 4), np.uint8)
    colours[30:60, 20:50] = (255, 40, 0, 255)
    urls = [room.put_map("one", colours), room.put_map("two", colours[::-1].copy())]
    maps = [{"id": str(n), "label": f"map {n}", "url": url} for n, url in enumerate(urls)]
    region = {"class_name": "covid", "score": 0.8, "top": 400, "left": 300, "height": 300,
              "width": 400}  # fmt: skip
    place = room.put_pixels("case", draw_large(1350, 1200), "0.2,0.2")
    return load(page, place, maps=maps, regions=[region], window={"centre": 2000, "width": 3000})


def drag(page: Page, start: tuple[float, float], by: tuple[float, float], button: str) -> dict:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(start[0] + by[0] / 3, start[1] + by[1] / 3)
    page.mouse.move(start[0] + by[0], start[1] + by[1])
    page.mouse.up(button=button)
    return settle(page)


def find_point(state: dict[str, Any], x: float, y: float) -> np.ndarray:
    """The point of the image under one of the page, whose stage begins below the toolbar."""
    return np.array([(x - state["left"]) / state["scale"], (y - state["top"]) / state["scale"]])


def test_a_left_drag_sets_the_window(opened: Page) -> None:
    state = drag(opened, (400, 300), (40, 20), "left")
    assert (state["centre"], state["width"]) == (2000 + 20 * 3000 / 400, 3000 + 40 * 3000 / 400)
    assert state["fitted"]
    assert opened.text_content(".viewer-readout-window") == "W 3300  C 2150"


def test_a_right_drag_zooms_where_it_began(opened: Page) -> None:
    top = opened.locator(".viewer-stage").bounding_box()["y"]
    before = opened.evaluate("viewer.state")
    state = drag(opened, (500, 400), (0, -100), "right")
    assert state["scale"] == pytest.approx(before["scale"] * np.exp(100 * 0.007))
    point = find_point(before, 500, 400 - top)
    assert find_point(state, 500, 400 - top) == pytest.approx(point, abs=0.5)


def test_the_wheel_keeps_the_point_under_the_pointer(opened: Page) -> None:
    top = opened.locator(".viewer-stage").bounding_box()["y"]
    before = opened.evaluate("viewer.state")
    opened.mouse.move(333, 444)
    for turn in (-120, -120, -120, 120, -240):
        opened.mouse.wheel(0, turn)
        state = settle(opened)
        point = find_point(before, 333, 444 - top)
        assert find_point(state, 333, 444 - top) == pytest.approx(point, abs=0.5)
    assert state["scale"] == pytest.approx(before["scale"] * np.exp(480 * 0.0016))
    expected = draw_large(1350, 1200)[int(point[1]), int(point[0])]
    text = opened.text_content(".viewer-readout-point")
    assert text == f"{int(point[0])}, {int(point[1])}  value {expected}"


def test_the_middle_button_and_space_pan(opened: Page) -> None:
    opened.evaluate("viewer.actualSize()")
    before = settle(opened)
    state = drag(opened, (400, 300), (37, -21), "middle")
    assert (state["left"] - before["left"], state["top"] - before["top"]) == (37, -21)
    opened.focus(".viewer-stage")
    opened.keyboard.down(" ")
    state = drag(opened, (400, 300), (-37, 21), "left")
    opened.keyboard.up(" ")
    assert (state["left"], state["top"]) == (before["left"], before["top"])
    assert (state["centre"], state["width"]) == (2000, 3000)
    assert drag(opened, (400, 300), (10, 0), "left")["width"] > 3000  # the key was let go


def test_the_image_never_leaves_the_stage(opened: Page) -> None:
    opened.keyboard.press("d")
    for _ in range(4):
        state = drag(opened, (100, 200), (700, 400), "left")
    assert state["left"] <= 900 - 64
    assert state["scale"] * 1350 + state["top"] > 64
    opened.keyboard.press("f")
    assert settle(opened)["fitted"]


def test_fingers(open_page: Open, room: Room) -> None:
    page = open_page(viewport={"width": 768, "height": 1024}, has_touch=True)
    first = load_case(page, room)
    top = page.locator(".viewer-stage").bounding_box()["y"]
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> dict[str, Any]:
        places = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
        return settle(page)

    # One finger sets the window, after a tremor.
    touch("touchStart", (300, 400))
    assert touch("touchMove", (303, 400))["width"] == 3000
    state = touch("touchMove", (340, 400))
    touch("touchEnd")
    assert state["width"] == 3000 + 40 * 3000 / 400
    # Two pinch: the middle between them moves along.
    page.wait_for_timeout(400)
    touch("touchStart", (300, 500))
    touch("touchStart", (300, 500), (400, 500))
    between = find_point(first, 350, 500 - top)
    state = touch("touchMove", (250, 520), (450, 520))
    assert state["scale"] == pytest.approx(2 * first["scale"])
    assert find_point(state, 350, 520 - top) == pytest.approx(between, abs=1)
    assert state["width"] == 3300
    # The finger that stays does nothing.
    touch("touchEnd", (250, 520))
    assert touch("touchMove", (350, 620))["width"] == 3300
    touch("touchEnd")
    # Twice fits.
    page.wait_for_timeout(400)
    assert not page.evaluate("viewer.state.fitted")
    for _ in range(2):
        touch("touchStart", (200, 300))
        state = touch("touchEnd")
    assert state["fitted"]
    # As the mode says, one finger pans.
    page.locator("[data-action=drag-pan]").tap()
    page.locator("[data-action=zoom-in]").tap()
    before = settle(page)
    touch("touchStart", (300, 400))
    state = touch("touchMove", (340, 430))
    touch("touchEnd")
    moved = (state["left"] - before["left"], state["top"] - before["top"])
    assert moved == pytest.approx((40, 30))
    assert (state["centre"], state["width"]) == (before["centre"], before["width"])


def test_the_keyboard_alone(opened: Page) -> None:
    def press(*keys: str) -> dict[str, Any]:
        for key in keys:
            opened.keyboard.press(key)
        return settle(opened)

    first = opened.evaluate("viewer.state")
    for _ in range(8):
        press("Tab")
        if opened.evaluate("document.activeElement.className") == "viewer-stage":
            break
    assert opened.evaluate("document.activeElement.matches('.viewer-stage:focus-visible')")
    assert press("z")["scale"] == 1
    state = opened.evaluate("viewer.state")
    moved = press("ArrowRight")
    assert moved["left"] < state["left"]
    assert press("ArrowLeft")["left"] == pytest.approx(state["left"], abs=1)
    assert press("ArrowDown")["top"] < state["top"]
    assert press("ArrowUp")["top"] == pytest.approx(state["top"], abs=1)
    assert press("+")["scale"] == 1.25
    assert press("-", "-")["scale"] == 0.8
    assert press("f")["fitted"]
    assert press("[")["width"] == 2850
    assert press("]")["width"] == 2850 + 143
    assert press("{")["centre"] == 2000 - 150
    assert press("}", "}")["centre"] == 2000 + 150
    assert press("Shift+ArrowUp")["centre"] == 2000
    assert press("Shift+ArrowDown")["centre"] == 2150
    assert press("Shift+ArrowLeft")["width"] < 2900
    assert press("Shift+ArrowRight")["width"] > 2900
    assert press("i")["inverted"]
    assert press("a")["width"] != 3000
    assert press("m")["map"]
    assert press(".")["opacity"] == 0.5
    assert press(",", ",")["opacity"] == 0.3
    assert press("o")["mapLabel"] == "map 1"
    assert not press("m")["map"]
    assert not press("g")["regions"]
    assert press("g")["regions"]
    assert press("d")["drag"] == "pan"
    assert press("d")["drag"] == "window"
    assert not press("s")["smooth"]
    opened.keyboard.down("h")
    assert settle(opened)["peeking"]
    assert opened.is_hidden(".viewer-canvas-regions")
    opened.keyboard.up("h")
    assert not settle(opened)["peeking"]
    state = press("r")
    same = ["centre", "width", "inverted", "scale", "left", "top"]
    assert [state[name] for name in same] == [first[name] for name in same]
    opened.wait_for_timeout(400)
    assert opened.text_content(".viewer-live") == "Reset. Window width 3000, centre 2000"


def test_every_key_has_a_button_that_does_the_same(opened: Page) -> None:
    """Each button is pressed, and something changes; none of the actions has only a key."""
    opened.click("[aria-label^='Small steps']")
    opened.keyboard.press("z")
    settle(opened)
    names = opened.eval_on_selector_all("[data-action]", "all => all.map(b => b.dataset.action)")
    keyed = opened.evaluate("viewer.actions.filter((a) => a.keys.length).map((a) => a.id)")
    # These have other controls: two buttons, the panel's arrows, a list, a slider.
    assert set(keyed) - set(names) == {"drag-other", "hold-pan", "next-map", "fainter", "stronger"}
    before = opened.evaluate("viewer.state")
    for name in sorted(set(names) - {"peek", "drag-window", "fit", "reset", "actual"}):
        assert opened.get_attribute(f"[data-action={name}]", "aria-label")
        opened.click(f"[data-action={name}]")
        after = settle(opened)
        assert after != before, name
        before = after
    opened.click("[data-action=zoom-in]")
    before = settle(opened)
    for name in ("actual", "fit", "reset", "drag-window"):
        opened.click(f"[data-action={name}]")
        after = settle(opened)
        assert after != before, name
        before = after
    opened.select_option(".viewer-map-controls select", "1")
    assert settle(opened)["mapId"] == "1"
    opened.locator(".viewer-map-controls input").fill("75")
    assert settle(opened)["opacity"] == 0.75
    opened.hover("[data-action=peek]")
    opened.mouse.down()
    assert settle(opened)["peeking"]
    opened.mouse.up()
    assert not settle(opened)["peeking"]
    opened.keyboard.down("Enter")
    assert settle(opened)["peeking"]
    opened.keyboard.up("Enter")
    assert not settle(opened)["peeking"]


def test_arrows_walk_along_the_toolbar_and_do_not_pan(opened: Page) -> None:
    opened.evaluate("viewer.actualSize()")
    before = settle(opened)
    opened.keyboard.press("Tab")
    label = "document.activeElement.getAttribute('aria-label')"
    assert opened.evaluate(label) == "Drag sets the window"
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(label) == "Drag pans"
    opened.keyboard.press("End")
    assert opened.evaluate(label) == "Keys and gestures"
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(label) == "Drag sets the window"
    assert settle(opened) == before


# Map, opacity, help.


def test_the_map_covers_the_image_as_strongly_as_it_is_said(open_page: Open, room: Room) -> None:
    pixels = np.full((400, 400), 100, np.uint8)
    colours = np.zeros((50, 50, 4), np.uint8)
    colours[:, 25:] = (255, 0, 0, 255)
    page = open_page()
    load(page, room.put_pixels("even", pixels), maps=[
        {"id": "half", "label": "half", "url": room.put_map("half", colours)}])  # fmt: skip
    assert photograph(page, 600, 400) == (100, 100, 100)  # off until it is asked for
    page.keyboard.press("m")
    page.wait_for_function("() => told.some(([name]) => name === 'viewer-map')")
    assert page.evaluate("told.at(-1)") == ["viewer-map", {"id": "half", "shown": True}]
    for share in (0.4, 0.9, 0):
        page.evaluate("(share) => viewer.setOpacity(share)", share)
        expected = [100 + share * (255 - 100), 100 - share * 100, 100 - share * 100]
        assert photograph(page, 600, 400) == pytest.approx(expected, abs=2)
        assert photograph(page, 300, 400) == (100, 100, 100)
    page.evaluate("viewer.setOpacity(0.7)")
    page.keyboard.press("m")
    assert photograph(page, 600, 400) == (100, 100, 100)
    page.reload()
    assert page.evaluate("viewer.state.opacity") == 0.7  # remembered


def photograph(page: Page, x: int, y: int) -> tuple[int, ...]:
    """The colour that the page really shows at a point."""
    settle(page)
    picture = page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    return Image.open(io.BytesIO(picture)).convert("RGB").getpixel((0, 0))


def test_the_help_lists_every_key_and_can_switch_them_off(opened: Page) -> None:
    opened.keyboard.press("?")
    assert opened.is_visible("dialog")
    text = opened.inner_text("dialog")
    for label in opened.evaluate("viewer.keys.list().map((one) => one.label)"):
        assert label in text
    opened.keyboard.press("i")
    assert not settle(opened)["inverted"]  # nothing moves behind the help
    opened.uncheck("dialog input")
    opened.keyboard.press("Escape")
    assert opened.is_hidden("dialog")
    opened.evaluate("document.activeElement.blur()")
    opened.keyboard.press("i")
    assert not settle(opened)["inverted"]
    opened.focus(".viewer-stage")
    opened.keyboard.press("i")
    assert settle(opened)["inverted"]


def test_the_page_adds_keys_and_no_key_twice(opened: Page) -> None:
    opened.evaluate(
        "() => { viewer.keys.add('Reading',"
        " [{ keys: ['n'], label: 'Next', run: () => told.push('next') }]); }"
    )
    opened.keyboard.press("n")
    assert opened.evaluate("told.at(-1)") == "next"
    message = opened.evaluate(
        "(() => { try { viewer.keys.add('x', [{keys: ['i'], label: 'x'}]); }"
        " catch (error) { return error.message; } })()"
    )
    assert message == 'The key "i" is taken: choose another one.'
    opened.evaluate("document.body.append(document.createElement('textarea'))")
    opened.focus("textarea")
    opened.keyboard.type("ni")
    assert opened.input_value("textarea") == "ni"
    assert not settle(opened)["inverted"]


# What goes wrong.


def refuse(page: Page, pixels: str) -> str:
    """Show what cannot be shown, and give the sentence."""
    assert page.evaluate("(pixels) => viewer.load({ pixels })", pixels) is False
    name, detail = page.evaluate("told.at(-1)")
    assert (name, detail["what"]) == ("viewer-error", "image")
    assert page.inner_text("[role=alert] p") == detail["message"]
    assert read_canvas(page)[..., :3].max() == 0  # nothing of the case before
    return detail["message"]


def test_what_cannot_be_shown_says_so_in_a_sentence(open_page: Open, room: Room) -> None:
    page = open_page(expects_failures=True)
    load_case(page, room)
    pixels = draw_nth(0, seed=0).pixels
    room.answers["/gone"] = Answer(
        b'{"title": "Gone", "detail": "case 7 was erased", "hint": "take the next one."}',
        {"Content-Type": "application/problem+json"}, 410,
    )  # fmt: skip
    room.answers["/out"] = Answer(b"", {}, 401)
    assert refuse(page, "/none") == (
        "The image could not be fetched: the server answered 404 Not Found."
    )
    assert refuse(page, "/gone").endswith("fetched: case 7 was erased; take the next one.")
    assert refuse(page, "/out").endswith("you are no longer signed in; sign in again.")
    assert refuse(page, room.put_pixels("short", pixels, X_Height="300")) == (
        "The image is not whole: 65,536 bytes came instead of 76,800."
    )
    assert refuse(page, room.put_pixels("bits", pixels, X_Bits="12")).startswith(
        "The image has 12 bits a pixel"
    )
    assert refuse(page, room.put_pixels("width", pixels, X_Width="-4")).endswith("X-Width is -4.")
    for name in ("invert", "map", "zoom-in"):
        assert page.is_disabled(f"[data-action={name}]")
    page.keyboard.press("i")
    page.mouse.wheel(0, -200)
    settle(page)
    # What was missing comes, and is shown.
    missing = "/api/v1/cases/late/pixels"
    refuse(page, missing)
    room.put_pixels("late", pixels)
    page.click("text=Try again")
    page.wait_for_function("() => viewer.state.hasImage")
    assert page.inner_text("[role=alert]") == ""


def test_a_missing_map_leaves_the_image(open_page: Open, room: Room) -> None:
    page = open_page(expects_failures=True)
    place = room.put_pixels("even", np.full((100, 100), 90, np.uint8))
    room.answers["/text.png"] = Answer(b"no picture", {"Content-Type": "image/png"})
    maps = [{"id": "a", "label": "a", "url": "/none.png"}]
    load(page, place, maps=[*maps, {"id": "b", "label": "b", "url": "/text.png"}])
    sentences = {
        "m": "The heat map could not be fetched: the server answered 404 Not Found.",
        "o": "The heat map cannot be shown: what came is not a picture.",
    }
    for key, sentence in sentences.items():
        page.keyboard.press(key)
        page.wait_for_function("(text) => told.at(-1)[1].message === text", arg=sentence)
        assert page.inner_text("[role=alert] p") == sentence
        assert not page.evaluate("viewer.state.map")
    assert photograph(page, 450, 400) == (90, 90, 90)
    page.click("text=Close")
    assert page.inner_text("[role=alert]") == ""


def test_the_next_case_is_not_the_one_before(open_page: Open, room: Room) -> None:
    """The case asked for last is shown, whatever comes first, and nothing of another one."""
    page = open_page()
    load_case(page, room)
    page.keyboard.press("i")
    small = room.put_pixels("small", np.full((50, 60), 200, np.uint8))
    large = room.put_pixels("large", draw_large(3000, 3000))
    both = page.evaluate(
        """async ([large, small]) => {
          const first = viewer.load({ pixels: large });
          const gone = [viewer.state.hasImage, viewer.state.inverted];
          return [await viewer.load({ pixels: small }), await first, ...gone];
        }""",
        [large, small],
    )
    assert both == [True, False, False, False]
    assert settle(page)["imageWidth"] == 60
    assert page.evaluate("told.filter(([name]) => name === 'viewer-ready').length") == 2


# How it is to use.


def test_a_resize_keeps_the_image_fitted_or_its_middle(opened: Page) -> None:
    opened.set_viewport_size({"width": 700, "height": 900})
    state = settle(opened)
    assert state["fitted"]
    assert state["scale"] == pytest.approx(700 / 1200)
    opened.evaluate("viewer.zoomBy(3)")
    before = settle(opened)
    opened.set_viewport_size({"width": 1000, "height": 900})
    after = settle(opened)
    assert after["scale"] == before["scale"]
    assert after["left"] == before["left"] + 150


@pytest.mark.parametrize("size", [(1280, 800), (768, 1024)])
def test_axe_finds_nothing_serious(open_page: Open, room: Room, size: tuple[int, int]) -> None:
    page = open_page(
        viewport={"width": size[0], "height": size[1]}, has_touch=size[0] < 1000, bypass_csp=True
    )
    load_case(page, room)
    page.keyboard.press("m")
    for key in (None, "?"):
        if key is not None:
            page.keyboard.press(key)
        found = Axe().run(page).response
        grave = [
            (one["id"], one["nodes"][0]["html"])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert grave == []
        assert len(found["passes"]) > 15
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_nothing_moves_while_a_case_is_loaded_and_used(open_page: Open, room: Room) -> None:
    page = open_page()
    page.evaluate(
        """() => {
          window.shifts = [];
          new PerformanceObserver((list) => shifts.push(...list.getEntries()))
            .observe({ type: "layout-shift", buffered: true });
        }"""
    )
    before = page.locator(".viewer-stage").bounding_box()
    load_case(page, room)
    for key in "miomg":
        page.keyboard.press(key)
    settle(page)
    assert page.locator(".viewer-stage").bounding_box() == before
    assert page.evaluate("shifts.length") == 0


@pytest.mark.parametrize("shape", [(3328, 3072), (8000, 8000)])
def test_how_long_a_large_image_takes(
    open_page: Open, room: Room, capsys: pytest.CaptureFixture[str], shape: tuple[int, int]
) -> None:
    pixels = np.tile(draw_large(832, 768), (10, 11))[: shape[0], : shape[1]]
    page = open_page(viewport={"width": 1280, "height": 1000})
    state = load(page, room.put_pixels("vast", pixels))
    assert (state["imageHeight"], state["imageWidth"]) == shape
    first = page.evaluate("told.at(-1)[1].milliseconds")
    frames = page.evaluate(
        """() => {
          const time = (change) => {
            const start = performance.now();
            for (let turn = 0; turn < 10; turn += 1) {
              change(turn);
              viewer.draw();
            }
            return (performance.now() - start) / 10;
          };
          const window_ = time((turn) => viewer.setWindow(2000 + turn, 3000));
          viewer.zoomBy(1.7);
          return [window_, time((turn) => viewer.panBy(turn, turn))];
        }"""
    )
    with capsys.disabled():
        megapixels = shape[0] * shape[1] / 1e6
        sys.stdout.write(
            f"\n{megapixels:.0f} megapixels: drawn after {first:.0f} ms; window in "
            f"{frames[0]:.1f} ms, pan in {frames[1]:.1f} ms a frame\n"
        )
