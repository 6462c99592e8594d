"""Fits `CHEST` of `cxrlens.imaging.chest_likeness` on half of the patients of ../shared/data.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/quality_weights.py SHARED. A softmax over the eight ways to turn an image
(four turns, two polarities) shall name the one in which the file shows it. Every source has the
same weight in sum; each image also comes twice with its sides cut by up to a seventh, so that
nothing hangs on the framing. The other half of the patients (`is_held_out`) is what
`quality_figures.py` reports.
"""

import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.optimize import minimize
from scipy.special import logsumexp

from cxrlens.imaging.chest_likeness import CELLS, average, rank
from cxrlens.imaging.framing import SIDE, cut_frame, shrink

RIDGE = 1e-3
"""Weight of the sum of squares; a third or three times it changes no figure by more than 1 %."""

FAMILIES = {"kermany224": "kermany", "qtim": "nih"}
"""Sources that show the same hospital."""

COPIES = 2
"""Cut copies of each image."""


def is_held_out(patient: str) -> bool:
    """Whether a patient's images are kept for the report; the same half on every machine."""
    return zlib.crc32(patient.encode()) % 2 == 1


def read_manifest(data: Path) -> pd.DataFrame:
    """Give the manifest, with the path as patient where the patient is not known."""
    table = pd.read_csv(data / "manifest.csv", dtype=str)
    table["patient"] = table.patient_id.where(table.patient_id != "unknown", table.path)
    table["family"] = table.source.str.split("_").str[0].replace(FAMILIES)
    table["held_out"] = [is_held_out(patient) for patient in table.patient]
    return table


def read_greys(path: Path) -> np.ndarray:
    """Read an 8-bit file as it is, past the checks that are to be fitted."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").convert("L"), dtype=np.float32) / 255


def fold(cells: np.ndarray) -> np.ndarray:
    """Lay the right half over the left one: a chest is nearly its own mirror image."""
    half = CELLS // 2
    return cells[:, :, :half] + cells[:, :, : half - 1 : -1]


def make_cells(small: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Give the eight ways of one image and of its cut copies, folded: 8 x numbers each."""
    pictures = [small]
    for top, bottom, left, right in rng.integers(0, SIDE // 7, (COPIES, 4)):
        pictures.append(small[top : SIDE - bottom, left : SIDE - right])
    ways = []
    for picture in pictures:
        cells = average(rank(np.ascontiguousarray(cut_frame(picture))), CELLS)
        turned = fold(np.stack([np.rot90(cells, turns) for turns in range(4)])).reshape(4, -1)
        ways.append(np.concatenate([turned, -turned]))
    return ways


def fit(ways: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Give the weights that let the softmax name the first way (images x 8 x numbers)."""

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        scores = ways @ w
        total = logsumexp(scores, axis=1)
        chance = np.exp(scores - total[:, None])
        slope = np.einsum("n,ng,ngd->d", weights, chance, ways) - weights @ ways[:, 0]
        return float(weights @ (total - scores[:, 0]) + RIDGE * w @ w / 2), slope + RIDGE * w

    return minimize(loss, np.zeros(ways.shape[2]), jac=True, method="L-BFGS-B").x


def main() -> None:
    """Print the table."""
    data = Path(sys.argv[1]) / "data"
    table = read_manifest(data)
    table = table[~table.held_out]
    rng = np.random.default_rng(0)
    ways = [make_cells(shrink(read_greys(data / p)), rng) for p in table.path]
    share = 1 / table.family.map(table.family.value_counts()) / table.family.nunique()
    weights = np.repeat(share.to_numpy() / (COPIES + 1), COPIES + 1)
    print(len(table), "images of", table.patient.nunique(), "patients")
    print(np.rint(10 * fit(np.concatenate([np.stack(w) for w in ways]), weights)).reshape(8, 4))


if __name__ == "__main__":
    main()
