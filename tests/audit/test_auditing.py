"""A whole audit, and the split that it writes."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cxrlens.audit import Audited, AuditOptions, audit_collection, resplit, write_resplit
from cxrlens.audit.looking import Collection
from cxrlens.data import read_table
from cxrlens.vocabulary import Silence

OPTIONS = AuditOptions(n_shuffles=40)


def with_columns(seen: Collection, **columns: list[str | None]) -> Collection:
    frame = seen.table.frame.assign(
        **{name: pd.Series(values, dtype=object) for name, values in columns.items()}
    )
    return Collection(replace(seen.table, frame=frame), seen.looks)


@pytest.fixture(scope="module")
def leaking(seen: Collection, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Every other image is a test image, whoever it is of; one is there twice, with two labels."""
    rows = [*range(len(seen.looks)), 0]
    parts = ["train" if row % 2 else "test" for row in range(len(rows) - 1)] + ["train"]
    patients = [*seen.table.patients, "somebody else"]
    labels = list(seen.table.frame["label"].iloc[rows])
    labels[-1] = next(name for name in seen.table.classes if name != labels[0])
    copy = tmp_path_factory.mktemp("copy") / "copy.png"
    copy.write_bytes(Path(seen.table.images[0]).read_bytes())
    images = [*seen.table.images, str(copy)]
    twice = with_columns(
        seen.take(rows), image=images, split=list(parts), patient_id=patients, label=labels
    )
    return audit_collection(twice, OPTIONS, Silence())


def test_leaks_fail_their_gates_and_name_a_remedy(leaking: Audited) -> None:
    failed = {gate.name: gate for gate in leaking.audit.gates if gate.is_passed is False}
    assert set(failed) >= {
        "patients on both sides", "repeats on both sides", "repeats under several patients",
        "labels of repeats",
    }  # fmt: skip
    assert all(gate.remedy for gate in failed.values())
    assert not leaking.audit.is_passed
    (shared,) = leaking.audit.shared
    assert shared.parts == ("train", "test")
    table = leaking.collection.table
    sides = {
        part: {p for p, s in zip(table.patients, table.frame["split"], strict=True) if s == part}
        for part in ("train", "test")
    }
    assert shared.n_patients == len(sides["train"] & sides["test"])


def test_the_new_split_keeps_patients_and_pictures_together(
    leaking: Audited, tmp_path: Path
) -> None:
    write_resplit(leaking, tmp_path / "new", seed=0)
    table = read_table(tmp_path / "new")
    assert set(table.counts) == {"train", "val", "test"}
    assert len(table) == len(leaking.collection.table)
    again = resplit(leaking, seed=0)
    by_group: dict[int, set[str]] = {}
    for group, part in zip(leaking.groups.tolist(), again.frame["split"], strict=True):
        by_group.setdefault(group, set()).add(part)
    assert all(len(parts) == 1 for parts in by_group.values())
    assert leaking.groups[0] == leaking.groups[-1]


def test_without_patients_what_can_be_known_is_said(seen: Collection) -> None:
    n = len(seen.looks)
    parts = ["train" if row % 2 else "test" for row in range(n)]
    unknown = with_columns(seen, patient_id=[None] * n, split=list(parts))
    found = audit_collection(unknown, OPTIONS, Silence()).audit
    gates = {gate.name: gate for gate in found.gates}
    assert gates["patients on both sides"].is_passed is None
    assert "--column patient" in gates["patients on both sides"].remedy
    assert gates["repeats on both sides"].is_passed is not None
    assert any(line.startswith(f"patients: not known for {n} of {n}") for line in found.untested)


def test_with_too_few_patients_nothing_is_learnt(seen: Collection) -> None:
    few = seen.take([0, 1, 30, 31, 60, 61])
    found = audit_collection(few, OPTIONS, Silence()).audit
    gates = {gate.name: gate for gate in found.gates}
    assert gates["shortcuts"].is_passed is None
    assert found.suspects == ()
    assert any("two classes need 10 patients" in line for line in found.untested)


def test_several_labels_an_image_are_audited_too(seen: Collection, several_labels: Path) -> None:
    look_of = dict(zip(seen.table.images, seen.looks, strict=True))
    table = read_table(several_labels)
    several = Collection(table, tuple(look_of[image] for image in table.images))
    found = audit_collection(several, OPTIONS, Silence()).audit
    assert {one.name for one in found.shortcuts} >= {"file bytes", "border, lungs blacked out"}
    assert all(one.label.partition(": ")[0] in table.classes for one in found.suspects)
