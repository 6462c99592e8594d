"""The worklist in a browser: images come in, and stand there without a reload.

SPDX-License-Identifier: Apache-2.0
"""

import io
import os
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.serving.service import QUEUE_LIMIT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def room(start_room) -> "ServedRoom":
    """A room in shadow."""
    return start_room(level="shadow")


def find_worker(pid: int, module: str) -> int:
    # A thread watches each worker, and so a worker is the child of a thread.
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [child for task in tasks for child in task.read_text().split()]
    (found,) = (one for one in children if module in Path(f"/proc/{one}/cmdline").read_text())
    return int(found)


def pack(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def draw_small(number: int) -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.full((8, 8 + number // 200), number % 200, np.uint8)).save(written, "PNG")
    return written.getvalue()


def test_files_and_archives_are_answered_each(room, visit, phantoms, tmp_path: Path) -> None:
    one = visit(room, room.add_person("sender"))
    text = tmp_path / "letter.png"
    text.write_text("no image")
    archive = pack(tmp_path, {"a.png": phantoms[1].read_bytes(), "b.png": b"nothing"})
    one.page.set_input_files("#files", [phantoms[0], phantoms[0], text, archive])
    one.until("document.querySelector('#outbox-sum').textContent.startsWith('4 of 4')")
    assert one.page.inner_text("#outbox-sum") == (
        "4 of 4 files sent · 2 accepted · 1 known already · 2 refused"
    )
    lines = one.page.locator("#outbox-list li").all_inner_texts()
    assert any("letter.png" in line and "The file is plain text" in line for line in lines)
    assert any("some.zip, image 2" in line for line in lines)
    assert any("archive: 1 accepted, 1 refused" in line for line in lines)
    one.until("document.querySelectorAll('#rows tr').length === 2")
    one.page.click("#outbox-close")
    assert one.page.locator("#outbox").is_hidden()


def test_known_bytes_for_another_patient_are_told(room, visit, phantoms) -> None:
    room.upload(phantoms[9:10], patient_id="ZEBRA-1")
    one = visit(room, room.add_person("careful"))
    one.page.fill("#patient", "OKAPI-2")
    one.page.set_input_files("#files", [phantoms[9]])
    one.until("document.querySelector('#outbox-sum').textContent.startsWith('1 of 1')")
    (line,) = one.page.locator("#outbox-list li").all_inner_texts()
    assert "not under the patient ID that was given now" in line
    assert "ZEBRA" not in line


def test_dropped_files_come_in(room, visit, phantoms) -> None:
    one = visit(room, room.add_person("dropper"))
    one.page.evaluate(
        """(bytes) => {
          const transfer = new DataTransfer();
          const file = new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" });
          transfer.items.add(file);
          const fire = (name) => document.body.dispatchEvent(new DragEvent(name, {
            dataTransfer: transfer, bubbles: true, cancelable: true }));
          fire("dragenter");
          window.isShown = !document.querySelector("#drop").hidden;
          fire("dragover");
          fire("drop");
        }""",
        list(phantoms[2].read_bytes()),
    )
    assert one.page.evaluate("window.isShown")
    one.until("document.querySelector('#outbox-sum').textContent.includes('1 accepted')")
    assert one.page.locator("#drop").is_hidden()


def test_a_list_lives_and_narrows(room, visit, phantoms) -> None:
    one = visit(room, room.add_person("watcher"))
    room.wait_checked(room.upload(phantoms[10:12], "SOUGHT-7"))
    one.until("document.querySelector('#rows').textContent.includes('SOUGHT-7')")
    one.page.keyboard.press("/")
    one.page.keyboard.type("sought")
    one.until("document.querySelectorAll('#rows tr').length === 2")
    one.page.keyboard.press("ArrowDown")
    assert one.page.evaluate("document.activeElement.className") == "case-link"
    first = one.page.evaluate("document.activeElement.dataset.id")
    one.page.keyboard.press("j")
    assert one.page.evaluate("document.activeElement.dataset.id") != first
    one.page.keyboard.press("k")
    # The focus outlives what happens meanwhile.
    room.upload(phantoms[12:13], "SOUGHT-8")
    one.until("document.querySelectorAll('#rows tr').length === 3")
    assert one.page.evaluate("document.activeElement.dataset.id") == first
    one.page.fill("#search", "no such patient")
    one.page.wait_for_selector("#empty:not([hidden])")
    assert "No case fits" in one.page.inner_text("#empty")
    one.page.fill("#search", "")
    one.page.keyboard.press("Tab")
    one.page.keyboard.press("3")
    one.until("document.querySelector('[data-shown=refused]').ariaPressed === 'true'")
    assert one.page.locator("th.machine:visible").count() == 0


def test_a_long_list_has_pages(room, visit, phantoms) -> None:
    room.upload(phantoms[14:68])
    one = visit(room, room.add_person("pager"))
    one.until("document.querySelectorAll('#rows tr').length === 50")
    assert one.page.inner_text("#place") == "1 to 50"
    one.page.click("#after")
    one.until("document.querySelector('#place').textContent.startsWith('51')")
    assert one.page.locator("#before").is_enabled()
    assert one.page.locator("#after").is_disabled()


def test_a_busy_room_is_waited_for(room, visit, phantoms, tmp_path: Path) -> None:
    worker = find_worker(room.process.pid, "check_worker")
    one = visit(room, room.add_person("patient sender"))
    os.kill(worker, signal.SIGSTOP)
    try:
        many = pack(tmp_path, {f"{at}.png": draw_small(at) for at in range(QUEUE_LIMIT)})
        done = room.ask("POST", "/images", files={"file": ("many.zip", many.read_bytes())})
        assert done.status_code == 202
        one.page.set_input_files("#files", [phantoms[70], phantoms[71]])
        one.until("document.querySelector('#outbox-sum').textContent.includes('The room is busy')")
    finally:
        os.kill(worker, signal.SIGCONT)
    one.until("document.querySelector('#outbox-sum').textContent.includes('2 accepted')")
    assert "busy" not in one.page.inner_text("#outbox-sum")


def test_a_file_that_did_not_go_is_sent_again(room, visit, tmp_path: Path, phantoms) -> None:
    one = visit(room, room.add_person("without a net"))
    path = tmp_path / "late.png"
    path.write_bytes(draw_small(5000))
    one.context.set_offline(True)
    one.page.set_input_files("#files", [path])
    one.until("document.querySelector('#outbox-sum').textContent.includes('does not answer')")
    one.context.set_offline(False)
    one.until("document.querySelector('#outbox-sum').textContent.includes('1 accepted')")
