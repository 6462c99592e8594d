"""Does heat move into the lungs when the border is black in training?

SPDX-License-Identifier: Apache-2.0

    python benchmarks/border_and_heat.py SHARED WEIGHTS

A linear head on the features of a frozen backbone (WEIGHTS) learns `covid3`, cross-validated by
patient: once from the images as they are, once from the same images in which all outside the
widened hull of the lungs (as the audit finds it) is black. Both heads answer for the same images
as they are, of patients that they never saw. Printed are the macro AUROC of both and the share of
the heat of their class activation maps, for the true class, that lies inside the lungs which were
drawn by hand; and both differences, paired, with intervals by patient.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cxrlens.audit.crossfit import ask, list_folds
from cxrlens.audit.frozen import BATCH, Sensor, open_weights
from cxrlens.audit.looking import enlarge, widen_hull
from cxrlens.data import StudyTable, TableOptions, read_table
from cxrlens.evaluation import compare_repetitions
from cxrlens.evaluation.map_scores import score_heatmap
from cxrlens.evaluation.share_gap import measure_mean_gap
from cxrlens.explanation import make_heatmaps
from cxrlens.imaging import find_lung_field, read_mask, try_read
from cxrlens.vocabulary import GreyImage, Refusal, number_patients

LUNGS = "lung_mask"


def main() -> None:
    """Print both heads side by side."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("weights")
    options = parser.parse_args()
    data = options.shared / "data"
    sensor = open_weights(options.weights)
    chosen = TableOptions(images=data, where='task == "covid3"')
    table, sizes, inputs = look(sensor, read_table(data / "manifest.csv", chosen))
    plain, black = (find_features(sensor, np.stack(own)) for own in inputs)
    truth = table.label_matrix.argmax(axis=1)
    labels = table.label_matrix.astype(np.float64)
    patients = number_patients(table.frame["patient_id"].tolist())
    folds = ask(labels, patients).folds
    masks = {
        row: read_mask(data / str(path))
        for row, path in enumerate(table.frame[LUNGS].tolist())
        if isinstance(path, str) and path
    }
    scores, shares = {}, {}
    for name, taught in (("as it is", plain), ("border black", black)):
        scores[name] = np.zeros_like(labels)
        shares[name] = np.full(len(table), np.nan)
        for train, test in list_folds(folds):
            weights, offsets = learn(taught[train].mean(axis=(2, 3)), truth[train])
            scores[name][test] = plain[test].mean(axis=(2, 3)) @ weights.T + offsets
            for row in test.tolist():
                if row in masks:
                    grid = np.tensordot(weights[truth[row]], plain[row], axes=1)
                    geometry = sensor.preprocessing.geometry(sizes[row])
                    (heatmap,) = make_heatmaps(
                        grid.astype(np.float32)[None], [table.classes[truth[row]]], geometry
                    )
                    score = score_heatmap(heatmap, masks[row])
                    shares[name][row] = np.nan if score.is_empty else score.heat_inside
    told = compare_repetitions(
        *([(scores[name], folds)] for name in ("border black", "as it is")),
        labels, table.classes, patients,
    )  # fmt: skip
    print(f"{len(table)} images: macro AUROC, learnt from images as they are {told.second}, with")
    print(f"the border black {told.first}, difference {told.difference}")
    both = np.isfinite([shares[name] for name in shares]).all(axis=0)
    n_empty = len(masks) - both.sum()
    rows = np.flatnonzero(both)
    gap = measure_mean_gap(shares["border black"][rows], shares["as it is"][rows], patients[rows])
    means = {name: own[rows].mean() for name, own in shares.items()}
    print(f"{len(rows)} images with drawn lungs ({n_empty} more without heat in either map): heat")
    print(f"inside {means['as it is']:.3f} and {means['border black']:.3f}, difference", end=" ")
    print(gap.to_difference())


def look(
    sensor: Sensor, table: StudyTable
) -> tuple[StudyTable, list[tuple[int, int]], tuple[list[np.ndarray], list[np.ndarray]]]:
    """The images that can be read, their sizes, and both inputs of each."""
    kept, sizes = [], []
    inputs: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for row, image in enumerate(table.images):
        radiograph = try_read(image)
        if isinstance(radiograph, Refusal):
            continue
        kept.append(row)
        rows, cols = radiograph.pixels.shape
        sizes.append((rows, cols))
        for own, pixels in zip(
            inputs, (radiograph.pixels, blacken(radiograph.pixels)), strict=True
        ):
            own.append(sensor.preprocessing.apply(pixels))
    return table.take(kept), sizes, inputs


def blacken(pixels: GreyImage) -> GreyImage:
    """Make all black that lies outside the widened hull of the lungs."""
    hull = widen_hull(find_lung_field(pixels).mask)
    whole = enlarge(hull, (pixels.shape[0], pixels.shape[1]))
    return np.where(whole, pixels, np.float32(0))


def find_features(sensor: Sensor, images: np.ndarray) -> np.ndarray:
    """The last feature map of each image, n x c x rows x cols."""
    network = sensor.network.eval()
    found = []
    for start in range(0, len(images), BATCH):
        with torch.inference_mode():
            batch = torch.from_numpy(images[start : start + BATCH])[:, None]
            features, _ = network.backbone.compute((batch - network.mean) / network.std)
            found.append(network.backbone.normalise(features).numpy())
    return np.concatenate(found)


def learn(features: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a softmax regression; give weights (k x c) and offsets on the features as they are."""
    scaler = StandardScaler().fit(features)
    head = LogisticRegression(C=0.01, max_iter=1000).fit(scaler.transform(features), truth)
    weights = head.coef_ / scaler.scale_
    return weights, head.intercept_ - weights @ scaler.mean_


if __name__ == "__main__":
    main()
