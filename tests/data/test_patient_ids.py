"""Patients from file names.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import pandas as pd
import pytest

from cxrlens.data import find_patient_id, read_table

WORKED = {
    "person1_bacteria_1.jpeg": "person1",
    "person1712_virus_4529.jpg": "person1712",
    "orig_person12_virus_46.jpg": "person12",
    "folder/person12_virus_46.jpg": "person12",
    "IM-0115-0001.jpeg": "IM-0115",
    "IM-0115-0001-0002.jpeg": "IM-0115",
    "orig_IM-0117-0001.jpg": "IM-0117",
    "NORMAL2-IM-0115-0001.jpeg": "NORMAL2-IM-0115",
    "orig_NORMAL2-IM-0115-0001-0002.jpeg": "NORMAL2-IM-0115",
    "00000013_005.png": "00000013",
    "nih_00030805_000.jpg": "00030805",
    "phantom00012_0.png": "phantom00012",
    "chest.png": None,
    "person.png": None,
    "person12.png": None,
    "20200316_001.png": None,  # a date is no patient
    "00000013_0055.png": None,
    "100000013_005.png": None,
    "impersonation12_virus_3.png": None,
    "IM-0115.png": None,
    "XNORMAL2-IM-0115-0001.png": None,
    "person1_bacteria_1/chest.png": None,  # folders play no part
    "": None,
}


@pytest.mark.parametrize("name", WORKED)
def test_worked_names(name: str) -> None:
    assert find_patient_id(name) == WORKED[name]


@pytest.mark.parametrize("task", ["pneumonia2", "covid3", "pneumothorax2"])
def test_real_names_agree_with_the_manifest(task: str, shared: Path) -> None:
    """Where a number is found it groups as the manifest does; for `pneumonia2` it always is."""
    manifest = pd.read_csv(shared / "data" / "manifest.csv", dtype=str)
    truth = dict(zip(manifest["path"], manifest["patient_id"], strict=True))
    table = read_table(shared / "data" / task)
    pairs = [
        (ours, truth[f"{task}/{image}"])
        for image, ours in zip(table.relative_images, table.patients, strict=True)
    ]
    known = [(ours, theirs) for ours, theirs in pairs if ours is not None]
    assert all(theirs.split(":")[-1] == ours.lstrip("0") for ours, theirs in known)
    assert len(set(known)) == len({ours for ours, _ in known}) == len({them for _, them in known})
    if task == "pneumonia2":
        assert (len(table), len(known), len(set(known))) == (1842, 1842, 1118)
        numbers = {ours for ours, _ in known}
        assert sum(one.startswith("person") for one in numbers) == 464
        assert sum("IM-" in one for one in numbers) == 654
