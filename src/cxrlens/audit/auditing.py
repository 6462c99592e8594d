"""All parts of an audit joined.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cxrlens.audit.crossfit import Question, ask
from cxrlens.audit.gates import judge_model, judge_patients, judge_repeats, judge_shortcuts
from cxrlens.audit.looking import Collection, look_at
from cxrlens.audit.pixel_features import describe_pixels
from cxrlens.audit.repeats import Link, find_links, gather_groups, group_rows
from cxrlens.audit.shortcuts import N_SHUFFLES, Finding, judge_clues, list_clues
from cxrlens.audit.suspects import find_suspects
from cxrlens.data import SPLITS, StudyTable, fingerprint
from cxrlens.vocabulary import (
    Audit,
    OddCount,
    Plain,
    Progress,
    SharedPatients,
    Shortcut,
    Silence,
    Suspect,
)

MIN_PATIENTS = 10
"""Of a class: with fewer nothing is learnt by the controls."""

N_EXAMPLES = 3
"""Sentences kept of each kind of odd image."""


@dataclass(frozen=True)
class AuditOptions:
    """What is audited, and how."""

    title: str = "audit"
    """Heading of the report."""

    command: str = ""
    """What was run."""

    seed: int = 0
    """Of folds and shuffles."""

    n_shuffles: int = N_SHUFFLES
    """Of the labels, for what chance gives."""


@dataclass(frozen=True, eq=False)
class Audited:
    """An audit with what it was made from."""

    audit: Audit
    """What was found."""

    collection: Collection
    """What was seen of each image."""

    groups: np.ndarray
    """A number for each row: those of one patient or of one picture share it."""

    @property
    def root(self) -> str:
        """The folder that names of images start from."""
        return self.collection.table.root


def audit(table: StudyTable, *, progress: Progress | None = None) -> Audit:
    """Ask whether a data set is fooling you.

    Args:
        table: the images.
        progress: is told of every step.

    Returns:
        What was found.

    Raises:
        TableError: if no image can be read.
    """
    return run_audit(table, AuditOptions(), progress=progress).audit


def run_audit(
    table: StudyTable, options: AuditOptions, *, progress: Progress | None = None
) -> Audited:
    """Audit a collection, and keep what the audit was made from.

    Args:
        table: the images.
        options: how.
        progress: is told of every step.

    Raises:
        TableError: if no image can be read.
    """
    progress = progress or Silence()
    return audit_collection(look_at(table, progress), options, progress)


def audit_collection(collection: Collection, options: AuditOptions, progress: Progress) -> Audited:
    """Audit what was looked at."""
    table = collection.table
    links = find_links(collection, progress)
    repeats = gather_groups(table, links)
    shared = find_shared_patients(table)
    groups = join_patients(collection, links)
    question, untested = _ask(collection, groups, options)
    findings, more = _judge_shortcuts(collection, question)
    shortcuts, baselines = _sort(findings)
    features = describe_pixels(collection.squares, collection.hulls)
    known = [patient for patient in table.patients if patient is not None]
    return Audited(
        Audit(
            title=options.title,
            command=options.command,
            n_images=len(table),
            n_patients=len(set(known)),
            n_unknown_patients=len(table) - len(known),
            is_phantom=table.is_phantom,
            counts=_count(table),
            gates=(
                judge_patients(table, shared),
                *judge_repeats(table, repeats),
                judge_shortcuts(shortcuts, is_beside_model=False),
                *judge_model(None),
            ),
            repeats=repeats,
            shared=shared,
            shortcuts=shortcuts,
            baselines=baselines,
            untested=(*_note_unknown(table), *untested, *more),
            model=None,
            suspects=_find_suspects(table, features, question),
            features="pixels",
            odd=_count_odd(collection),
            lineage=(),
            cost=None,
            fingerprint=fingerprint(table, [look.file_digest for look in collection.looks]),
            notes=table.notes,
            refusals=table.refusals,
        ),
        collection,
        groups,
    )


def join_patients(collection: Collection, links: Sequence[Link]) -> np.ndarray:
    """A number for each row; those of one patient, or of one picture, share it."""
    clusters = collection.clusters
    _, first = np.unique(clusters, return_index=True)
    by_patient = [(int(first[cluster]), row) for row, cluster in enumerate(clusters.tolist())]
    by_picture = [(link.first, link.second) for link in links]
    return group_rows(len(clusters), [*by_patient, *by_picture])


def find_shared_patients(table: StudyTable) -> tuple[SharedPatients, ...]:
    """Find patients who stand in two parts of the split."""
    parts_of: dict[str, Counter[str]] = {}
    for patient, part in zip(table.patients, table.frame["split"], strict=True):
        if patient is not None and part is not None:
            parts_of.setdefault(patient, Counter())[part] += 1
    found = []
    for one, other in combinations(SPLITS, 2):
        both = [its for its in parts_of.values() if one in its and other in its]
        if both:
            n_images = sum(its[one] + its[other] for its in both)
            found.append(SharedPatients((one, other), len(both), n_images))
    return tuple(found)


def _ask(
    collection: Collection, groups: np.ndarray, options: AuditOptions
) -> tuple[Question | None, list[str]]:
    """The question that all controls answer; None where there is too little to learn from."""
    labels, classes = collection.labels, collection.table.classes
    n_groups = [len(np.unique(groups[labels[:, k] == 1])) for k in range(len(classes))]
    enough = [k for k, n in enumerate(n_groups) if n >= MIN_PATIENTS]
    if len(enough) < (1 if collection.table.is_multilabel else 2):
        told = ", ".join(f"{name} {n}" for name, n in zip(classes, n_groups, strict=True))
        return None, [
            f"shortcuts and labels: not tested, since two classes need {MIN_PATIENTS} patients or "
            f"more; got {told or 'no label'}"
        ]
    return ask(labels, groups, seed=options.seed, n_shuffles=options.n_shuffles), []


def _judge_shortcuts(
    collection: Collection, question: Question | None
) -> tuple[tuple[Finding, ...], list[str]]:
    if question is None:
        return (), []
    clues, untested = list_clues(collection)
    return judge_clues(clues, question, collection.table.classes), untested


def _sort(findings: Sequence[Finding]) -> tuple[tuple[Shortcut, ...], tuple[Shortcut, ...]]:
    """The family and the baselines, the strongest first."""
    told = sorted((one.shortcut for one in findings), key=lambda one: -(one.auroc.value or 0))
    return (
        tuple(one for one in told if one.p_value is not None),
        tuple(one for one in told if one.p_value is None),
    )


def _find_suspects(
    table: StudyTable, features: np.ndarray, question: Question | None
) -> tuple[Suspect, ...]:
    if question is None or table.is_multilabel:
        return ()
    names, classes = table.relative_images, table.classes
    return find_suspects(features, table.targets, question.folds, names, classes)


def _note_unknown(table: StudyTable) -> list[str]:
    n = sum(patient is None for patient in table.patients)
    if not n:
        return []
    return [
        f"patients: not known for {n} of {len(table)} images, each of which counts as a patient of "
        "its own: leaks between them show only where a picture is repeated, and controls and "
        "intervals are surer of themselves than they should be"
    ]


def _count(table: StudyTable) -> Plain:
    return {
        "part": table.counts,
        "source": table.count_by("source"),
        "view": table.count_by("view"),
    }


def _count_odd(collection: Collection) -> tuple[OddCount, ...]:
    told = [(w.reason, w.message) for look in collection.looks for w in look.warnings]
    told += [(refusal.reason, refusal.message) for refusal in collection.table.refusals]
    counts = Counter(reason for reason, _ in told).most_common()
    return tuple(
        OddCount(reason, n, tuple([text for one, text in told if one == reason][:N_EXAMPLES]))
        for reason, n in counts
    )
