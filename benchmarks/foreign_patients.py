"""Patients that a model was not made for, under a rule that was certified on those it was made for.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/foreign_patients.py BUNDLE OWN --images FOLDER --shared SHARED
     [--risk 0.05] [--finding PNEUMONIA]

OWN is a table of the model's own kind of patients (such as a fold's `split.csv`); of it the images
that the bundle never saw are split by patient in two, and on one half a threshold is certified to
decide negative. The other half, and adults (SHARED/data/manifest.csv, task covid3), are then ruled
as a reading room at partial automation rules them: reservations of the image checks and the
out-of-distribution score first, then the threshold. Refused images never reach the model.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import cxrlens as cxr
from cxrlens.data import TableOptions, read_table
from cxrlens.evaluation import (
    CertifiedBundle,
    Promise,
    ReferenceCases,
    certify,
    measure_proportion,
)
from cxrlens.serving.ruling import Outputs, Rule, list_reservations, rule
from cxrlens.vocabulary import NOT_A_DEVICE, Prediction, digest

REASONS = ("not-confident", "out-of-distribution", "view", "quality")


@dataclass(frozen=True)
class Film:
    """One image with what is known of it."""

    path: Path
    label: str
    patient: str


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("own", type=Path)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--finding", default="PNEUMONIA")
    parser.add_argument("--risk", type=float, default=0.05)
    asked = parser.parse_args()
    model = cxr.load(asked.bundle, engine="openvino")
    unseen = {
        name: one
        for one in list_films(asked.own, asked.images)
        if (name := digest(one.path.read_bytes())) not in model.bundle.seen
    }
    own = list(unseen.values())  # of the same bytes one is enough
    patients = sorted({one.patient for one in own})
    first = set(np.random.default_rng(0).permutation(patients)[: len(patients) // 2].tolist())
    tested = [one for one in own if one.patient in first]
    threshold = certify_on(model, tested, asked.finding, asked.risk)
    print("| patients | images | refused | decided negative | "
          + " | ".join(f"referred: {one}" for one in REASONS)
          + " | with pneumonia, decided negative |")  # fmt: skip
    print("|---" * (5 + len(REASONS)) + "|")
    groups = {"own, the other half": [one for one in own if one.patient not in first]}
    adults = list_films(asked.shared / "data/manifest.csv", asked.shared / "data", "covid3")
    for label in ("normal", "pneumonia", "covid"):
        groups[f"adults, {label}"] = [one for one in adults if one.label == label]
    for name, films in groups.items():
        print(describe(model, films, name, Rule(asked.finding, "negative", threshold)), flush=True)
    print(f"\nDecided negative below {threshold:.4g}. {NOT_A_DEVICE}")


def list_films(table: Path, images: Path, task: str | None = None) -> list[Film]:
    """List the images of a table."""
    where = None if task is None else f'task == "{task}"'
    found = read_table(table, TableOptions(images=images, where=where)).frame
    return [
        Film(Path(row["image"]), str(row["label"]), str(row["patient_id"] or row["image"]))
        for row in found.to_dict("records")
    ]


def certify_on(model: cxr.Model, films: Sequence[Film], finding: str, risk: float) -> float:
    """Certify a threshold, and say on what."""
    answers = answer(model, films)
    kept = [(film, one) for film, one in zip(films, answers, strict=True) if one.refusal is None]
    numbers: dict[str, int] = {}
    index = model.classes.index(finding)
    cases = ReferenceCases(
        scores=np.array([one.deciding[index] for _, one in kept], dtype=np.float64),
        is_present=np.array([film.label == finding for film, _ in kept], dtype=np.bool_),
        clusters=np.array(
            [numbers.setdefault(film.patient, len(numbers)) for film, _ in kept], dtype=np.int64
        ),
        images=tuple(digest(film.path.read_bytes()) for film, _ in kept),
        reference="the collection's labels",
    )
    n = cases.find_worst("negative").size
    promise = Promise(finding, risk, 0.05, (n,), "9999-01-01T00:00:00+00:00")
    bundle = CertifiedBundle(model.bundle.record.digest, digest(b"as this script reads files"))
    made = certify(cases, promise, bundle)
    print(f"{made}\n")
    return made.threshold


def answer(model: cxr.Model, films: Iterable[Film]) -> list[Prediction]:
    """Answer for images."""
    return list(model.predict_many([film.path for film in films]))


def describe(model: cxr.Model, films: Sequence[Film], name: str, one_rule: Rule) -> str:
    """A row of the table."""
    outputs = Outputs(model.classes, model.bundle.record.is_multilabel)
    told: Counter[str] = Counter()
    missed: list[tuple[str, bool]] = []
    for film, one in zip(films, answer(model, films), strict=True):
        if one.refusal is not None:
            told["refused"] += 1
            continue
        far = one.unfamiliarity
        warnings = [
            warning.reason for warning in one.warnings if warning.reason != "out-of-distribution"
        ]
        ruled = rule(
            outputs,
            dict(zip(model.classes, one.deciding, strict=True)),
            [one_rule],
            list_reservations(warnings, far and far.p_value, far and far.limit),
        )
        told[ruled.reason or "decided"] += 1
        if film.label.casefold() == one_rule.finding.casefold():
            missed.append((film.patient, ruled.findings is not None))
    n = len(films)
    cells = [name, str(n), str(told["refused"]), *(
        f"{told[key]} ({100 * told[key] / n:.1f} %)" for key in ("decided", *REASONS)
    ), tell_missed(missed)]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def tell_missed(missed: Sequence[tuple[str, bool]]) -> str:
    """Share of patients with the finding of whom an image was decided negative."""
    worst: dict[str, bool] = {}
    for patient, is_missed in missed:
        worst[patient] = worst.get(patient, False) or is_missed
    if not worst:
        return "–"
    hits = np.array(list(worst.values()), dtype=np.bool_)
    share = measure_proportion(hits, np.arange(hits.size))
    return f"{int(hits.sum())} of {hits.size} patients: {share.to_estimate()}"


if __name__ == "__main__":
    main()
