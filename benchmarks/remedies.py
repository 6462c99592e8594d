"""What remedies against a shortcut are worth: before and after on the same patients.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/remedies.py SHARED WEIGHTS [--run RUN]

The failure: the classes of `covid3` come from different sources, so that the source tells them
apart. Before: a linear head on the features of a frozen backbone (WEIGHTS), cross-validated by
patient. After: the same with text removed, with the border cropped, and with heads that learn from
one source only. RUN is a training of all layers with `--folds` on the same table
(`cxrlens train SHARED/data/manifest.csv --images SHARED/data --where 'task == "covid3"'`): each of
its folds that is done is set beside a frozen head that learns from the same patients.

Two figures of each: how well the classes are told apart within one source, and how well the score
for COVID tells the source apart among images of one class, pneumonia, where it should tell nothing
(0.5).
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cxrlens.audit.crossfit import Answers, Question, answer, ask
from cxrlens.audit.frozen import open_model, open_weights, sense
from cxrlens.data import StudyTable, TableOptions, read_table
from cxrlens.evaluation import compare_repetitions
from cxrlens.imaging import try_read
from cxrlens.model import load
from cxrlens.vocabulary import GreyImage, Refusal

N_REPETITIONS = 10
CROPPED = 0.1
POSITIVE, NEUTRAL = "covid", "pneumonia"

Repetition = tuple[Answers, np.ndarray]


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("weights")
    parser.add_argument("--run", type=Path, help="a run folder with fold1/bundle and so on")
    options = parser.parse_args()
    data = options.shared / "data"
    chosen = TableOptions(images=data, where='task == "covid3"')
    sensor = open_weights(options.weights)
    cleaned = replace(sensor.preprocessing, remove_text=True)
    views: dict[str, Callable[[GreyImage], np.ndarray]] = {
        "as it is": sensor.preprocessing.apply,
        "text removed": cleaned.apply,
        f"{CROPPED:.0%} cropped at each side": lambda grey: sensor.preprocessing.apply(crop(grey)),
    }
    table, inputs = look(read_table(data / "manifest.csv", chosen), list(views.values()))
    print(f"{len(table)} images: {table.count_by('source')}")
    features = {name: sense(sensor, one)[0] for name, one in zip(views, inputs, strict=True)}
    frozen = features.pop("as it is")
    judged = Judge(table)
    before = judged.repeat(lambda question: answer(frozen, question))
    for name, own in features.items():
        after = judged.repeat(lambda question, own=own: answer(own, question))
        judged.tell(name, before, after)
    alone = judged.repeat(lambda question: answer_within(frozen, question, judged.sources))
    judged.tell("one source only", before, alone, has_one_model=False)
    if options.run is not None:
        compare_unfrozen(options.run, table, frozen, judged)


class Judge:
    """Labels, sources and patients of the collection, and the two figures."""

    def __init__(self, table: StudyTable) -> None:
        """Take what is judged against."""
        self.table = table
        matrix = table.label_matrix.astype(np.float64)
        self.labels = np.where(matrix < 0, np.nan, matrix)
        self.sources = np.unique(table.frame["source"].astype(str), return_inverse=True)[1]
        names = [p if p is not None else f"?{i}" for i, p in enumerate(table.patients)]
        self.patients = np.unique(names, return_inverse=True)[1]
        self.column = table.classes.index(POSITIVE)
        is_neutral = self.labels[:, table.classes.index(NEUTRAL)] == 1
        self.origin = np.where(
            is_neutral,
            self.sources == self.sources[np.argmax(self.labels[:, self.column] == 1)],
            np.nan,
        )[:, None]

    def repeat(self, learn: Callable[[Question], Answers]) -> list[Repetition]:
        """Cross-validate by patient, with other folds each time."""
        questions = [ask(self.labels, self.patients, seed=seed) for seed in range(N_REPETITIONS)]
        return [(learn(question), question.folds) for question in questions]

    def tell(
        self,
        name: str,
        before: Sequence[Repetition],
        after: Sequence[Repetition],
        rows: np.ndarray | None = None,
        *,
        has_one_model: bool = True,
    ) -> None:
        """Print both figures before and after, and their paired differences."""
        rows = np.arange(len(self.labels)) if rows is None else rows
        pooled = [[(s[rows], f[rows]) for s, f in one] for one in (after, before)]
        sources = self.sources[rows]
        within = [[(s, 10 * f + sources) for s, f in one] for one in pooled]
        column = [[(s[:, self.column : self.column + 1], f) for s, f in one] for one in pooled]
        classes, patients = self.table.classes, self.patients[rows]
        figures = {
            "macro AUROC within one source": (within, self.labels[rows], classes),
            "macro AUROC, pooled": (pooled, self.labels[rows], classes),
            f"AUROC of the source by the {POSITIVE} score, {NEUTRAL} alone": (
                column,
                self.origin[rows],
                ("source",),
            ),
        }
        print(f"\n{name} ({len(rows)} images)")
        for told, (pair, labels, names) in figures.items():
            if told.startswith("macro AUROC within") or has_one_model:
                gap = compare_repetitions(*pair, labels, names, patients)
                print(f"  {told}: before {gap.second}, after {gap.first}, change {gap.difference}")
            else:
                print(f"  {told}: not defined, since each source has a head of its own")


def look(
    table: StudyTable, views: Sequence[Callable[[GreyImage], np.ndarray]]
) -> tuple[StudyTable, list[list[np.ndarray]]]:
    """The images that can be read, and each as 8-bit inputs of a network, in several ways."""
    kept: list[int] = []
    inputs: list[list[np.ndarray]] = [[] for _ in views]
    for row, image in enumerate(table.images):
        radiograph = try_read(image)
        if isinstance(radiograph, Refusal):
            continue
        kept.append(row)
        for one, view in zip(inputs, views, strict=True):
            one.append(np.rint(view(radiograph.pixels)[None] * 255).astype(np.uint8))
    return table.take(kept), inputs


def crop(pixels: GreyImage) -> GreyImage:
    """Cut a tenth off each side."""
    rows, cols = (round(CROPPED * side) for side in pixels.shape)
    return np.ascontiguousarray(pixels[rows:-rows, cols:-cols])


def answer_within(features: np.ndarray, question: Question, sources: np.ndarray) -> Answers:
    """A head for each source, which learns from its images alone and answers for them."""
    found = np.zeros_like(question.labels)
    for source in np.unique(sources):
        rows = np.flatnonzero(sources == source)
        own = Question(
            question.labels[rows],
            question.clusters[rows],
            question.folds[rows],
            question.shuffles[rows],
        )
        found[rows] = answer(features[rows], own)
    return found


def compare_unfrozen(run: Path, table: StudyTable, frozen: np.ndarray, judged: Judge) -> None:
    """Set the folds of a training of all layers beside frozen heads of the same patients."""
    row_of = {name: row for row, name in enumerate(table.relative_images)}
    scores = {name: np.zeros_like(judged.labels) for name in ("frozen", "unfrozen")}
    folds = np.full(len(table), -1)
    for number, folder in enumerate(sorted(run.glob("fold*/bundle"))):
        split = pd.read_csv(folder.parent / "split.csv", dtype=str)
        part = {
            name: np.array([row_of[one] for one in split["image"][split["split"] == name]])
            for name in ("train", "val", "test")
        }
        test, known = part["test"], np.concatenate([part["train"], part["val"]])
        model = load(folder)
        columns = [model.classes.index(name) for name in table.classes]
        sensor = open_model(model)
        _, (inputs,) = look(table.take(test), [sensor.preprocessing.apply])
        scores["unfrozen"][test] = sense(sensor, inputs)[1][0][:, columns]
        both = np.concatenate([known, test])
        side = np.repeat([0, 1], [len(known), len(test)])
        none = np.empty((len(both), 0), dtype=np.int64)
        question = Question(judged.labels[both], judged.patients[both], side, none)
        scores["frozen"][test] = answer(frozen[both], question)[len(known) :]
        folds[test] = number
    rows = np.flatnonzero(folds >= 0)
    pair = ([(scores[name], folds)] for name in ("frozen", "unfrozen"))
    judged.tell(f"all layers unfrozen, {folds.max() + 1} folds", *pair, rows)


if __name__ == "__main__":
    main()
