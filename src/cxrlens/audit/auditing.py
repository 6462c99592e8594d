"""All parts of an audit joined.

SPDX-License-Identifier: Apache-2.0
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cxrlens.audit.cost import measure_cost
from cxrlens.audit.crossfit import Question, ask
from cxrlens.audit.frozen import Sensor, open_model, open_weights, sense, watch_all
from cxrlens.audit.gates import judge_model, judge_patients, judge_repeats, judge_shortcuts
from cxrlens.audit.lineage import (
    judge_lineage,
    name_collection,
    recognise_collections,
    recognise_weights,
    trace,
)
from cxrlens.audit.looking import Collection, look_at
from cxrlens.audit.model_check import Judged, judge_beside
from cxrlens.audit.pixel_features import describe_pixels
from cxrlens.audit.repeats import Link, find_links, gather_groups, group_rows
from cxrlens.audit.shortcuts import N_SHUFFLES, Finding, judge_clues, list_clues
from cxrlens.audit.suspects import find_suspects, find_suspects_by_class
from cxrlens.data import SPLITS, StudyTable, fingerprint
from cxrlens.model import Model
from cxrlens.vocabulary import (
    Audit,
    Gate,
    Kinship,
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

    weights: str | None = None
    """Of the recipes' backbone, whose features doubtful labels and the cost are found by: a file,
    or `imagenet`. None takes a model's own backbone, or plain pixel features."""

    with_cost: bool = False
    """Whether to say what leaks are worth."""

    collections: tuple[str, ...] = ()
    """Well-known collections that the images come from, by any of their names."""

    trained_on: tuple[str, ...] = ()
    """Well-known collections and weights that the model comes from, by any of their names."""


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


def audit(
    table: StudyTable, model: Model | None = None, *, progress: Progress | None = None
) -> Audit:
    """Ask whether a data set, or a model, is fooling you.

    Args:
        table: the images.
        model: to be judged beside the controls.
        progress: is told of every step.

    Returns:
        What was found.

    Raises:
        TableError: if no image can be read.
        BundleError: if the data have a class that the model does not know.
    """
    return run_audit(table, AuditOptions(), model=model, progress=progress).audit


def run_audit(
    table: StudyTable,
    options: AuditOptions,
    *,
    model: Model | None = None,
    progress: Progress | None = None,
) -> Audited:
    """Audit a collection, and keep what the audit was made from.

    Args:
        table: the images.
        options: how.
        model: to be judged beside the controls.
        progress: is told of every step.

    Raises:
        TableError: if no image can be read.
        BundleError: if the data have a class that the model does not know.
        WeightsError: if weights cannot be loaded.
        InputError: if a collection that was named is not known.
    """
    progress = progress or Silence()
    named = _name_collections(options)
    sensor = None if options.weights is None else open_weights(options.weights)
    beside = None if model is None else open_model(model)
    sensors = [one for one in (sensor, beside) if one is not None]
    collection = look_at(table, progress, watch_all(sensors))
    return audit_collection(collection, options, progress, sensors, named)


def audit_collection(
    collection: Collection,
    options: AuditOptions,
    progress: Progress,
    sensors: Sequence[Sensor] = (),
    named: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Audited:
    """Audit what was looked at.

    Args:
        collection: what was seen of each image.
        options: how.
        progress: is told of every step.
        sensors: the networks whose inputs were kept; the first one's features are used, the one
            with a model is judged.
        named: collections that the images, and those that the model, come from.
    """
    table = collection.table
    links = find_links(collection, progress)
    repeats, shared = gather_groups(table, links), find_shared_patients(table)
    groups = join_patients(collection, links)
    question, untested = _ask(collection, groups, options)
    sensed = _sense(collection, sensors)
    findings, more = _judge_shortcuts(collection, question)
    judged = _judge_model(collection, sensed, findings, question)
    if isinstance(judged, Judged):
        findings = judged.findings
    shortcuts, baselines = _sort(findings)
    check = judged.check if isinstance(judged, Judged) else None
    origin, lineage_gates = _trace(table, sensed, named)
    cost = None
    if options.with_cost and question is not None:
        progress.advance("cost of leaks", 0, 1)
        about = sensed.features, question.labels, groups, table.classes
        cost = measure_cost(*about, seed=options.seed)
        progress.advance("cost of leaks", 1, 1)
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
                judge_shortcuts(shortcuts, is_beside_model=check is not None),
                *judge_model(check),
                *lineage_gates,
            ),
            repeats=repeats,
            shared=shared,
            shortcuts=shortcuts,
            baselines=baselines,
            untested=(
                *_note_unknown(table),
                *untested,
                *more,
                *([judged] if isinstance(judged, str) else []),
            ),
            model=check,
            suspects=_find_suspects(table, sensed.features, question),
            features=sensed.told,
            odd=_count_odd(collection),
            lineage=origin,
            cost=cost,
            fingerprint=fingerprint(table, [look.file_digest for look in collection.looks]),
            notes=table.notes,
            refusals=table.refusals,
        ),
        collection,
        groups,
    )


def _name_collections(options: AuditOptions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was named, by its full name."""
    return (
        tuple(name_collection(word) for word in options.collections),
        tuple(name_collection(word) for word in options.trained_on),
    )


@dataclass(frozen=True, eq=False)
class _Sensed:
    """What networks made of the images."""

    features: np.ndarray
    told: str
    model: Model | None
    views: list[np.ndarray]


def _sense(collection: Collection, sensors: Sequence[Sensor]) -> _Sensed:
    pixels = "plain pixel features (no network was given)"
    features = describe_pixels(collection.squares, collection.hulls) if not sensors else None
    told, model, views = pixels, None, []
    for number, sensor in enumerate(sensors):
        own, answers = sense(sensor, [look.extra[number] for look in collection.looks])
        if features is None:
            features, told = own, sensor.told
        if sensor.model is not None:
            model, views = sensor.model, answers
    return _Sensed(np.asarray(features), told, model, views)


def _judge_model(
    collection: Collection,
    sensed: _Sensed,
    findings: Sequence[Finding],
    question: Question | None,
) -> Judged | str | None:
    if sensed.model is None or question is None:
        return None
    return judge_beside(sensed.model, collection, sensed.views, findings, question)


def _trace(
    table: StudyTable, sensed: _Sensed, named: tuple[tuple[str, ...], tuple[str, ...]]
) -> tuple[tuple[Kinship, ...], tuple[Gate, ...]]:
    """What is known of images and weights, and the gate that follows where there is a model."""
    collections = tuple(dict.fromkeys([*named[0], *recognise_collections(table)]))
    weights = named[1]
    if sensed.model is not None:
        told = sensed.model.bundle.record.initial_weights
        weights = tuple(dict.fromkeys([*weights, *recognise_weights(told)]))
    gates = (judge_lineage(collections, weights),) if weights or sensed.model is not None else ()
    return trace([*collections, *weights]), gates


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
    if question is None:
        return ()
    about = question.folds, table.relative_images, table.classes
    if table.is_multilabel:
        return find_suspects_by_class(features, table.label_matrix, *about)
    return find_suspects(features, table.targets, *about)


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
