"""How well the lung field agrees with lungs that people drew, and how long it takes.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/lung_field_figures.py SHARED [--pictures FOLDER]

SHARED/data holds `manifest.csv` (columns path, patient_id, view, lung_mask, task, label), the lung
masks and `boxes.csv`. The constants of the lung field were chosen on half of the patients; the
other half is held out. The masks (V7 Labs) and the boxes include the heart region.
"""

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage

from cxrlens.evaluation.means import measure_mean
from cxrlens.imaging import find_lung_field, outline, read_mask
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import GreyImage, PixelMask

N_PHANTOMS = 200
N_WORST = 12


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--pictures", type=Path, help="a folder for the worst, as overlays")
    options = parser.parse_args()
    data = options.shared / "data"
    manifest = pd.read_csv(data / "manifest.csv", low_memory=False)
    masked = manifest[manifest["lung_mask"].notna()].reset_index(drop=True)
    judge_masks(data, masked, options.pictures)
    judge_boxes(data, manifest)
    judge_phantoms()
    count_unsure(data, manifest)


def judge_masks(data: Path, masked: pd.DataFrame, pictures: Path | None) -> None:
    """Dice against the drawn masks, by half of patients and by view."""
    rows = [judge_mask(data / row.path, data / row.lung_mask) for row in masked.itertuples()]
    masked[["dice", "confidence", "ms"]] = rows
    held_out = masked[[is_held_out(patient) for patient in masked["patient_id"]]]
    chosen_on = masked.drop(held_out.index)
    print("lung masks (they include the heart region)")
    for name, part in (("all", masked), ("held out", held_out), ("chosen on", chosen_on)):
        print(f"  {name:10} Dice {tell(part['dice'], part['patient_id'])}")
    for view, part in held_out.groupby("view"):
        print(f"  held out, {view:10} Dice {tell(part['dice'], part['patient_id'])}")
    low = held_out["confidence"] < 0.5
    print(
        f"  held out: {(held_out['dice'] < 0.85).sum()} of {len(held_out)} below 0.85; confidence "
        f"below 0.5: {low.sum()}, their mean Dice {held_out['dice'][low].mean():.3f}"
    )
    worst = masked.sort_values("dice").head(N_WORST)
    for row in worst.itertuples():
        print(
            f"  {row.dice:.3f} confidence {row.confidence:.2f} {row.view:9} {Path(row.path).name}"
        )
    print(f"  time: median {masked['ms'].median():.0f} ms of one core an image")
    if pictures is not None:
        draw_worst(data, worst, pictures)


def judge_mask(image: Path, mask: Path) -> tuple[float, float, float]:
    """Dice, confidence and milliseconds of one image."""
    pixels, truth = read(image), read_mask(mask)
    start = time.process_time()
    field = find_lung_field(pixels)
    taken = time.process_time() - start
    return measure_dice(field.mask, truth), field.confidence, 1000 * taken


def judge_boxes(data: Path, manifest: pd.DataFrame) -> None:
    """Overlap of the box around each lung with boxes that other people drew."""
    boxes = pd.read_csv(data / "boxes.csv")
    boxes = boxes[boxes["label"].str.startswith("lung:")]
    patients = manifest.drop_duplicates("path").set_index("path")["patient_id"]
    found = []
    for path, group in boxes.groupby("path"):
        pixels = read(data / str(path))
        scale = pixels.shape[1] / group["image_w"].iloc[0]
        ends = [group["x"], group["y"], group["x"] + group["w"], group["y"] + group["h"]]
        drawn = sorted((np.stack(ends, axis=1) * scale).tolist())
        overlaps = [
            measure_overlap(one, two)
            for one, two in zip(list_boxes(find_lung_field(pixels).mask), drawn, strict=True)
        ]
        found.append((patients[path], float(np.mean(overlaps))))
    table = pd.DataFrame(found, columns=["patient_id", "overlap"])
    held_out = table[[is_held_out(patient) for patient in table["patient_id"]]]
    print("boxes around each lung (drawn on the same kind of images by others)")
    for name, part in (("all", table), ("held out", held_out)):
        print(f"  {name:10} IoU {tell(part['overlap'], part['patient_id'])}")


def judge_phantoms() -> None:
    """Dice against phantoms, whose lungs end at the heart."""
    phantoms = [draw_nth(number, seed=1) for number in range(N_PHANTOMS)]
    fields = [find_lung_field(one.pixels.astype(np.float32) / 255) for one in phantoms]
    dice = pd.Series([measure_dice(a.mask, b.lungs) for a, b in zip(fields, phantoms, strict=True)])
    patients = pd.Series([one.patient_id for one in phantoms])
    print(f"phantoms (their lungs end at the heart)\n  Dice {tell(dice, patients)}")


def count_unsure(data: Path, manifest: pd.DataFrame) -> None:
    """How often the field is unsure of itself, by task and label, upright and turned."""
    manifest = manifest[manifest["task"].notna()]
    kinds = manifest["task"].str.split(";").str[0] + " " + manifest["label"]
    print("confidence below 0.5: upright, turned by 90 and by 180 degrees, inverted")
    for kind, group in manifest.groupby(kinds):
        sample = group.sample(min(100, len(group)), random_state=0)
        shares = np.mean([list_doubts(read(data / path)) for path in sample["path"]], axis=0)
        print(f"  {kind:32} n {len(sample):3}:", *(f"{share:.2f}" for share in shares))


def list_doubts(pixels: GreyImage) -> list[bool]:
    """Whether the field is unsure of an image as it is, turned and inverted."""
    versions = (pixels, np.rot90(pixels), np.rot90(pixels, 2), 1 - pixels)
    return [find_lung_field(np.ascontiguousarray(one)).confidence < 0.5 for one in versions]


def draw_worst(data: Path, worst: pd.DataFrame, folder: Path) -> None:
    """Save overlays: drawn in green, found in red."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(worst.itertuples()):
        pixels = read(data / row.path)
        colours = np.repeat(np.rint(255 * pixels).astype(np.uint8)[..., None], 3, axis=2)
        colours = outline(colours, read_mask(data / row.lung_mask), (60, 255, 60), 3)
        colours = outline(colours, find_lung_field(pixels).mask, (255, 60, 60), 3)
        Image.fromarray(colours).resize((400, 400)).save(folder / f"worst{number:02}.png")


def read(path: Path) -> GreyImage:
    """Read the plain grey of a JPEG or PNG."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def is_held_out(patient: object) -> bool:
    """Split patients in halves that do not depend on the order of the table."""
    return int(hashlib.sha256(str(patient).encode()).hexdigest(), 16) % 2 == 1


def measure_dice(one: PixelMask, two: PixelMask) -> float:
    """Twice the shared pixels over all pixels."""
    return float(2 * (one & two).sum() / (one.sum() + two.sum()))


def list_boxes(mask: PixelMask) -> list[list[float]]:
    """Give x0, y0, x1, y1 around the two largest parts, from left to right."""
    labels, _ = ndimage.label(mask)
    largest = np.argsort(np.bincount(labels.ravel())[1:])[::-1][:2] + 1
    found = ndimage.find_objects(labels)
    sides = [found[number - 1] for number in largest]
    return sorted([float(x.start), y.start, x.stop, y.stop] for y, x in sides)


def measure_overlap(one: list[float], two: list[float]) -> float:
    """Intersection over union of two boxes."""
    width = max(0.0, min(one[2], two[2]) - max(one[0], two[0]))
    height = max(0.0, min(one[3], two[3]) - max(one[1], two[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return width * height / (sum(areas) - width * height)


def tell(values: "pd.Series[float]", patients: "pd.Series[str]") -> str:
    """Phrase a mean with its interval by patient."""
    figure = measure_mean(values.to_numpy(np.float64), pd.factorize(patients)[0])
    low = np.percentile(values, 10)
    return (
        f"{figure.value:.3f} (95 % interval {figure.low:.3f} to {figure.high:.3f}; "
        f"{len(values)} images, {patients.nunique()} patients; lowest tenth below {low:.3f})"
    )


if __name__ == "__main__":
    main()
