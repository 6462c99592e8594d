"""Prints what the quality checks do with real radiographs, and with faults planted in them.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/quality_figures.py SHARED. The weights and limits come from half of the
patients of each source (`quality_weights.py`), so everything is told apart by halves; planted
faults are counted on the half that was held out. Photographs and drawings are those that
scikit-image and scikit-learn bring along.
"""

import io
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import skimage.data
import sklearn.datasets
from PIL import Image, ImageDraw, ImageFont

from cxrlens.imaging import Scan, check_quality, try_read
from cxrlens.imaging.decoding import Decoder
from cxrlens.imaging.file_kind import recognise
from cxrlens.phantom import Traps, draw_nth
from cxrlens.vocabulary import ImageRefused, Refusal
from quality_weights import read_manifest

mpl.use("Agg")
from matplotlib import pyplot as plt

EVERY = 3
"""Faults are planted in every third radiograph that was held out."""

Picture = np.ndarray
"""Height x width in [0, 1]."""


def main() -> None:
    """Print all tables."""
    data = Path(sys.argv[1]) / "data"
    table = read_manifest(data)
    report_real(data, table)
    held = table[table.held_out].iloc[::EVERY]
    pictures = [decode(data / path).pixels for path in held.path]
    report_planted(pictures)
    report_axes(pictures[::20])
    report_photographs()
    report_drawn()
    report_phantoms()
    report_speed(pictures)


def report_real(data: Path, table: pd.DataFrame) -> None:
    """All radiographs as they are."""
    start = time.perf_counter()
    outcomes = [try_read(str(data / path)) for path in table.path]
    print(f"{len(table)} real radiographs read in {time.perf_counter() - start:.0f} s")
    for half, rows in table.assign(outcome=outcomes).groupby("held_out"):
        refused = [r for r in rows.outcome if isinstance(r, Refusal)]
        warned = Counter(
            w.reason for r in rows.outcome if not isinstance(r, Refusal) for w in r.warnings
        )
        title = "held out" if half else "fitted on"
        print(f"\n{title}: {len(rows)} images, {rows.patient.nunique()} patients")
        print(f"  refused {dict(Counter(r.reason for r in refused))}, warned {dict(warned)}")
    for path, outcome in zip(table.path, outcomes, strict=True):
        if isinstance(outcome, Refusal):
            print(f"  refused {path}: {outcome.reason} {outcome.figure:.3g}")
            continue
        for warning in outcome.warnings:
            if warning.reason != "burned-in-text":
                print(f"  warned  {path}: {warning.reason} {warning.figure:.3g}")


def report_planted(pictures: list[Picture]) -> None:
    """Faults that are arithmetic: each must raise the word that it is listed with."""
    faults: dict[str, tuple[str, Callable[[Picture], Picture]]] = {
        "as it is": ("", lambda x: x),
        "inverted": ("inverted", lambda x: 1 - x),
        "inverted, gamma 0.7": ("inverted", lambda x: (1 - x) ** 0.7),
        "inverted, gamma 1.4": ("inverted", lambda x: (1 - x) ** 1.4),
        "rotated 90": ("rotated", lambda x: np.rot90(x, 3)),
        "rotated 180": ("rotated", lambda x: np.rot90(x, 2)),
        "rotated 270": ("rotated", lambda x: np.rot90(x, 1)),
        "rotated 90, inverted": ("rotated", lambda x: np.rot90(1 - x, 3)),
        "quarter, top left": ("cropped", lambda x: cut(x, 0, 0.5, 0, 0.5)),
        "quarter, bottom right": ("cropped", lambda x: cut(x, 0.5, 1, 0.5, 1)),
        "left half": ("cropped", lambda x: cut(x, 0, 1, 0, 0.5)),
        "30 % cut at the right": ("cropped", lambda x: cut(x, 0, 1, 0, 0.7)),
        "40 % cut below": ("cropped", lambda x: cut(x, 0, 0.6, 0, 1)),
        "gain 1.5": ("saturated", lambda x: 1.5 * x),
        "gain 2": ("saturated", lambda x: 2 * x),
        "2 x, less 1": ("saturated", lambda x: 2 * x - 1),
        "a line of text": ("burned-in-text", write_line),
        "an arrow": ("burned-in-text", draw_arrow),
    }
    print(f"\nplanted in {len(pictures)} held-out radiographs: found | refused | other warnings")
    for title, (word, fault) in faults.items():
        outcomes = [judge(fault(picture)) for picture in pictures]
        found = sum(word in words for words in outcomes)
        refused = Counter(w for words in outcomes for w in words if w in ("blank", "not-chest"))
        other = Counter(w for words in outcomes for w in words if w not in (word, *refused))
        print(f"  {title:24}{found / len(pictures):7.1%}  {dict(refused)}  {dict(other)}")


def report_axes(pictures: list[Picture]) -> None:
    """Figures, windows and pages with a radiograph in them."""
    found: Counter[str] = Counter()
    for picture in pictures:
        for title, shot in draw_screenshots(picture):
            found[title] += "not-chest" in judge(shot)
    print(f"\nscreens with each of {len(pictures)} held-out radiographs: share refused")
    for title, n in found.items():
        print(f"  {title:24}{n / len(pictures):7.1%}")


def report_photographs() -> None:
    """Photographs in colour, and the same turned to grey."""
    folders = Path(skimage.data.__file__).parent, Path(sklearn.datasets.__file__).parent / "images"
    files = sorted(p for f in folders for p in f.iterdir() if p.suffix in (".png", ".jpg"))
    grey, colour = {}, {}
    for path in files:
        scan = decode(path)
        if scan.colourfulness > 0:
            colour[path.name] = judge(scan.pixels, scan.colourfulness)
        grey[path.name] = judge(scan.pixels)
    for title, outcomes in (("in colour", colour), ("all, turned to grey", grey)):
        passed = [n for n, words in outcomes.items() if not {"blank", "not-chest"} & set(words)]
        refused = 1 - len(passed) / len(outcomes)
        print(f"\n{len(outcomes)} photographs and drawings {title}: {refused:.0%} refused")
        print(f"  passed: {', '.join(passed)}")


def report_drawn() -> None:
    """Blank images, noise, gradients."""
    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[:512, :512] / 511
    drawn = {
        "one grey": lambda: np.full((512, 512), rng.random()),
        "one grey and noise": lambda: rng.normal(rng.random(), 0.01, (512, 512)),
        "white noise": lambda: rng.random((512, 512)),
        "coarse noise": lambda: np.kron(rng.random((32, 32)), np.ones((16, 16))),
        "gradient": lambda: (rows * rng.random() + cols * rng.random()) / 2,
        "disc": lambda: 1.0 * (np.hypot(rows - rng.random(), cols - rng.random()) < rng.random()),
    }
    print("\ndrawn, 100 of each: share refused")
    for title, make in drawn.items():
        refused = [bool({"blank", "not-chest"} & set(judge(make()))) for _ in range(100)]
        print(f"  {title:24}{np.mean(refused):7.1%}")


def report_phantoms() -> None:
    """Phantoms, a third of them with a corner marker, half of them from the second hospital."""
    traps = Traps(marker_on=("normal",), second_hospital=0.5)
    words = Counter(
        word
        for number in range(400)
        for word in judge(draw_nth(number, seed=5, traps=traps).pixels / 255)
    )
    print(f"\n400 phantoms: {dict(words)}")


def report_speed(pictures: list[Picture]) -> None:
    """Milliseconds a radiograph of 1024 x 1024."""
    scans = [
        Scan(np.asarray(Image.fromarray(picture).resize((1024, 1024))))
        for picture in pictures[:100]
    ]
    start = time.process_time()
    for scan in scans:
        judge(scan.pixels)
    spent = (time.process_time() - start) / len(scans) * 1e3
    print(f"\n{spent:.1f} ms of one core each at 1024 x 1024")


def judge(pixels: Picture, colourfulness: float = 0.0) -> list[str]:
    """Give the word of the refusal, or those of the warnings."""
    grey = np.ascontiguousarray(np.clip(pixels, 0, 1), dtype=np.float32)
    try:
        scan = check_quality("x", Scan(grey, colourfulness=colourfulness))
    except ImageRefused as refused:
        return [refused.reason]
    return [warning.reason for warning in scan.warnings]


def decode(path: Path) -> Scan:
    """Decode a file without judging it."""
    content = path.read_bytes()
    return Decoder(path.name, content, recognise(content[:512])).decode()


def cut(x: Picture, top: float, bottom: float, left: float, right: float) -> Picture:
    """Give the part of a picture between shares of its height and width."""
    rows, cols = x.shape
    return x[int(top * rows) : int(bottom * rows), int(left * cols) : int(right * cols)]


def write_line(x: Picture) -> Picture:
    """Write a line of white text into the upper left."""
    image = Image.fromarray(np.rint(255 * x).astype(np.uint8))
    size = max(9, min(x.shape) // 28)
    ImageDraw.Draw(image).text(
        (size, size), "PORTABLE AP 14:32  ERECT", fill=255, font=ImageFont.load_default(size)
    )
    return np.asarray(image) / 255


def draw_arrow(x: Picture) -> Picture:
    """Draw a white arrow onto the right lung, an eighth of the image long."""
    image = Image.fromarray(np.rint(255 * x).astype(np.uint8))
    rows, cols = x.shape
    pen, width = ImageDraw.Draw(image), max(2, min(x.shape) // 60)
    tip, tail = (0.3 * cols, 0.35 * rows), (0.42 * cols, 0.45 * rows)
    pen.line((*tip, *tail), fill=255, width=width)
    corners = (-2, -2), (3, 0), (0, 3)
    pen.polygon([(tip[0] + a * width, tip[1] + b * width) for a, b in corners], fill=255)
    return np.asarray(image) / 255


def draw_screenshots(x: Picture) -> Iterator[tuple[str, Picture]]:
    """Give figures, viewer windows and pages with a radiograph in them."""
    for title, options in (("figure", {}), ("figure, 200 dpi", {"dpi": 200})):
        figure, axes = plt.subplots(**options)
        axes.imshow(x, cmap="gray")
        yield title, render(figure)
    figure, axes = plt.subplots()
    figure.colorbar(axes.imshow(x, cmap="gray"))
    axes.set_title("Patient 7")
    yield "with colour bar and title", render(figure)
    figure, axes = plt.subplots()
    axes.imshow(x, cmap="gray")
    yield "figure as JPEG", render(figure, "jpeg")
    figure, axes = plt.subplots(1, 2)
    for one in axes:
        one.imshow(x, cmap="gray")
    yield "two side by side", render(figure)
    figure, axes = plt.subplots()
    axes.hist(x.ravel(), 50)
    yield "histogram", render(figure)
    with plt.style.context("dark_background"):
        figure, axes = plt.subplots()
        axes.imshow(x, cmap="gray")
        yield "figure, dark", render(figure)
    picture = Image.fromarray(np.rint(255 * x).astype(np.uint8)).resize((840, 680))
    for title, ground, ink in (("window, light", 240, 20), ("window, dark grey", 45, 220)):
        window = Image.new("L", (1000, 760), ground)
        pen = ImageDraw.Draw(window)
        for i, word in enumerate(("File", "Edit", "View", "Image", "Help")):
            pen.text((12 + 80 * i, 8), word, fill=ink, font_size=18)
        for i in range(9):
            pen.rectangle((12, 50 + 70 * i, 110, 100 + 70 * i), outline=ink)
        window.paste(picture, (140, 40))
        yield title, np.asarray(window) / 255
    page = Image.new("L", (850, 1100), 255)
    pen = ImageDraw.Draw(page)
    for i in range(40):
        pen.text((70, 60 + 24 * i), "The heart is not enlarged, the lungs are clear.", font_size=18)
    yield "page of text", np.asarray(page) / 255
    page.paste(picture.resize((500, 500)), (170, 300))
    yield "page with radiograph", np.asarray(page) / 255


def render(figure: plt.Figure, kind: str = "png") -> Picture:
    """Save a figure and read it as grey."""
    file = io.BytesIO()
    figure.savefig(file, format=kind)
    plt.close(figure)
    return np.asarray(Image.open(file).convert("RGB").convert("L")) / 255


if __name__ == "__main__":
    main()
