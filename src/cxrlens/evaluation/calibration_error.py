"""The expected calibration error: how far probabilities lie from the shares that came true.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64
from scipy.optimize import brentq

from cxrlens.evaluation.bootstrap import Resampling, resample_sums
from cxrlens.evaluation.figure import Figure
from cxrlens.evaluation.patients import (
    TOO_FEW,
    Totals,
    count_effective,
    count_patients,
    find_sizes,
    find_worst_design_effect,
)
from cxrlens.evaluation.proportions import find_wilson_ends
from cxrlens.vocabulary import ClassIndices, Flags, Scores

MOST_BINS = 10
"""Bins where there are patients enough."""

FEWEST_BINS = 2
"""Bins however few patients there are: in one, errors up and errors down would cancel out."""

PATIENTS_A_BIN = 20
"""There are no more bins than leave each so many patients on average."""

_LARGEST_MULTIPLE = 64.0
"""Of the error seen; no true error is looked for beyond."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Probabilities of one thing, and whether it came true; all columns have the same length."""

    probabilities: Scores
    """In [0, 1]; one an image."""

    is_true: Flags
    """Whether it came true."""

    clusters: ClassIndices
    """A number for each image's patient."""


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error as it is seen, and without what chance adds to it."""

    seen: Figure
    """As everybody computes it: too large by chance, the more so the fewer cases there are."""

    debiased: Figure
    """The true error of which as large a one as this would be seen in half of all studies, at
    most the one seen; 0 where a perfect calibration too would be seen so in half of them."""


def measure_calibration_error(
    probabilities: Scores, is_true: Flags, clusters: ClassIndices, resampling: Resampling
) -> CalibrationError:
    """Measure the expected calibration error of one thing, such as one class.

    The images are cut into bins of equally many by their probability; of each bin the distance
    between the mean probability and the share that came true is taken, and averaged over images.
    Bins of equally many, not of equal width: most probabilities crowd near 0 and 1, and a bin
    with hardly an image is all chance. Ten bins, fewer with less than 20 patients each, at least
    two; equal probabilities stay in one bin. Of several folds the bins are common, since each
    probability is held against the truth and not against another one: errors of folds that lie in
    opposite directions may cancel out.

    Chance alone makes some distance in every bin, and never a negative one: the error seen is too
    large (of 300 images a perfect calibration is seen as 0.03 to 0.05). The interval is for the
    true error and knows that: it holds those multiples of the gaps seen, from 0 upwards, of which
    an error as seen is neither among the smallest nor among the largest 2.5 % of those of
    resampled patients. Where fewer than `TOO_FEW` patients make up the spread, the interval also
    holds Wilson's of the error, with patients in place of images, and reaches as high as that of
    the mean distance between probability and truth, which no calibration error exceeds.

    Args:
        probabilities: one an image, in [0, 1]; at least one.
        is_true: whether it came true of each image.
        clusters: a number for each image's patient.
        resampling: how often patients are drawn again, and by which chance.

    Returns:
        The error as seen and debiased, in [0, 1], both with the interval of the true one.

    Source:
        Naeini, Cooper and Hauskrecht, AAAI 2015:2901-2907 (ECE); equal mass and the bias:
        Roelofs et al., AISTATS 2022, PMLR 151:4036-4054; the interval: test inversion over one
        parameter, Carpenter, J R Stat Soc B 1999;61:159-172, with patients drawn again.

    Example:
        >>> import numpy as np
        >>> sure = np.full(100, 0.9)
        >>> error = measure_calibration_error(
        ...     sure, np.arange(100) < 70, np.arange(100), Resampling(0, 200)
        ... )
        >>> round(error.seen.value, 3), error.seen.low > 0.1, error.seen.high < 0.3
        (0.2, True, True)
    """
    answers = Answers(probabilities, is_true, clusters)
    return measure_mean_calibration_error([answers], resampling)


def measure_mean_calibration_error(
    parts: Sequence[Answers], resampling: Resampling
) -> CalibrationError:
    """Measure the mean over several things, such as the classes, of their calibration errors.

    Args:
        parts: the answers to each, each with at least one image; patients may occur in several.
        resampling: how often patients are drawn again, and by which chance.

    Returns:
        As `measure_calibration_error`; on the patients of the part that has fewest.
    """
    tallies = [_tally(part) for part in parts]
    patients = np.unique(np.concatenate([part.clusters for part in parts]))
    spectrum = _resample(tallies, patients, resampling)
    value = spectrum.add_up(spectrum.gaps)
    low, high = spectrum.find_multiple(0.975) * value, spectrum.find_multiple(0.025) * value
    is_lean = any(tally.n_effective < TOO_FEW for tally in tallies)
    method = f"test inversion over resampled patients, {_tell_bins(tallies)}"
    if is_lean:
        low = min(low, float(np.mean([tally.lowest for tally in tallies])))
        high = max(high, float(np.mean([tally.highest for tally in tallies])))
        method += ", widened to Wilson on patients: few make it up"
    seen = Figure(
        value=value,
        low=min(low, value),
        high=max(min(high, 1.0), value),
        n=max(part.clusters.size for part in parts),
        n_patients=min(tally.patients.size for tally in tallies),
        is_lean=is_lean,
        method=method,
    )
    debiased = max(min(spectrum.find_multiple(0.5), 1.0) * value, seen.low)
    return CalibrationError(seen, replace(seen, value=debiased))


def assign_bins(probabilities: Scores, n_bins: int) -> Int64[np.ndarray, " n"]:
    """Cut images into bins of equally many, by their probability.

    Args:
        probabilities: one an image.
        n_bins: how many, at least 1.

    Returns:
        The bin of each image, from 0, in ascending order of the probability; equal probabilities
        have the same, so that bins may be empty.

    Example:
        >>> import numpy as np
        >>> assign_bins(np.array([0.1, 0.9, 0.2, 0.8]), 2)
        array([0, 1, 0, 1])
    """
    edges = np.quantile(probabilities.astype(np.float64), np.arange(1, n_bins) / n_bins)
    return np.searchsorted(edges, probabilities.astype(np.float64)).astype(np.int64)


def choose_bin_count(clusters: ClassIndices) -> int:
    """Choose how many bins the patients allow.

    Example:
        >>> import numpy as np
        >>> [choose_bin_count(np.arange(n)) for n in (10, 100, 1000)]
        [2, 5, 10]
    """
    return min(max(count_patients(clusters) // PATIENTS_A_BIN, FEWEST_BINS), MOST_BINS)


@dataclass(frozen=True, eq=False)
class _Tally:
    """What one part comes to, patient by patient."""

    patients: Int64[np.ndarray, " patients"]
    residuals: Float64[np.ndarray, "patients bins"]
    """Sums of the truth (0 or 1) less the probability."""
    sizes: Totals
    lowest: float
    highest: float

    @property
    def n_effective(self) -> float:
        """How many patients the spread rests on."""
        return count_effective(np.sqrt((self.residuals**2).sum(axis=1)))


def _tally(part: Answers) -> _Tally:
    patients, position = np.unique(part.clusters, return_inverse=True)
    n_bins = choose_bin_count(part.clusters)
    residuals = part.is_true - part.probabilities.astype(np.float64)
    cells = position * n_bins + assign_bins(part.probabilities, n_bins)
    by_cell = np.bincount(cells, weights=residuals, minlength=patients.size * n_bins)
    table = by_cell.reshape(patients.size, n_bins)
    n = part.clusters.size
    effective = n / find_worst_design_effect(part.clusters)
    error, distance = np.abs(table.sum(axis=0)).sum() / n, np.abs(residuals).mean()
    lowest, _ = find_wilson_ends(min(float(error), 1.0), effective)
    _, highest = find_wilson_ends(min(float(distance), 1.0), effective)
    return _Tally(patients.astype(np.int64), table, find_sizes(part.clusters), lowest, highest)


def _tell_bins(tallies: Sequence[_Tally]) -> str:
    counts = sorted({tally.residuals.shape[1] for tally in tallies})
    return f"{'–'.join(map(str, counts))} bins of equally many images"


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """What would be seen, were the true gaps a multiple of those seen."""

    gaps: Float64[np.ndarray, " cells"]
    """Of every bin of every part, its share of images times what came true less probability."""

    noise: Float64[np.ndarray, "b cells"]
    """What each resample of patients adds to them."""

    n_parts: int
    """The error is the mean of theirs."""

    def add_up(self, gaps: Float64[np.ndarray, " cells"]) -> float:
        """The error of such gaps, in [0, 1]."""
        return min(float(np.abs(gaps).sum() / self.n_parts), 1.0)

    def find_multiple(self, share: float) -> float:
        """Find the multiple of the gaps of which a share of studies sees no larger an error.

        Args:
            share: in [0, 1]; the larger it is, the smaller the multiple.

        Returns:
            From 0 to `_LARGEST_MULTIPLE`; 0 too where fewer studies see so small an error of no
            gaps at all.
        """
        seen = np.abs(self.gaps).sum()
        if seen == 0:
            return 0.0

        def exceed(multiple: float) -> float:
            drawn = np.abs(multiple * self.gaps + self.noise).sum(axis=1)
            return float(np.quantile(drawn, share) - seen)

        if exceed(0.0) >= 0:
            return 0.0
        top = 1.0
        while exceed(top) < 0:
            top *= 2
            if top >= _LARGEST_MULTIPLE:
                return _LARGEST_MULTIPLE
        return float(brentq(exceed, 0.0, top, xtol=1e-4))


def _resample(
    tallies: Sequence[_Tally], patients: ClassIndices, resampling: Resampling
) -> _Spectrum:
    """Draw patients again, the same for all parts."""
    n_cells = [tally.residuals.shape[1] for tally in tallies]
    part_of_cell = np.repeat(np.arange(len(tallies)), n_cells)
    by_patient = np.zeros((patients.size, sum(n_cells) + len(tallies)))
    start = 0
    for part, tally in enumerate(tallies):
        rows = np.searchsorted(patients, tally.patients)
        by_patient[rows, start : start + n_cells[part]] = tally.residuals
        by_patient[rows, sum(n_cells) + part] = tally.sizes
        start += n_cells[part]
    drawn = resample_sums(by_patient, resampling)
    sizes = drawn[:, sum(n_cells) :]
    seen = by_patient.sum(axis=0)
    gaps = seen[: sum(n_cells)] / seen[sum(n_cells) :][part_of_cell]
    # a part of few patients may have none in a resample: that adds nothing to its gaps
    is_drawn = sizes[:, part_of_cell] > 0
    shares = np.broadcast_to(gaps, is_drawn.shape).copy()
    np.divide(drawn[:, : sum(n_cells)], sizes[:, part_of_cell], out=shares, where=is_drawn)
    return _Spectrum(gaps, shares - gaps, len(tallies))
