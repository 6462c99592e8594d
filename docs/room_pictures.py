"""The pictures of docs/reading-room.md: `python docs/room_pictures.py BUNDLE`.

SPDX-License-Identifier: Apache-2.0

BUNDLE is that of `cxrlens demo`, beside whose `data` it is looked for. Two readers that are
simulated read 28 phantoms in shadow and 16 in assistance; the truth is known of half of them. In
a second room one of them reads 200 in shadow, and the machine may decide about 100 more.
"""

import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from cxrlens.client import ReadingRoom, answer
from cxrlens.client.automation import GateSettings, PromiseNew
from cxrlens.client.messages import RoomSettings

FOLDER = Path(__file__).parent
N_SHADOW, N_ASSISTED = 28, 16
N_ALONE, N_DECIDED = 200, 100
PATIENTS = 80
"""At stake, after whom the promise is tested."""

SIZE = {"width": 1280, "height": 800}


def main() -> None:
    """Serve two rooms, read in them, and take the pictures."""
    bundle = Path(sys.argv[1])
    files = sorted((bundle.parent / "data" / "test").glob("*/*.png"))
    random.Random(1).shuffle(files)  # noqa: S311 - a simulation
    with serve(bundle) as (url, token):
        fill(url, token, files)
    with serve(bundle) as (url, token):
        automate(url, token, files)


@contextmanager
def serve(bundle: Path) -> Iterator[tuple[str, str]]:
    """Serve a new room in shadow; gives its address and the token of its admin."""
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
            yield find_link(log)
        finally:
            process.terminate()
            process.wait()


def find_link(log: Path) -> tuple[str, str]:
    """Wait for the address that the room prints."""
    while not (found := re.search(r"open (http://[^\s/]+)/sign-in#(\S+)", log.read_text())):
        time.sleep(0.1)
    return found[1], found[2]


def fill(url: str, token: str, files: list[Path]) -> None:
    """Hand images in, let them be read, and take the pictures on the way."""
    chance = random.Random(1)  # noqa: S311 - a simulation
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


def automate(url: str, token: str, files: list[Path]) -> None:
    """Promise, certify, let the machine decide, read what was drawn, and take the pictures."""
    chance = random.Random(2)  # noqa: S311 - a simulation
    with ReadingRoom(url, token) as room:
        names = [one.name for one in room.get_room().classes]
        readers = [make_reader(room, name) for name in ("Dr. Ana Reyes", "Dr. Ben Okafor")]
        cases = hand_in(room, files[:N_ALONE])
        read(url, readers, cases, names, chance)
        promise = room.make_promise(
            PromiseNew(
                finding="normal", decides="positive", risk=0.1, looks=(PATIENTS,),
                expires=(datetime.now(UTC) + timedelta(days=180)).isoformat(), drift_window=20,
            )
        )  # fmt: skip
        for case_id, truth in cases:
            room.set_reference(case_id, {name: name == truth for name in names}, "as drawn")
        room.set_gates(GateSettings(shadow_cases=100, sensitivity=0.6, risk=0.1))
        room.set_settings(
            RoomSettings(
                reveal="after-commit", asks_first=False, readers_per_case=1, spot_check_percent=20
            )
        )
        certificate = room.test_promise(promise.id)
        room.set_level("partial", "the certificate of the morning list holds")
        hand_in(room, files[N_ALONE : N_ALONE + N_DECIDED])
        truth_of = {f"D-{number_patient(file)}": file.parent.name for file in files}
        left = [(one.id, truth_of[one.patient]) for page in room.list_cases() for one in page.cases]
        read(url, readers, left, names, chance, share_right=0.95)
        take(url, token, "/automation", "phantom-reading-room-automation.png")
        place = f"/automation#certificate-{certificate.id}"
        take(url, token, place, "phantom-reading-room-certificate.png")


def number_patient(file: Path) -> str:
    """Give the number of a phantom's patient."""
    return file.stem.removeprefix("phantom").partition("_")[0]


def make_reader(room: ReadingRoom, name: str) -> str:
    """Add a reader, and give their token."""
    return room.make_token(room.add_person(name, "reader").id, "desk").secret


def hand_in(room: ReadingRoom, files: list[Path]) -> list[tuple[str, str]]:
    """Hand images in, and wait until each was checked and answered."""
    cases = []
    for file in files:
        receipt = room.upload([file], patient_id=f"D-{number_patient(file)}")
        cases.append((str(receipt.images[0].id), file.parent.name))
    while next(room.list_cases(limit=1)).n_waiting:
        time.sleep(0.2)
    while room.get_automation().times.n_answers:
        time.sleep(0.2)
    return cases


def read(
    url: str,
    readers: list[str],
    cases: list[tuple[str, str]],
    names: list[str],
    chance: random.Random,
    share_right: float = 6 / 7,
) -> None:
    """Let readers read who are right so often, and listen to the model now and then."""
    for number, (case_id, truth) in enumerate(cases):
        said = truth if chance.random() < share_right else chance.choice(names)
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
