"""What removing text does to a classifier that reads the marker, and to real scores.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/remove_text_figures.py SHARED

1. Markers are planted by the toss of a coin in phantoms and in real radiographs without findings,
   so that the marker is all there is to learn. A classifier is trained and tried with patients
   apart (5 folds): on marked images; trained on marked, tried on cleaned ones; and trained and
   tried on cleaned ones, so that traces of the removal count as well. Two kinds: logistic
   regression on fine texture in 16 x 16 fields, and on the frozen features of a MobileNetV2.
2. The real task of three classes and a sample of the paediatric one: logistic regression on the
   frozen features, patients apart, with and without removal.

One process, one thread; about ten minutes.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cxrlens.evaluation.auroc import Ranking, measure_auroc
from cxrlens.imaging import Preprocessing, remove_text
from cxrlens.imaging.remove_text import mark_text
from cxrlens.network import NetworkSpec, build_classifier, load_backbone_weights
from cxrlens.phantom import Traps, draw_set
from cxrlens.vocabulary import GreyImage

Features = np.ndarray
"""One row an image."""

N_PHANTOMS, N_CHILDREN, N_TASK = 600, 300, 600
WEIGHTS = "weights/mobilenet_v2_imagenet_dequant_torchvision.pth"
SIGNS = ("L", "R", "A", "B", "C1", "AP", "PORTABLE", "SUPINE 10:32")
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf")
FONT_FOLDER = Path(mpl.get_data_path()) / "fonts" / "ttf"
STYLES = ((None, 255), (None, 230), (0, 255), (255, 0))
"""Grey of the box (none: no box) and of the letters."""


def main() -> None:
    """Print every figure."""
    torch.set_num_threads(1)
    shared = Path(sys.argv[1])
    manifest = pd.read_csv(shared / "data" / "manifest.csv", low_memory=False)
    describe = make_describer(shared / WEIGHTS)
    probe_phantoms(describe)
    probe_radiographs(shared / "data", manifest, describe)
    judge_tasks(shared / "data", manifest, describe)


def make_describer(weights: Path) -> Callable[[GreyImage], Features]:
    """Give a function from pixels to the frozen features of a MobileNetV2 at 224 x 224."""
    spec = NetworkSpec("mobilenetv2_100", options={"act_layer": "relu"})
    network = build_classifier(spec, 2, (224, 224)).eval()
    load_backbone_weights(network.backbone, spec, str(weights))
    shrink = Preprocessing().apply

    def describe(pixels: GreyImage) -> Features:
        with torch.inference_mode():
            batch = torch.from_numpy(shrink(pixels))[None, None]
            features = network.backbone((batch - network.mean) / network.std)
            return features.mean(dim=(2, 3))[0].numpy()

    return describe


def describe_texture(pixels: GreyImage) -> Features:
    """Mean and largest fine structure in 16 x 16 fields, in place and sorted by strength."""
    small = Preprocessing(256, 256).apply(pixels)
    fine = np.abs(small - ndimage.gaussian_filter(small, 1))
    fields = fine.reshape(16, 16, 16, 16).transpose(0, 2, 1, 3).reshape(256, 256)
    both = np.log(np.stack([fields.mean(axis=1), fields.max(axis=1)]) + 1e-4)
    return np.concatenate([both.ravel(), np.sort(both, axis=1).ravel()])


def probe_phantoms(describe: Callable[[GreyImage], Features]) -> None:
    """Phantoms of one finding, half of them with the marker of `Traps`."""
    traps = Traps(marker_on=("normal",), marker_fidelity=0.5)
    phantoms = list(draw_set(N_PHANTOMS, 3, ("normal",), traps))
    images = [one.pixels.astype(np.float32) / 255 for one in phantoms]
    is_marked = np.array([one.has_marker for one in phantoms])
    patients = pd.factorize(np.array([one.patient_id for one in phantoms]))[0]
    probe("phantoms with a corner marker", images, is_marked, patients, describe)


def probe_radiographs(
    data: Path, manifest: pd.DataFrame, describe: Callable[[GreyImage], Features]
) -> None:
    """Real radiographs without findings, half of them with a planted sign."""
    of_adults = manifest["task"].fillna("").str.startswith("covid3")
    adults = manifest[of_adults & (manifest["label"] == "normal")]
    children = manifest[(manifest["task"] == "pneumonia2") & (manifest["label"] == "NORMAL")]
    children = children.drop_duplicates("patient_id").sample(N_CHILDREN, random_state=0)
    generator = np.random.default_rng(0)
    for name, table in (("adults", adults), ("children", children)):
        images = [read(data / path) for path in table["path"]]
        patients = pd.factorize(table["patient_id"])[0]
        is_marked = generator.random(len(images)) < 0.5
        planted = [plant(one, generator) if yes else (one, None)
                   for one, yes in zip(images, is_marked, strict=True)]  # fmt: skip
        marks = [(image, where) for image, where in planted if where is not None]
        found = [mark_text(image)[where].mean() for image, where in marks]
        print(
            f"{name}: {len(found)} signs planted in {len(images)} radiographs; "
            f"{np.mean(np.array(found) > 0.5):.3f} of them removed by more than half"
        )
        marked = [image for image, _ in planted]
        probe(f"{name} with a planted sign", marked, is_marked, patients, describe)


def plant(pixels: GreyImage, generator: np.random.Generator) -> tuple[GreyImage, np.ndarray]:
    """Draw a sign of random wording, font, size and style near one of the upper corners."""
    rows, cols = pixels.shape
    words = SIGNS[generator.integers(len(SIGNS))]
    font_name = str(FONT_FOLDER / FONTS[generator.integers(len(FONTS))])
    share = generator.uniform(0.025, 0.07 if len(words) < 3 else 0.035)
    font = ImageFont.truetype(font_name, max(10, round(share * rows)))
    paper, ink = STYLES[generator.integers(len(STYLES))]
    left, top, right, bottom = (round(end) for end in font.getbbox(words))
    margin = 2 + round(0.2 * (bottom - top))
    size = (right - left + 2 * margin, bottom - top + 2 * margin)
    y = round(generator.uniform(0.01, 0.08) * rows)
    x = round(generator.uniform(0.01, 0.08) * cols)
    x = cols - x - size[0] if generator.random() < 0.5 else x
    image = Image.fromarray(np.rint(255 * pixels).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    if paper is not None:
        pen.rectangle((x, y, x + size[0], y + size[1]), fill=paper)
    pen.text((x + margin - left, y + margin - top), words, font=font, fill=ink)
    drawn = np.asarray(image, dtype=np.float32) / np.float32(255)
    return drawn, np.abs(drawn - pixels) > 0.1


def probe(
    name: str,
    marked: Sequence[GreyImage],
    is_marked: np.ndarray,
    patients: np.ndarray,
    describe: Callable[[GreyImage], Features],
) -> None:
    """Print how well a classifier tells which images were marked."""
    cleaned = [remove_text(image) for image in marked]
    print(f"{name}: {len(marked)} images, {len(np.unique(patients))} patients, AUROC")
    for kind, look in (("texture", describe_texture), ("MobileNetV2", describe)):
        before, after = (np.stack([look(one) for one in side]) for side in (marked, cleaned))
        for how, seen, tried in (
            ("marked, tried on marked", before, before),
            ("marked, tried on cleaned", before, after),
            ("cleaned, tried on cleaned", after, after),
        ):
            scores, folds = cross_validate(seen, tried, is_marked.astype(int), patients)
            print(
                f"  {kind:11} trained on {how:25} {tell(scores[:, 1], is_marked, patients, folds)}"
            )


def judge_tasks(
    data: Path, manifest: pd.DataFrame, describe: Callable[[GreyImage], Features]
) -> None:
    """Print the scores of real tasks with and without removal."""
    of_adults = manifest["task"].fillna("").str.startswith("covid3")
    children = manifest[manifest["task"] == "pneumonia2"].sample(N_TASK, random_state=0)
    for name, table in (("covid3", manifest[of_adults]), ("pneumonia2 (sample)", children)):
        classes, truth = np.unique(table["label"], return_inverse=True)
        patients = pd.factorize(table["patient_id"])[0]
        kept, cleaned, share = [], [], []
        for path in table["path"]:
            pixels = read(data / path)
            clean = remove_text(pixels)
            kept.append(describe(pixels))
            cleaned.append(describe(clean))
            share.append(float((clean != pixels).mean()))
        print(
            f"{name}: {len(table)} images, {len(np.unique(patients))} patients; something removed "
            f"from {np.mean(np.array(share) > 0):.3f} of them, {np.mean(share):.4f} of all pixels"
        )
        for how, rows in (("as they are", kept), ("text removed", cleaned)):
            features = np.stack(rows)
            scores, folds = cross_validate(features, features, truth, patients)
            for index, label in enumerate(classes):
                figure = tell(scores[:, index], truth == index, patients, folds)
                print(f"  {how:12} {label:10} against the others {figure}")


def cross_validate(
    seen: Features, tried: Features, truth: np.ndarray, patients: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Train on four fifths of the patients, score the others; give scores and folds."""
    scores, folds = np.zeros((len(truth), truth.max() + 1)), np.zeros(len(truth), dtype=np.int64)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for fold, (train, test) in enumerate(splitter.split(seen, truth, patients)):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        model.fit(seen[train], truth[train])
        scores[test], folds[test] = model.predict_proba(tried[test]), fold
    return scores, folds


def tell(
    scores: np.ndarray, is_positive: np.ndarray, patients: np.ndarray, folds: np.ndarray
) -> str:
    """Phrase an AUROC with its interval by patient."""
    figure = measure_auroc(Ranking(scores, is_positive, patients, folds))
    if figure is None:
        return "not defined"
    return f"{figure.value:.3f} (95 % interval {figure.low:.3f} to {figure.high:.3f})"


def read(path: Path) -> GreyImage:
    """Read the plain grey of a JPEG or PNG."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
