"""Whether the audit finds planted faults, and leaves clean sets in peace: phantoms, many seeds.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/audit_phantoms.py --bundle BUNDLE [--seeds N] [--images N]

BUNDLE is a model that was trained on other phantoms, such as `cxrlens demo` writes; the features of
its backbone are what swapped labels are found by. Every set is drawn, written as PNG and read back;
of a set with a fault only the images that the fault changes are looked at again.
"""

import argparse
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from cxrlens.audit.auditing import AuditOptions, audit_collection
from cxrlens.audit.frozen import Sensor, open_model, watch_all
from cxrlens.audit.looking import Collection, look_at
from cxrlens.data import StudyTable, make_frame
from cxrlens.model import load
from cxrlens.phantom import Traps, draw_nth, order_nth
from cxrlens.phantom.exposure import add_marker
from cxrlens.vocabulary import Audit, Silence

FINDINGS = ("normal", "covid")
ALL_PARTS = ("train", "train", "test")
FIRST = 200  # the method was chosen on phantoms of seeds 100 and 1000 to 1002
N_SHARED, N_COPIES, SWAPPED, FIDELITY, FOREIGN = 10, 10, 0.03, 0.9, 0.6


@dataclass(frozen=True)
class Outcome:
    """What one seed came to."""

    found: Mapping[str, bool]
    alarms: tuple[str, ...]
    swapped: int
    listed: int
    hits: int


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--images", type=int, default=300)
    options = parser.parse_args()
    sensor = replace(open_model(load(options.bundle)), model=None)
    outcomes = []
    for seed in range(FIRST, FIRST + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(try_seed(seed, options.images, sensor, Path(folder)))
        print(f"seed {seed}: {outcomes[-1]}", flush=True)
    tell(outcomes, options.images)


def tell(outcomes: Sequence[Outcome], n_images: int) -> None:
    """Sum up."""
    n = len(outcomes)
    print(f"{n} seeds of {n_images} phantoms")
    for fault in outcomes[0].found:
        print(f"  {fault}: found in {sum(one.found[fault] for one in outcomes)} of {n}")
    alarmed = [one for one in outcomes if one.alarms]
    print(f"  clean twins with an alarm: {len(alarmed)} of {n} {[one.alarms for one in alarmed]}")
    swapped, listed, hits = (
        sum(getattr(one, name) for one in outcomes) for name in ("swapped", "listed", "hits")
    )
    print(
        f"  swapped labels: recall {hits / swapped:.3f} ({hits} of {swapped}), precision "
        f"{hits / max(listed, 1):.3f} ({hits} of {listed} listed)"
    )


def try_seed(seed: int, n: int, sensor: Sensor, folder: Path) -> Outcome:
    """Audit a clean set and its five twins with a fault each."""
    generator = np.random.default_rng(seed)
    phantoms = [draw_nth(number, seed, FINDINGS) for number in range(n)]
    patients = [one.patient_id for one in phantoms]
    names = list(dict.fromkeys(patients))
    part_of = {name: ALL_PARTS[k % 3] for k, name in enumerate(generator.permutation(names))}
    parts = [part_of[name] for name in patients]
    pixels = {row: one.pixels for row, one in enumerate(phantoms)}
    labels = [one.finding for one in phantoms]
    clean = look(folder / "clean", pixels, sensor, labels, patients, parts)
    marked = {
        row: add_marker(phantoms[row].pixels)
        for row in range(n)
        if (labels[row] == "covid") == (generator.random() < FIDELITY)
    }
    traps = Traps(second_hospital=FOREIGN, second_hospital_on=("covid",))
    foreign = {
        row: draw_nth(row, seed, FINDINGS, traps).pixels
        for row in find(labels, "covid")
        if order_nth(row, seed, FINDINGS, traps).hospital == "B"
    }
    swapped = generator.choice(n, round(SWAPPED * n), replace=False)
    others = ["normal" if label == "covid" else "covid" for label in labels]
    wrong = [others[row] if row in swapped else labels[row] for row in range(n)]
    audits = {
        "marker": overlay(clean, folder / "marker", marked, sensor),
        "second hospital": overlay(clean, folder / "hospital", foreign, sensor),
        "patients on both sides": relabel(clean, split=share(patients, parts, generator)),
        "near repeats": add_copies(clean, folder / "copies", phantoms, sensor),
    }
    is_shuffled = {"marker", "second hospital"}  # those are found by the family of controls
    found = {
        fault: run(twin, n=100 if fault in is_shuffled else 2) for fault, twin in audits.items()
    }
    mislabelled = run(relabel(clean, label=wrong), sensor, n=2)
    suspects = {one.image for one in mislabelled.suspects}
    hits = {clean.table.relative_images[row] for row in swapped.tolist()} & suspects
    return Outcome(
        {
            "corner marker": fails(found["marker"], "shortcuts"),
            "second hospital (no source column)": fails(found["second hospital"], "shortcuts"),
            "patients on both sides": fails(
                found["patients on both sides"], "patients on both sides"
            ),
            "near repeats": fails(found["near repeats"], "repeats on both sides"),
        },
        tuple(gate.name for gate in run(clean).gates if gate.is_passed is False),
        len(swapped),
        len(suspects),
        len(hits),
    )


def run(collection: Collection, sensor: Sensor | None = None, n: int = 100) -> Audit:
    """Audit what was looked at; with a network, and n shuffles, only where they are needed."""
    sensors = () if sensor is None else (sensor,)
    options = AuditOptions(n_shuffles=n)
    return audit_collection(collection, options, Silence(), sensors).audit


def fails(audit: Audit, name: str) -> bool:
    """Whether a gate is not passed."""
    return any(gate.name == name and gate.is_passed is False for gate in audit.gates)


def find(labels: Sequence[str], label: str) -> list[int]:
    """Rows with a label."""
    return [row for row, one in enumerate(labels) if one == label]


def look(
    folder: Path,
    pixels: Mapping[int, np.ndarray],
    sensor: Sensor,
    labels: Sequence[str],
    patients: Sequence[str],
    parts: Sequence[str],
) -> Collection:
    """Write images and look at them."""
    folder.mkdir()
    paths = []
    for row, one in pixels.items():
        paths.append(str(folder / f"{row:05d}.png"))
        Image.fromarray(one).save(paths[-1])
    columns = {"image": paths, "label": labels, "patient_id": patients, "split": parts}
    table = StudyTable(make_frame(columns), FINDINGS, str(folder.parent))
    return look_at(table, Silence(), watch_all([sensor]))


def overlay(
    clean: Collection, folder: Path, changed: Mapping[int, np.ndarray], sensor: Sensor
) -> Collection:
    """The same set with some images changed."""
    frame = clean.table.frame.iloc[list(changed)]
    columns = (frame[name].tolist() for name in ("label", "patient_id", "split"))
    new = look(folder, changed, sensor, *columns)
    looks = dict(enumerate(clean.looks)) | dict(zip(changed, new.looks, strict=True))
    return Collection(clean.table, tuple(looks[row] for row in range(len(clean.looks))))


def relabel(clean: Collection, **columns: Sequence[str]) -> Collection:
    """The same images with another column."""
    frame = clean.table.frame.assign(
        **{name: np.array(values, dtype=object) for name, values in columns.items()}
    )
    return Collection(replace(clean.table, frame=frame), clean.looks)


def share(
    patients: Sequence[str], parts: Sequence[str], generator: np.random.Generator
) -> list[str]:
    """Move the second image of some patients to the other side."""
    second = [row for row in range(1, len(patients)) if patients[row] == patients[row - 1]]
    moved = set(generator.choice(second, N_SHARED, replace=False).tolist())
    flip = {"train": "test", "test": "train"}
    return [flip[part] if row in moved else part for row, part in enumerate(parts)]


def add_copies(
    clean: Collection, folder: Path, phantoms: Sequence[object], sensor: Sensor
) -> Collection:
    """Put resized, compressed and brightened copies of training images into the test part."""
    frame = clean.table.frame
    rows = [row for row, part in enumerate(frame["split"]) if part == "train"][
        :: len(phantoms) // 25
    ]
    rows = rows[:N_COPIES]
    copies = {}
    for k, row in enumerate(rows):
        copies[row] = change(Image.fromarray(phantoms[row].pixels), k % 3)  # type: ignore[attr-defined]
    labels = frame["label"].iloc[rows].tolist()
    new = look(folder, copies, sensor, labels, [f"copy{k}" for k in rows], ["test"] * len(rows))
    columns = {
        name: [*frame[name], *new.table.frame[name]]
        for name in ("image", "label", "patient_id", "split")
    }
    table = StudyTable(make_frame(columns), FINDINGS, clean.table.root)
    return Collection(table, (*clean.looks, *new.looks))


def change(image: Image.Image, kind: int) -> np.ndarray:
    """Resize, compress or brighten."""
    if kind == 0:
        return np.asarray(image.resize((180, 170), Image.Resampling.BICUBIC))
    if kind == 1:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=50)
        return np.asarray(Image.open(file))
    return np.clip(np.asarray(image) * 1.15 + 8, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
