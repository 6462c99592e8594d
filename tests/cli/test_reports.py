"""What `evaluate` puts into a report on wish: groups, and no pictures.

SPDX-License-Identifier: Apache-2.0
"""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def table(phantom_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantoms with sex and age, which patients of phantoms do not have."""
    lines = ["path,label,patient_id,sex,age,ward"]
    for number, image in enumerate(sorted(phantom_folder.glob("[cnp]*/*.png"))):
        patient = image.name[:12]
        sex = "" if number % 6 == 5 else "FM"[number % 2]
        lines.append(f"{image},{image.parent.name},{patient},{sex},{30 + number % 60},w{number}")
    path = tmp_path_factory.mktemp("table") / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_groups_of_the_usual_columns(cxrlens, bundle, table) -> None:
    outcome = cxrlens("evaluate", bundle, table, "--json")
    assert outcome.code == 0, outcome.err
    facts = json.loads(outcome.out)
    assert [found["column"] for found in facts["subgroups"]] == ["sex", "age"]
    n_images = facts["evaluation"]["n_images"]
    for found in facts["subgroups"]:
        assert sum(group["n_images"] for group in found["groups"]) == n_images
    (part,) = facts["parts"]
    assert sum(part["counts"]["sex"].values()) == n_images
    flow = {step["step"]: step["images"] for step in facts["flow"]}
    left = flow["trained on: left out"]
    assert flow["files found"] == 72 == left + flow["used for the figures"]
    page = Path(facts["folder"], "report.html").read_text("utf-8")
    assert "By sex" in page


def test_only_the_column_that_was_asked_for(cxrlens, bundle, table) -> None:
    outcome = cxrlens("evaluate", bundle, table, "--json", "--by", "age")
    assert [found["column"] for found in json.loads(outcome.out)["subgroups"]] == ["age"]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("sx", "no column 'sx' to group by: did you mean 'sex'"),
        ("patient_id", "cannot be grouped by 'patient_id'"),
        ("ward", "'ward' has 72 different values"),
    ],
)
def test_what_cannot_be_grouped_by_is_said_before_anything_is_read(
    cxrlens, bundle, table, column, words, elsewhere
) -> None:
    outcome = cxrlens("evaluate", bundle, table, "--by", column)
    assert outcome.code == 2
    assert words in outcome.err.strip().splitlines()[-1]
    assert not (elsewhere / "runs").exists()


def test_no_images(cxrlens, bundle, table) -> None:
    outcome = cxrlens("evaluate", bundle, table, "--json", "--no-images")
    facts = json.loads(outcome.out)
    page = Path(facts["folder"], "report.html").read_text("utf-8")
    assert "data:image" not in page
    assert facts["cases"][0]["name"] in page
    drawn = {one.stem for one in Path(facts["folder"], "pictures").iterdir()}
    assert drawn == {"roc", "confusion"}
