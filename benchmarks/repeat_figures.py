"""How well repeats are found: copies of real radiographs, and pairs of different patients.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/repeat_figures.py SHARED [--copies N]

SHARED/data/pneumonia2 holds class folders of children, of whom names hold the patient. Copies are
made from every k-th image, whole collection beside them, and searched for as the audit does.
"""

import argparse
import io
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from cxrlens.audit.looking import SIDE, shrink
from cxrlens.audit.repeats import find_near
from cxrlens.data import read_table
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import Silence, digest

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--copies", type=int, default=200, help="images that are copied")
    options = parser.parse_args()
    table = read_table(options.shared / "data" / "pneumonia2")
    files = [Path(name).read_bytes() for name in table.images]
    first = {digest(data): row for row, data in reversed(list(enumerate(files)))}
    rows = sorted(first.values())
    print(
        f"pneumonia2: {len(files)} images, {len(files) - len(rows)} byte-identical ones set aside"
    )
    images = [Image.open(io.BytesIO(files[row])).convert("L") for row in rows]
    patients = [str(table.patients[row]) for row in rows]
    judge_strangers("pneumonia2", images, patients)
    judge_copies("pneumonia2", images, options.copies)
    phantoms = [draw_nth(number, seed=5) for number in range(360)]
    drawn = [Image.fromarray(one.pixels) for one in phantoms]
    judge_strangers("phantoms", drawn, [one.patient_id for one in phantoms])
    judge_copies("phantoms", drawn, min(options.copies, 90))


def judge_strangers(name: str, images: list[Image.Image], patients: list[str]) -> None:
    """Pairs of different patients that are taken for one picture."""
    start = time.process_time()
    found = find_near(squares(images), Silence())
    seconds = time.process_time() - start
    n_pairs = sum(one != two for one, two in combinations(patients, 2))
    wrong = [r for i, j, r in found if patients[i] != patients[j]]
    own = len(found) - len(wrong)
    print(
        f"{name}: {len(wrong)} false matches in {n_pairs:,} pairs of different patients "
        f"({1e6 * len(wrong) / n_pairs:.2f} in a million); {own} pairs of one patient; "
        f"{seconds:.0f} s of one core"
    )


def judge_copies(name: str, images: list[Image.Image], n_copies: int) -> None:
    """Share of copies that are found among all other images."""
    plain = squares(images)
    rows = np.linspace(0, len(images) - 1, n_copies).astype(int)
    for told, change in CHANGES.items():
        generator = np.random.default_rng(0)
        copies = squares([change(images[row], generator) for row in rows])
        found = {(i, j) for i, j, _ in find_near(np.concatenate([plain, copies]), Silence())}
        hits = sum((int(row), len(plain) + k) in found for k, row in enumerate(rows))
        print(f"{name}: {told}: {hits} of {n_copies} copies found ({hits / n_copies:.3f})")


def squares(images: list[Image.Image]) -> np.ndarray:
    """As the audit keeps them."""
    greys = [np.asarray(image, dtype=np.float32) / np.float32(255) for image in images]
    return np.stack([shrink(grey, SIDE) for grey in greys]).astype(np.float16)


def resize(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """To 0.4 to 1.6 of its sides, which change by up to a tenth against each other."""
    share, stretch = generator.uniform(0.4, 1.6), generator.uniform(0.95, 1.05)
    size = round(image.width * share * stretch), round(image.height * share / stretch)
    return image.resize(size, Image.Resampling.BICUBIC)


def compress(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """As JPEG of quality 30 to 90."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(generator.integers(30, 91)))
    return Image.open(file).convert("L")


def brighten(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Gamma 0.7 to 1.4, contrast 0.8 to 1.2, brightness -0.1 to 0.1, clipped."""
    grey = (np.asarray(image, dtype=np.float64) / 255) ** generator.uniform(0.7, 1.4)
    grey = grey * generator.uniform(0.8, 1.2) + generator.uniform(-0.1, 0.1)
    return Image.fromarray(np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8))


def crop(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """A window of 95 % of each side, anywhere."""
    width, height = round(0.95 * image.width), round(0.95 * image.height)
    left = int(generator.integers(image.width - width + 1))
    top = int(generator.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def trim(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """Five percent off each of the four sides."""
    left, top = round(0.05 * image.width), round(0.05 * image.height)
    return image.crop((left, top, image.width - left, image.height - top))


CHANGES: dict[str, Change] = {
    "resized to 0.4-1.6": resize,
    "JPEG of quality 30-90": compress,
    "brightness, contrast and gamma": brighten,
    "5 % crop (95 % of each side, anywhere)": crop,
    "5 % off each of the four sides": trim,
}


if __name__ == "__main__":
    main()
