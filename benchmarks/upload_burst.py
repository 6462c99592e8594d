"""A thousand images handed in at once: are all taken, how soon, and in how much memory.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/upload_burst.py runs/demo/bundle --uploads 1000

Serves a new room in a folder of its own, and sends it as many requests at once as images, each on
a connection of its own, by a client that comes again after the seconds that Retry-After says.
Images are drawn radiographs enlarged to 1024 pixels, JPEG; no two files are alike. Memory is the
most that each process held (VmHWM).
"""

import argparse
import asyncio
import io
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx2
import numpy as np
from PIL import Image

from cxrlens.phantom import draw_nth

N_DRAWN = 24
SIDE = 1024


def draw_files(n: int) -> list[bytes]:
    """Make as many JPEG files, no two alike."""
    drawn = [
        Image.fromarray(draw_nth(number, seed=5).pixels).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC
        )
        for number in range(N_DRAWN)
    ]
    rng = np.random.default_rng(0)
    grain = [
        Image.fromarray(
            np.clip(np.asarray(one) + rng.normal(0, 4, (SIDE, SIDE)), 0, 255).astype(np.uint8)
        )
        for one in drawn
    ]
    files = []
    for number in range(n):
        written = io.BytesIO()
        pixels = np.array(grain[number % N_DRAWN])
        pixels[:16, :16], pixels[:16, 16:32] = number % 256, number // 256  # no two alike
        Image.fromarray(pixels).save(written, "JPEG", quality=95)
        files.append(written.getvalue())
    return files


class Tally:
    """What the client saw."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.ids: list[str] = []


async def send(client: httpx2.AsyncClient, number: int, data: bytes, tally: Tally) -> None:
    """Send one image until it is taken."""
    start = time.monotonic()
    while True:
        try:
            answer = await client.post(
                "/api/v1/images", files={"file": (f"{number}.jpg", data, "image/jpeg")}
            )
        except httpx2.TransportError as error:
            tally.answers[type(error).__name__] += 1
            await asyncio.sleep(1)
            continue
        tally.answers[str(answer.status_code)] += 1
        if answer.status_code == 202:
            tally.seconds.append(time.monotonic() - start)
            tally.ids.append(answer.json()["images"][0]["id"])
            return
        await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))


async def send_all(url: str, token: str, files: list[bytes]) -> Tally:
    """Send all at once."""
    tally = Tally()
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(
        base_url=url, headers=headers, timeout=300, limits=limits
    ) as client:
        await asyncio.gather(
            *(send(client, number, data, tally) for number, data in enumerate(files))
        )
    return tally


def find_link(log: Path) -> tuple[str, str]:
    """Wait for the address that the room prints."""
    for _ in range(1200):
        found = re.search(r"open (http://[^\s/]+)/sign-in#(\S+)", log.read_text())
        if found:
            return found[1], found[2]
        time.sleep(0.1)
    raise SystemExit(f"the room did not start: {log.read_text()}")


def read_peak(pid: int) -> float:
    """The most memory that a process held, in MB (10^6 bytes)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6


def list_children(pid: int) -> dict[str, int]:
    """The processes of a server, by the module that each runs."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = {one for path in threads for one in path.read_text().split()} | set(children)
    named = {}
    for one in children:
        words = Path(f"/proc/{one}/cmdline").read_text().split("\0")
        named[next((word for word in words if "cxrlens" in word and "." in word), one)] = int(one)
    return named


def count_left(url: str, token: str) -> tuple[int, int]:
    """Images whose check waits, and images that can be read."""
    headers = {"Authorization": f"Bearer {token}"}
    found = httpx2.get(f"{url}/api/v1/cases?limit=1", headers=headers, timeout=60).json()
    return found["n_waiting"], found["n_open"]


def main() -> None:
    """Serve, send, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--level", default="assistance")
    given = parser.parse_args()
    files = draw_files(given.uploads)
    size = sum(map(len, files)) / len(files) / 1e6
    print(f"{len(files)} JPEG files of {SIDE} x {SIDE} pixels, {size:.2f} MB each")
    with tempfile.TemporaryDirectory() as place:
        log = Path(place, "log.txt")
        command = [sys.executable, "-m", "cxrlens.cli", "serve", str(given.bundle)]
        command += ["--room", f"{place}/room", "--port", "0", "--level", given.level]
        with log.open("wb") as said:
            server = subprocess.Popen(command, stdout=said, stderr=said)  # noqa: S603 - our own
        try:
            url, token = find_link(log)
            before = read_peak(server.pid)
            start = time.monotonic()
            tally = asyncio.run(send_all(url, token, files))
            taken = time.monotonic() - start
            while count_left(url, token)[0]:
                time.sleep(0.2)
            checked = time.monotonic() - start
            n_open = count_left(url, token)[1]
            seconds = np.percentile(tally.seconds, [50, 95, 100])
            print(f"answers: {dict(tally.answers)}")
            print(f"all accepted after {taken:.1f} s, all checked after {checked:.1f} s")
            print(
                "seconds until accepted: median {:.1f}, 95 % {:.1f}, last {:.1f}".format(*seconds)
            )
            print(f"ids: {len(set(tally.ids))} different; cases that can be read: {n_open}")
            print(f"server: {before:.0f} MB before, {read_peak(server.pid):.0f} MB at most")
            for name, pid in sorted(list_children(server.pid).items()):
                print(f"{name}: {read_peak(pid):.0f} MB at most")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
