"""`cxrlens explain-card`: its files say the same, and its page is whole."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.report.page import say


def test_the_files_of_a_card_say_the_same(cxrlens, bundle, phantom_folder) -> None:
    outcome = cxrlens(
        "explain-card", bundle, phantom_folder, "--method", "cam", "--method", "edges",
        "--checked", 2, "--out", "card", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    facts = json.loads(Path("card/card.json").read_text())
    assert {key: value for key, value in told.items() if key != "folder"} == facts
    assert "not a medical device" in facts["notice"]
    with Path("card/card.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * len(facts["methods"])
    page = Path("card/card.html").read_text()
    for i, report in enumerate(facts["methods"]):
        for j, figure in enumerate(report["figures"]):
            (row,) = [
                row for row in rows
                if (row["class"], row["method"], row["figure"])
                == (report["class_name"], report["method"], figure["name"])
            ]  # fmt: skip
            assert float(row["value"]) == figure["estimate"]["value"]
            place = f'data-figure="methods.{i}.figures.{j}.estimate.value"'
            assert f"{place}>{say(figure['estimate']['value'])}<" in page
        if report["method"] in ("cam", "edges"):
            assert "better than a constant map: points" in report["verdict"]
    assert facts["n_seen"] > 0
    (mean,) = Path("card").glob("mean-mask-*-covid.png")
    with Image.open(mean) as picture:
        assert np.asarray(picture).max() > 0
    image = sorted((phantom_folder / "covid").iterdir())[0]
    again = cxrlens(
        "explain", bundle, image, "--method", "mean-mask", "--set", f"mean_mask={mean}",
        "--target", "covid",
    )  # fmt: skip
    assert again.code == 0, again.err


@pytest.mark.parametrize("baseline", ["centre", "mean-mask"])
def test_a_card_of_baselines_alone(cxrlens, bundle, phantom_folder, baseline) -> None:
    outcome = cxrlens(
        "explain-card", bundle, phantom_folder, "--method", baseline, "--limit", 6,
        "--checked", 1, "--out", "card",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    page = Path("card/card.html").read_text()
    assert f'<th scope="row">{baseline}</th>' in page
    assert "Above the baselines" not in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--lungs", "lung"), "no column 'lung' for the lungs"),
        (("--method", "camm"), "unknown method 'camm'"),
        (("--finding", "a"), "--finding 'a' is not of the form LEFT=RIGHT"),
    ],
)
def test_what_is_not_known_is_named(cxrlens, bundle, phantom_folder, arguments, words) -> None:
    boxes = Path("boxes.csv")
    boxes.write_text("path,label,x,y,w,h\na.png,covid,1,2,3,4\n")
    more = ("--boxes", boxes) if "--finding" in arguments else ()
    outcome = cxrlens("explain-card", bundle, phantom_folder, *arguments, *more)
    assert outcome.code == 2
    assert words in outcome.err
