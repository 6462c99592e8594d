"""The pictures of docs/reading-room.md: `python docs/room_pictures.py BUNDLE`.

SPDX-License-Identifier: Apache-2.0

BUNDLE is that of `cxrlens demo`, beside whose `data` it is looked for. Two readers that are
simulated read 28 phantoms in shadow and 16 in assistance; the truth is known of half of them.
"""

import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from cxrlens.client import ReadingRoom, answer
from cxrlens.client.messages import RoomSettings

FOLDER = Path(__file__).parent
N_SHADOW, N_ASSISTED = 28, 16
SIZE = {"width": 1280, "height": 800}


def main() -> None:
    """Serve a room, read in it, and take the pictures."""
    bundle = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        log = Path(place, "log.txt")
        command = [sys.executable, "-m", "cxrlens.cli", "serve", str(bundle)]
        command += ["--room", f"{place}/room", "--port", "0", "--level", "shadow"]
        with log.open("wb") as said:
            process = subprocess.Popen(  # noqa: S603 - our own
                [*command, "--purpose", "phantom", "--name", "Chest, morning list"],
                stdout=said,
                stderr=said,
            )
        try:
            url, token = find_link(log)
            fill(url, token, bundle.parent / "data" / "test")
        finally:
            process.terminate()
            process.wait()


def find_link(log: Path) -> tuple[str, str]:
    """Wait for the address that the room prints."""
    while not (found := re.search(r"open (http://[^\s/]+)/sign-in#(\S+)", log.read_text())):
        time.sleep(0.1)
    return found[1], found[2]


def fill(url: str, token: str, data: Path) -> None:
    """Hand images in, let them be read, and take the pictures on the way."""
    chance = random.Random(1)  # noqa: S311 - a simulation
    files = sorted(data.glob("*/*.png"))
    chance.shuffle(files)
    with ReadingRoom(url, token) as room:
        names = [one.name for one in room.get_room().classes]
        readers = [make_reader(room, name) for name in ("Dr. Ana Reyes", "Dr. Ben Okafor")]
        settings = RoomSettings(reveal="after-commit", asks_first=False, readers_per_case=1)
        cases = hand_in(room, files[:N_SHADOW])
        take(url, readers[0], "/", "phantom-reading-room-worklist.png")
        read(url, readers, cases[:-4], names, chance)
        room.set_level("assistance", "shadow has shown enough")
        late = files[N_SHADOW : N_SHADOW + N_ASSISTED]
        room.set_settings(settings.model_copy(update={"asks_first": True}))
        cases += hand_in(room, late)
        read(url, readers, cases[N_SHADOW:-4], names, chance)
        room.set_settings(settings)
        for case_id, truth in cases[::2]:
            room.set_reference(case_id, {name: name == truth for name in names}, "as drawn")
        shown = next(one for one, truth in cases[-4:] if truth != "normal")
        take(url, readers[0], f"/cases/{shown}", "phantom-reading-room-case.png", "m")
        take(url, token, "/outcomes", "phantom-reading-room-outcomes.png")


def make_reader(room: ReadingRoom, name: str) -> str:
    """Add a reader, and give their token."""
    return room.make_token(room.add_person(name, "reader").id, "desk").secret


def hand_in(room: ReadingRoom, files: list[Path]) -> list[tuple[str, str]]:
    """Hand images in, and wait until each was checked and answered."""
    cases = []
    for file in files:
        patient = "D-" + file.stem.removeprefix("phantom").partition("_")[0]
        receipt = room.upload([file], patient_id=patient)
        cases.append((str(receipt.images[0].id), file.parent.name))
    while next(room.list_cases(limit=1)).n_waiting:
        time.sleep(0.2)
    time.sleep(5)
    return cases


def read(
    url: str,
    readers: list[str],
    cases: list[tuple[str, str]],
    names: list[str],
    chance: random.Random,
) -> None:
    """Let readers read who are right six times in seven, and listen to the model now and then."""
    for number, (case_id, truth) in enumerate(cases):
        said = truth if chance.random() < 6 / 7 else chance.choice(names)
        with ReadingRoom(url, readers[number % 2]) as room:
            case = room.get_case(case_id)
            if "first-answer" in case.may:
                case = room.answer_first(case_id, answer(names, [said], 4))
                if case.machine is not None and chance.random() < 0.4:
                    said = case.machine.decision
            room.commit(case_id, answer(names, [said], chance.randint(3, 5)))


def take(url: str, token: str, path: str, name: str, *keys: str) -> None:
    """Take a picture of a page, after some keys."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.goto(f"{url}/sign-in#{token}")
        page.wait_for_url(f"{url}/")
        page.goto(f"{url}{path}")
        settle(page, keys)
        page.screenshot(path=FOLDER / name)
        browser.close()


def settle(page: Page, keys: tuple[str, ...]) -> None:
    """Wait until nothing is asked any more, and press keys."""
    page.wait_for_timeout(2500)
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(1500)


if __name__ == "__main__":
    main()
