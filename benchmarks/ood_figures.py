"""How well a bundle tells images that are unlike those it was trained on.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/ood_figures.py BUNDLE DATA [--images FOLDER] [--shared SHARED]

DATA is the table that the bundle was trained by: its own unseen images are those of the part `test`
(all where there is no split) that the bundle does not name among its own. Every foreign group is
held against them: AUROC of the distance to the k-th nearest training image (Sun et al., ICML
2022), of the energy (Liu et al., NeurIPS 2020) and of the largest probability, and the share that
is called out of distribution at the bundle's limit and at a wider one. Foreign images go to the
network past the image checks, which would refuse many of them; what those say is told beside.
SHARED holds the adults.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import skimage.data
import sklearn.datasets
from PIL import Image
from pydicom.data import get_testdata_file
from scipy.special import expit, logsumexp, softmax

import cxrlens as cxr
from cxrlens.data import TableOptions, read_table
from cxrlens.evaluation import (
    find_conformal_p_values,
    measure_neighbour_distances,
    measure_proportion,
    scale_to_unit,
)
from cxrlens.evaluation.auroc import Ranking, measure_auroc
from cxrlens.imaging import decode, try_read
from cxrlens.inference import Bundle, EngineOutput, prepare
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import ImageWarning, Refusal, Silence, number_patients
from quality_figures import judge
from quality_weights import read_manifest

NEIGHBOURS = (1, 2, 5, 10, 20, 50)
"""The k that the second table compares."""

WIDER_LIMIT = 0.05
"""What another limit would come to."""

N_DRAWN = 200
"""Phantoms, and images of noise."""

OTHER_BODY_PARTS = {
    "CT": ("693_J2KI.dcm", "CT_small.dcm", "J2K_pixelrep_mismatch.dcm", "explicit_VR-UN.dcm",
           "bad_sequence.dcm", "eCT_Supplemental.dcm"),
    "MR": ("MR_small.dcm", "emri_small.dcm", "MR2_UNCI.dcm", "examples_overlay.dcm"),
    "ultrasound": ("examples_palette.dcm", "examples_jpeg2k.dcm", "examples_rgb_color.dcm",
                   "examples_ybr_color.dcm", "color-pl.dcm", "gdcm-US-ALOKA-16.dcm",
                   "JPGLosslessP14SV1_1s_1f_8b.dcm"),
    "bone scan": ("JPEG2000.dcm",),
    "radiograph of a limb": ("RG3_UNCI.dcm",),
}  # fmt: skip
"""One file a picture, of those that pydicom and pydicom-data bring along."""

ADULTS = {
    "adults, normal (NIH)": ("normal", "nih"),
    "adults, pneumonia (NIH)": ("pneumonia", "nih"),
    "adults, pneumonia (ieee8023)": ("pneumonia", "ieee8023"),
    "adults, COVID-19 (ieee8023)": ("covid", "ieee8023"),
}
"""Label and family of sources of SHARED's task `covid3`."""


@dataclass(frozen=True, eq=False)
class Group:
    """Images of one kind, as the network sees them."""

    name: str
    pixels: np.ndarray
    """N x H x W in [0, 1]."""

    clusters: np.ndarray
    """A number for the patient of each; those of the bundle's own images are not negative."""

    checks: str
    """What the image checks say of them."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--shared", type=Path)
    options = parser.parse_args()
    model = cxr.load(options.bundle, engine="openvino")
    known = model.bundle.familiarity
    if known is None:
        raise SystemExit(f"{options.bundle} keeps no statistics: see `cxrlens fit-ood`")
    own = read_own(model.bundle, options.data, options.images)
    answer = model.engine.run
    base = answer(own.pixels)
    limits = sorted({known.record.limit, WIDER_LIMIT})
    ks = [k for k in NEIGHBOURS if k <= known.record.n_bank]
    print(f"bundle {model.bundle.record.digest[:12]}, {known.record}\n")
    called = [f"called out, p ≤ {limit:.2g}" for limit in limits]
    tell_row("group", "n", "kNN distance", "energy", "largest probability", *called, "image checks")
    tell_row(*["---"] * (6 + len(limits)))
    shares = [tell_share(known, base, own, limit) for limit in limits]
    tell_row(own.name, str(len(own.pixels)), "–", "–", "–", *shares, own.checks)
    by_k = []
    for group in list_groups(model.bundle, own, options.shared):
        if isinstance(group, str):
            tell_row(group, "0", *["not measured"] * (3 + len(limits)), "")
            continue
        found = answer(group.pixels)
        pairs = [(measure(known, one, known.record.k), find_energy(one),
                  find_doubt(model.bundle, one)) for one in (found, base)]  # fmt: skip
        figures = [rank(*pair, group, own) for pair in zip(*pairs, strict=True)]
        shares = [tell_share(known, found, group, limit) for limit in limits]
        tell_row(group.name, str(len(group.pixels)), *figures, *shares, group.checks)
        told = [rank(measure(known, found, k), measure(known, base, k), group, own) for k in ks]
        by_k.append([group.name, *(one.split(" ")[0] for one in told)])
    print()
    tell_row("AUROC of the distance to the k-th nearest", *map(str, ks))
    tell_row(*["---"] * (len(ks) + 1))
    for row in by_k:
        tell_row(*row)


def tell_row(*cells: str) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def measure(known: cxr.inference.Familiarity, output: EngineOutput, k: int) -> np.ndarray:
    """Give the distance to the k-th nearest training image."""
    bank = known.bank.astype(np.float32)
    return measure_neighbour_distances(scale_to_unit(output.features), bank, k)


def find_energy(output: EngineOutput) -> np.ndarray:
    """Give the energy at temperature 1; larger is stranger."""
    return -logsumexp(output.logits.astype(np.float64), axis=1)


def find_doubt(bundle: Bundle, output: EngineOutput) -> np.ndarray:
    """Give how far the largest probability is from 1."""
    logits = output.logits.astype(np.float64)
    shares = expit(logits) if bundle.record.is_multilabel else softmax(logits, axis=1)
    return 1 - shares.max(axis=1)


def rank(foreign: np.ndarray, usual: np.ndarray, group: Group, own: Group) -> str:
    """Tell the AUROC of foreign images against the bundle's own unseen ones."""
    is_foreign = np.arange(len(foreign) + len(usual)) < len(foreign)
    clusters = np.concatenate([group.clusters, own.clusters])
    scores = np.concatenate([foreign, usual])
    figure = measure_auroc(Ranking(scores, is_foreign, clusters, np.zeros_like(clusters)))
    return "not defined" if figure is None else str(figure.to_estimate())


def tell_share(
    known: cxr.inference.Familiarity, output: EngineOutput, group: Group, limit: float
) -> str:
    """Tell the share that is called out of distribution at a limit."""
    distances = measure(known, output, known.record.k).astype(np.float32)
    is_out = find_conformal_p_values(distances, known.distances) <= limit
    return str(measure_proportion(is_out, group.clusters).to_estimate())


def read_own(bundle: Bundle, data: Path, images: Path | None) -> Group:
    """Give the images of the test part that the bundle never saw."""
    table = read_table(data, TableOptions(images, {}, None, {}))
    if (table.frame["split"] == "test").any():
        table = table.split("test")
    prepared = prepare(table, bundle.record.preprocessing, Silence())
    rows = [i for i, one in enumerate(prepared.images.digests) if one not in bundle.seen]
    patients = tuple(prepared.table.frame["patient_id"].iloc[rows])
    words = tell_words(list_words(prepared.images.warnings[row]) for row in rows)
    return Group(
        "own, unseen", to_unit(prepared.images.pixels[rows]), number_patients(patients), words
    )


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """Turn stored pixels into what a network takes."""
    return pixels.astype(np.float32) / 65535


def list_groups(bundle: Bundle, own: Group, shared: Path | None) -> Iterator[Group | str]:
    """Give every foreign group, or the name of one that is not at hand."""
    folder = Path(skimage.data.__file__).parent
    yield read_photographs(bundle, "photographs and drawings of scikit-image", folder)
    faces = np.load(folder / "lfw_subset.npy")
    yield give(bundle, "patches of faces and others of scikit-image, 25 x 25", list(faces))
    folder = Path(sklearn.datasets.__file__).parent / "images"
    yield read_photographs(bundle, "photographs of scikit-learn", folder)
    every = [one for names in OTHER_BODY_PARTS.values() for one in names]
    yield read_dicoms(bundle, "other body parts, all DICOM files below", every)
    for name, files in OTHER_BODY_PARTS.items():
        yield read_dicoms(bundle, f"… {name}", files)
    rng = np.random.default_rng(0)
    size = own.pixels.shape[1:]
    yield give(bundle, "uniform noise", list(rng.random((N_DRAWN, *size))))
    yield give(bundle, "one grey", [np.full(size, grey) for grey in np.linspace(0, 1, 50)])
    phantoms = (draw_nth(number, seed=5).pixels / 255 for number in range(N_DRAWN))
    yield give(bundle, "phantoms of cxrlens", list(phantoms))
    for name, turned in (
        ("own, inverted", 1 - own.pixels),
        ("own, rotated by 90°", np.rot90(own.pixels, axes=(1, 2))),
        ("own, rotated by 180°", own.pixels[:, ::-1, ::-1]),
        ("own, left and right exchanged", own.pixels[:, :, ::-1]),
    ):
        pixels = np.ascontiguousarray(turned)
        yield Group(name, pixels, own.clusters, tell_words(judge(one) for one in pixels))
    yield from read_adults(bundle, shared)


def give(bundle: Bundle, name: str, pictures: list[np.ndarray]) -> Group:
    """Turn pictures in [0, 1] into a group; each is a patient of its own."""
    greys = [np.ascontiguousarray(one, dtype=np.float32) for one in pictures]
    pixels = np.stack([bundle.record.preprocessing.apply(one) for one in greys])
    checks = tell_words(judge(one) for one in greys)
    return Group(name, pixels, -1 - np.arange(len(greys)), checks)


def tell_words(words: Iterable[Iterable[str]]) -> str:
    """Count the reasons of refusals and warnings over some images."""
    counts = Counter(word for one in words for word in one)
    return ", ".join(f"{word} {n}" for word, n in counts.most_common())


def read_photographs(bundle: Bundle, name: str, folder: Path) -> Group:
    """Read all PNG and JPEG files of a package, as grey."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
    greys = [np.asarray(Image.open(path).convert("RGB").convert("L")) / 255 for path in files]
    return give(bundle, f"{name} ({len(files)} files)", greys)


def read_dicoms(bundle: Bundle, name: str, files: tuple[str, ...] | list[str]) -> Group | str:
    """Read DICOM files by pydicom: the middle frame, from its darkest to its brightest value."""
    paths = [get_testdata_file(one, download=False) for one in files]
    found = [str(path) for path in paths if path is not None]
    if not found:
        return name
    group = give(bundle, name, [read_dicom(path) for path in found])
    read = [try_read(path) for path in found]
    words = [[one.reason] if isinstance(one, Refusal) else list_words(one.warnings) for one in read]
    return Group(name, group.pixels, group.clusters, tell_words(words))


def list_words(warnings: Iterable[ImageWarning]) -> list[str]:
    """Give the reasons of warnings."""
    return [one.reason for one in warnings]


def read_dicom(path: str) -> np.ndarray:
    """Read one DICOM file as grey in [0, 1]."""
    dataset = pydicom.dcmread(path)
    values = dataset.pixel_array.astype(np.float64)
    if dataset.SamplesPerPixel == 3:
        values = values.mean(axis=-1)
    if values.ndim == 3:
        values = values[len(values) // 2]
    values = (values - values.min()) / max(float(np.ptp(values)), 1.0)
    return 1 - values if dataset.PhotometricInterpretation == "MONOCHROME1" else values


def read_adults(bundle: Bundle, shared: Path | None) -> Iterator[Group | str]:
    """Read the adults of SHARED, as `predict` reads them."""
    if shared is None or not (shared / "data" / "manifest.csv").is_file():
        yield from ADULTS
        return
    table = read_manifest(shared / "data")
    table = table[table.task.str.startswith("covid3")]
    for name, (label, family) in ADULTS.items():
        rows = table[(table.label == label) & (table.family == family)]
        images = decode(
            [str(shared / "data" / path) for path in rows.path], bundle.record.preprocessing
        )
        patients = tuple(rows.patient.iloc[images.kept])
        clusters = -1 - number_patients(patients)
        words = [[one.reason] for one in images.refusals]
        words += [list_words(one) for one in images.warnings]
        yield Group(name, to_unit(images.pixels[:]), clusters, tell_words(words))


if __name__ == "__main__":
    main()
