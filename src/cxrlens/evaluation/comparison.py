"""Two prediction tables of the same cases become a comparison.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrlens.evaluation.auroc import Ranking
from cxrlens.evaluation.auroc_gap import measure_auroc_gap
from cxrlens.evaluation.bootstrap import Resampling, resample_aurocs
from cxrlens.evaluation.cases import (
    AnyCases,
    Cases,
    MultiLabelCases,
    select_labelled,
    select_multilabel,
)
from cxrlens.evaluation.discordance import measure_discordance
from cxrlens.evaluation.gap import Gap
from cxrlens.evaluation.macro_auroc_gap import ClassDraws, compare_macro_aurocs
from cxrlens.evaluation.paired_figure import PairedFigure, Size, adjust, pair_figures
from cxrlens.evaluation.pairing import match_tables
from cxrlens.evaluation.patients import count_patients
from cxrlens.evaluation.records import Difference
from cxrlens.evaluation.share_gap import measure_share_gap, resample_share_gap
from cxrlens.vocabulary import ClassIndices, Decisions, Flags, InputError, PredictionTable

SMALLEST = 0.02
"""The smallest difference of interest where nobody says another."""

CLASS_FIGURES = ("AUROC", "sensitivity", "specificity")
"""What is measured of each class."""


@dataclass(frozen=True)
class Comparison:
    """How much better one model is than another, on the same cases."""

    classes: tuple[str, ...]
    """In the order of the figures of each kind."""

    is_multilabel: bool
    """Whether an image may have several classes, or none, so that each is judged on its own."""

    n_images: int
    """Images with a known truth: the ones that every figure rests on. Of several labels an image,
    those with one that is known; a class's figures rest on those whose label for it is known."""

    n_patients: int
    """Their patients; an unknown patient counts as one each."""

    n_unknown_patients: int
    """Images among them whose patient is unknown."""

    n_unlabelled: int
    """Images left out since their truth is missing."""

    smallest: float
    """The smallest difference of interest: `needed` of every figure is for it."""

    overall: tuple[PairedFigure, ...]
    """Of all classes together: the macro AUROC (of two classes that exclude each other the AUROC of
    the second) and, where an image has one class, the accuracy. Their p-values are not adjusted."""

    per_class: tuple[PairedFigure, ...]
    """AUROC, sensitivity and specificity, each of every class. The p-values of each are adjusted
    after Holm over the classes, but for two classes that exclude each other: they mirror one
    another."""

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes that exclude each other."""
        return len(self.classes) == 2 and not self.is_multilabel

    @property
    def told(self) -> tuple[PairedFigure, ...]:
        """The figures without those that say the same again: of two classes the second's."""
        if not self.is_binary:
            return (*self.overall, *self.per_class)
        own = [one for one in self.per_class if one.class_name == self.classes[1]]
        return (*self.overall, *(one for one in own if one.name != "AUROC"))

    @property
    def macro_auroc(self) -> Difference:
        """Of the mean over classes, each against all others; for two classes of the second's."""
        return self.overall[0].difference

    @property
    def accuracy(self) -> Difference:
        """Of the share of right decisions.

        Raises:
            InputError: if an image may have several classes.
        """
        if self.is_multilabel:
            raise InputError("an image may have several classes: there is no accuracy of the whole")
        return self.overall[1].difference

    @property
    def auroc(self) -> tuple[Difference, ...]:
        """Of each class against all others."""
        return tuple(one.difference for one in self.per_class if one.name == "AUROC")


def compare(
    first: PredictionTable,
    second: PredictionTable,
    *,
    seed: int = 0,
    resamples: int = 2000,
    smallest: float = SMALLEST,
) -> Comparison:
    """Compare two models on the same cases: the first one's figures less the second's.

    A table that brings its decisions is held by those, as in `judge`. Else each image is decided
    for the class with the largest probability; where it may have several, for every class with a
    probability of at least 0.5. Where it may have several each class is compared on its own, on
    the images whose label for it is known. Images of one patient are taken as dependent, patients
    as independent, the trained models as given: another training of the same recipe may give
    another difference. The folds of the two may differ; scores are compared within each model's
    own.

    Args:
        first: of the model that is asked about.
        second: of the other; the same images, in any order.
        seed: of the bootstrap.
        resamples: how many times patients are drawn again, at least 40.
        smallest: the smallest difference of interest, in (0, 1): how many cases it takes to find
            it is told.

    Returns:
        The figures of both and their differences, each with a 95 % interval where there are
        patients enough.

    Raises:
        TableError: if classes, images, truths, labels or patients differ, an image occurs twice,
            or no truth is known.
        InputError: if there are too few resamples, or the smallest difference is none.

    Source:
        `measure_auroc_gap`, `measure_share_gap`, `measure_discordance` and `find_cases_needed` name
        their own; bootstrap: percentiles over patients, the same ones for both models (Davison
        and Hinkley, Bootstrap Methods and their Application, 1997, §5.3); differences where few
        patients tell the models apart are widened after Newcombe, Stat Med 1998;17:2635-2650.
    """
    if not 0 < smallest < 1:
        raise InputError(
            f"the smallest difference of interest lies between 0 and 1; got {smallest:g}; give one "
            "such as 0.02"
        )
    resampling = Resampling(seed, resamples)
    tables = first, match_tables(first, second)
    models = _select(tables[0]), _select(tables[1])
    decided = tables[0].decided[first.is_labelled], tables[1].decided[first.is_labelled]
    clusters = models[0].clusters
    size = Size(count_patients(clusters), clusters.size, smallest)
    study = _Study(models, decided, size, resampling)
    gaps = [measure_auroc_gap(*study.rank(i)) for i in range(len(first.classes))]
    present = [index for index, gap in enumerate(gaps) if gap]
    draws = resample_aurocs(models, present, resampling) if present else np.empty((0, 2, 0))
    is_multilabel = isinstance(models[0], MultiLabelCases)
    known = np.flatnonzero(first.is_labelled)
    return Comparison(
        classes=first.classes,
        is_multilabel=is_multilabel,
        n_images=size.n_images,
        n_patients=size.n_patients,
        n_unknown_patients=sum(first.patients[row] is None for row in known),
        n_unlabelled=len(first.images) - len(known),
        smallest=smallest,
        overall=study.compare_overall(gaps, draws),
        per_class=study.compare_classes(gaps, draws),
    )


def _select(table: PredictionTable) -> AnyCases:
    if table.labels is not None:
        return select_multilabel(table, table.labels)
    return select_labelled(table)


@dataclass(frozen=True, eq=False)
class _Study:
    """Two models on the same labelled images, in the same order."""

    models: tuple[AnyCases, AnyCases]
    decided: tuple[Decisions, Decisions]
    size: Size
    resampling: Resampling

    @property
    def classes(self) -> tuple[str, ...]:
        return self.models[0].classes

    @property
    def is_binary(self) -> bool:
        return isinstance(self.models[0], Cases) and len(self.classes) == 2

    def rank(self, index: int) -> tuple[Ranking, Ranking]:
        return self.models[0].rank(index), self.models[1].rank(index)

    def compare_overall(
        self, gaps: Sequence[Gap | None], draws: ClassDraws
    ) -> tuple[PairedFigure, ...]:
        """The macro AUROC and, where an image has one class, the accuracy."""
        if self.is_binary:
            moved = draws[:, 0, -1] - draws[:, 1, -1] if gaps[1] else np.empty(0)
            auroc = pair_figures(("AUROC", None), gaps[1], moved, self.size)
        else:
            auroc = self._compare_means(gaps, draws)
        cases = self.models[0]
        if not isinstance(cases, Cases):
            return (auroc,)
        first, second = (np.argmax(one, axis=1) == cases.truth for one in self.decided)
        everyone = np.ones(cases.truth.size, dtype=np.bool_)
        shares = (np.asarray(first), np.asarray(second))
        return auroc, self._compare_shares(("accuracy", None), shares, cases.clusters, everyone)

    def compare_classes(
        self, gaps: Sequence[Gap | None], draws: ClassDraws
    ) -> tuple[PairedFigure, ...]:
        """AUROC, sensitivity and specificity of each class, adjusted over the classes."""
        moved = iter((draws[:, 0] - draws[:, 1]).T)
        nothing = np.empty(0)
        aurocs = [
            pair_figures(("AUROC", name), gap, next(moved) if gap else nothing, self.size)
            for name, gap in zip(self.classes, gaps, strict=True)
        ]
        shares = [self._compare_decisions(index) for index in range(len(self.classes))]
        kinds = [aurocs, [one for one, _ in shares], [one for _, one in shares]]
        if self.is_binary or len(self.classes) == 1:
            return tuple(one for kind in kinds for one in kind)
        return tuple(one for kind in kinds for one in adjust(kind))

    def _compare_means(self, gaps: Sequence[Gap | None], draws: ClassDraws) -> PairedFigure:
        means = compare_macro_aurocs(self.classes, gaps, draws)
        return PairedFigure(
            name="macro AUROC",
            class_name=None,
            first=means.first,
            second=means.second,
            difference=means.difference,
            bootstrap=means.ends,
            discordance=None,
            p_value=means.difference.p_value,
            adjusted_p_value=None,
            needed=self.size.plan(means.variance, self.size.smallest),
            needed_as_seen=self.size.plan(means.variance, means.difference.estimate.value),
        )

    def _compare_decisions(self, index: int) -> tuple[PairedFigure, PairedFigure]:
        """Sensitivity and specificity of one class."""
        ranking, name = self.models[0].rank(index), self.classes[index]
        truth, clusters = ranking.is_positive, ranking.clusters
        first, second = (one[self._find_known(index), index] for one in self.decided)
        return (
            self._compare_shares(("sensitivity", name), (first, second), clusters, truth),
            self._compare_shares(("specificity", name), (~first, ~second), clusters, ~truth),
        )

    def _find_known(self, index: int) -> Flags:
        """The images of which it is known whether they have one class."""
        cases = self.models[0]
        if isinstance(cases, MultiLabelCases):
            return np.isin(cases.labels[:, index], (0, 1))
        return np.ones(cases.truth.size, dtype=np.bool_)

    def _compare_shares(
        self,
        name: tuple[str, str | None],
        right: tuple[Flags, Flags],
        clusters: ClassIndices,
        rows: Flags,
    ) -> PairedFigure:
        """How often each is right, on some of the images."""
        if not rows.any():
            return pair_figures(name, None, np.empty(0), self.size)
        about = right[0][rows], right[1][rows], clusters[rows]
        return pair_figures(
            name,
            measure_share_gap(*about),
            resample_share_gap(*about, self.resampling),
            self.size,
            measure_discordance(*about),
        )
