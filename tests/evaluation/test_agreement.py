"""Agreement against statsmodels, scikit-learn, published tables, loops and simulation.

SPDX-License-Identifier: Apache-2.0
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multinomial, multivariate_normal, norm, t
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from cxrlens.evaluation.agreement import Agreement, measure_agreement
from cxrlens.vocabulary import Estimate

Table = tuple[int, int, int, int]

tables = st.tuples(*[st.integers(0, 40)] * 4)


def _spread(table: Table) -> tuple[np.ndarray, np.ndarray]:
    reader = np.repeat([True, True, False, False], table)
    machine = np.repeat([True, False, True, False], table)
    return reader, machine


def _measure(table: Table) -> Agreement:
    return measure_agreement(*_spread(table), np.arange(sum(table)))


def _get_ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


@pytest.mark.parametrize(
    ("table", "share", "kappa", "pabak", "prevalence", "bias"),
    [
        # Feinstein and Cicchetti, J Clin Epidemiol 1990;43:543-549. The first paradox: alike in
        # agreement, far apart in κ.
        ((40, 9, 6, 45), 0.85, 0.70, 0.70, -0.05, 0.03),
        ((80, 10, 5, 5), 0.85, 0.32, 0.70, 0.75, 0.05),
        # The second: a larger κ where the two differ in how often they say yes.
        ((45, 15, 25, 15), 0.60, 0.13, 0.20, 0.30, -0.10),
        ((25, 35, 5, 35), 0.60, 0.26, 0.20, -0.10, 0.30),
    ],
)
def test_published_tables(
    table: Table, share: float, kappa: float, pabak: float, prevalence: float, bias: float
) -> None:
    told = _measure(table)
    counts = told.counts
    assert table == (
        counts.both_present, counts.only_reader, counts.only_machine, counts.both_absent,
    )  # fmt: skip
    assert told.share.value == pytest.approx(share)
    assert told.kappa.value == pytest.approx(kappa, abs=0.005)
    assert told.pabak.value == pytest.approx(pabak)
    assert told.prevalence_index == pytest.approx(prevalence)
    assert told.bias_index == pytest.approx(bias)


@given(tables.filter(lambda table: sum(table) > 0))
def test_kappa_is_that_of_two_libraries(table: Table) -> None:
    reader, machine = _spread(table)
    told = _measure(table).kappa.value
    if len({*reader.tolist(), *machine.tolist()}) == 1:
        assert told is None  # both libraries say NaN, with a warning
        return
    assert told == pytest.approx(cohen_kappa_score(reader, machine))
    library = cohens_kappa([table[:2], table[2:]], return_results=False)
    assert told == pytest.approx(library)


@given(st.tuples(*[st.integers(5, 200)] * 4))
def test_variance_is_that_of_statsmodels(table: Table) -> None:
    """With enough of each kind: Fleiss, Cohen and Everitt's, on Fisher's z scale, Student's t."""
    told, n = _measure(table).kappa, sum(table)
    library = cohens_kappa([table[:2], table[2:]])
    error = math.sqrt(library.var_kappa * n / (n - 1)) / (1 - library.kappa**2)
    reach = float(t.ppf(0.975, n - 1)) * error
    expected = np.tanh(np.arctanh(library.kappa) + np.array([-reach, reach]))
    assert "widened" not in told.method
    assert _get_ends(told) == pytest.approx(tuple(expected))


def _measure_slowly(reader: np.ndarray, machine: np.ndarray, clusters: np.ndarray) -> float:
    """The variance of κ by letting each patient count a little more, one at a time."""

    def find_kappa(weights: np.ndarray) -> float:
        total = weights.sum()
        cells = [
            [weights[(reader == row) & (machine == column)].sum() / total for column in (0, 1)]
            for row in (0, 1)
        ]
        seen = cells[0][0] + cells[1][1]
        chance = sum(
            (cells[one][0] + cells[one][1]) * (cells[0][one] + cells[1][one]) for one in (0, 1)
        )
        return float((seen - chance) / (1 - chance))

    patients, step, total = sorted(set(clusters.tolist())), 1e-6, 0.0
    for patient in patients:
        more = np.where(clusters == patient, 1 + step, 1.0)
        less = np.where(clusters == patient, 1 - step, 1.0)
        total += ((find_kappa(more) - find_kappa(less)) / (2 * step)) ** 2
    return total * len(patients) / (len(patients) - 1)


@pytest.mark.parametrize("seed", range(6))
def test_several_cases_a_patient_by_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(40) * 3, rng.integers(1, 5, 40))
    own = rng.normal(size=121)[clusters]
    reader, machine = (own + rng.normal(size=clusters.size) > 0 for _ in range(2))
    order = rng.permutation(clusters.size)
    told = measure_agreement(reader[order], machine[order], clusters[order])
    assert (told.n_cases, told.n_patients) == (clusters.size, 40)
    kappa = cohen_kappa_score(reader, machine)
    error = math.sqrt(_measure_slowly(reader, machine, clusters)) / (1 - kappa**2)
    reach = float(t.ppf(0.975, 39)) * error
    expected = np.tanh(np.arctanh(kappa) + np.array([-reach, reach]))
    assert _get_ends(told.kappa) == pytest.approx(tuple(expected), rel=1e-5)


def test_copies_of_cases_tell_nothing_new() -> None:
    reader, machine = _spread((12, 7, 8, 20))
    once = measure_agreement(reader, machine, np.arange(47)).kappa
    twice = measure_agreement(np.repeat(reader, 2), np.repeat(machine, 2), np.arange(94) // 2)
    assert _get_ends(twice.kappa) == pytest.approx(_get_ends(once))


@given(tables.filter(lambda table: sum(table) > 0), st.integers(1, 4))
def test_bounds_and_byrts_identity(table: Table, images: int) -> None:
    reader, machine = _spread(table)
    told = measure_agreement(reader, machine, np.arange(reader.size) // images)
    assert told.share.value is not None
    assert told.pabak.value is not None
    assert told.prevalence_index is not None
    assert told.bias_index is not None
    assert told.pabak.value == pytest.approx(2 * told.share.value - 1)
    if told.pabak.low is not None:
        assert told.share.low is not None
        assert told.pabak.low == pytest.approx(2 * told.share.low - 1)
    if told.kappa.value is None:
        return
    # Byrt, Bishop and Carlin 1993, the equation that joins the four figures:
    gap = told.bias_index**2 - told.prevalence_index**2
    assert told.kappa.value == pytest.approx((told.pabak.value + gap) / (1 + gap))
    assert -1 <= told.kappa.value <= 1
    if told.kappa.low is not None:
        low, high = _get_ends(told.kappa)
        assert -1 <= low <= told.kappa.value <= high <= 1
        assert high > low


@given(tables.filter(lambda table: sum(table) > 0), st.integers(1, 3))
def test_symmetry(table: Table, images: int) -> None:
    """Who of the two is called the reader plays no part, nor does which answer is called yes."""
    reader, machine = _spread(table)
    clusters = np.arange(reader.size) // images
    told = measure_agreement(reader, machine, clusters)
    for other in (
        measure_agreement(machine, reader, clusters),
        measure_agreement(~reader, ~machine, clusters),
    ):
        for one, two in ((told.share, other.share), (told.kappa, other.kappa)):
            assert one.method == two.method
            for mine, theirs in ((one.value, two.value), (one.low, two.low), (one.high, two.high)):
                assert mine == pytest.approx(theirs, abs=1e-9)


def test_two_who_never_differ_leave_room() -> None:
    told = _measure((10, 0, 0, 34))
    low, high = _get_ends(told.kappa)
    assert (told.kappa.value, high) == (1, 1)
    assert "widened" in told.kappa.method
    # Wilson's of the share of agreement, with the chance agreement as it was seen
    chance = (10 / 44) ** 2 + (34 / 44) ** 2
    share = proportion_confint(44, 44, method="wilson")[0]
    assert low == pytest.approx(1 - (1 - share) / (1 - chance))
    fewer = _get_ends(_measure((2, 0, 0, 42)).kappa)[0]
    assert fewer < low  # with two positives one could have had both by luck


def test_what_is_not_defined_is_said_in_words() -> None:
    alike = _measure((0, 0, 0, 44))
    assert alike.kappa.value is None
    assert "one and the same answer" in alike.kappa.method
    assert alike.share.value == 1
    constant = _measure((0, 3, 0, 41)).kappa
    assert (constant.value, constant.low, constant.high) == (0, None, None)
    assert "κ is 0 whatever" in constant.method
    nobody = _measure((0, 0, 0, 0))
    for one in (nobody.share, nobody.kappa, nobody.pabak):
        assert one.value is None
        assert one.method == "not defined: no case that both answered"
    assert nobody.prevalence_index is None
    assert nobody.bias_index is None


def test_few_patients_have_no_interval() -> None:
    reader, machine = _spread((6, 2, 2, 6))
    told = measure_agreement(reader, machine, np.arange(16) % 4)
    for one in (told.share, told.kappa, told.pabak):
        assert one.value is not None
        assert (one.low, one.high) == (None, None)
        assert one.method == "no interval: it rests on 4 patients, fewer than 5"


def _find_cells(prevalence: tuple[float, float], kappa: float) -> np.ndarray | None:
    """The chances of the four kinds of case; None where there is no such κ."""
    ours, theirs = prevalence
    chance = ours * theirs + (1 - ours) * (1 - theirs)
    both = (kappa * (1 - chance) + chance - 1 + ours + theirs) / 2
    cells = np.array([both, ours - both, theirs - both, 1 - ours - theirs + both])
    return cells.clip(0, 1) / cells.clip(0, 1).sum() if cells.min() > -1e-9 else None


Ends = list[tuple[float | None, float | None]]


def _list_ends(tables: list[Table]) -> Ends:
    told = [_measure(table).kappa for table in tables]
    return [(one.low, one.high) for one in told]


def _cover(ends: Ends, weights: np.ndarray, kappa: float) -> float | None:
    """How often an interval holds κ; None where two thirds of the studies or more have none."""
    has_ends, held = np.zeros(len(ends), dtype=bool), np.zeros(len(ends), dtype=bool)
    for i, (low, high) in enumerate(ends):
        if low is not None and high is not None:
            has_ends[i], held[i] = True, low - 1e-9 <= kappa <= high + 1e-9
    share = float(weights[has_ends].sum() / weights.sum())
    return float(weights[held].sum() / weights[has_ends].sum()) if share > 1 / 3 else None


def _simulate(n: int, prevalence: tuple[float, float], kappa: float, studies: int) -> float | None:
    cells = _find_cells(prevalence, kappa)
    if cells is None:
        return None
    drawn, counts = np.unique(
        np.random.default_rng(4).multinomial(n, cells, studies), axis=0, return_counts=True
    )
    return _cover(_list_ends([tuple(one) for one in drawn.tolist()]), counts, kappa)


SETTINGS = [
    (prevalence, kappa)
    for prevalence in ((0.05, 0.05), (0.15, 0.15), (0.5, 0.5), (0.1, 0.3), (0.9, 0.9))
    for kappa in (0.0, 0.4, 0.7, 0.9, 0.97)
]


@pytest.mark.parametrize(("n", "kappa"), [(44, 0.8), (200, 0.6)])
def test_coverage(n: int, kappa: float) -> None:
    held = _simulate(n, (0.3, 0.3), kappa, 600)
    assert held is not None
    assert 0.92 <= held <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("n", [12, 20, 28])
def test_exact_coverage_of_small_studies(n: int) -> None:
    """Of every table that there is, by how likely it is: no simulation."""
    tables = [
        (a, b, c, n - a - b - c)
        for a in range(n + 1) for b in range(n + 1 - a) for c in range(n + 1 - a - b)
    ]  # fmt: skip
    ends, counts = _list_ends(tables), np.array(tables)
    held = []
    for prevalence, kappa in SETTINGS:
        cells = _find_cells(prevalence, kappa)
        if cells is not None:
            one = _cover(ends, multinomial(n, cells).pmf(counts), kappa)
            held += [] if one is None else [one]
    assert min(held) >= 0.93
    assert 0.94 <= np.mean(held) <= 0.995


@pytest.mark.slow
def test_coverage_by_share_of_positives() -> None:
    told = [_simulate(150, prevalence, kappa, 200) for prevalence, kappa in SETTINGS]
    held = [one for one in told if one is not None]
    # the least of 20 with a binomial error of 1.5 %
    assert min(held) >= 0.9
    assert 0.94 <= np.mean(held) <= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("n_patients", [20, 40, 120])
@pytest.mark.parametrize("within", [0.0, 0.6, 0.95])
def test_coverage_where_patients_have_several_images(n_patients: int, within: float) -> None:
    """A patient's images share what makes the two agree, and what makes either err."""
    border, agreeing, studies = float(norm.ppf(0.7)), 0.8, 300
    both = multivariate_normal(cov=[[1, agreeing], [agreeing, 1]]).cdf([-border, -border])
    chance = 0.3**2 + 0.7**2
    kappa = (1 - 0.6 + 2 * both - chance) / (1 - chance)
    rng, held, naive = np.random.default_rng(2), [], []
    for _ in range(studies):
        clusters = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
        seen, ours, theirs = (
            math.sqrt(within) * rng.normal(size=n_patients)[clusters]
            + math.sqrt(1 - within) * rng.normal(size=clusters.size)
            for _ in range(3)
        )
        answers = [
            math.sqrt(agreeing) * seen + math.sqrt(1 - agreeing) * own > border
            for own in (ours, theirs)
        ]
        for numbers, into in ((clusters, held), (np.arange(clusters.size), naive)):
            low, high = _get_ends(measure_agreement(answers[0], answers[1], numbers).kappa)
            into.append(low <= kappa <= high)
    assert 0.91 <= np.mean(held) <= 0.99  # with a binomial error of 1.3 %
    if within > 0.9:
        assert np.mean(naive) < 0.9  # every image taken for a patient of its own
