"""`cxrlens find-lr`.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.report import draw_rate_search
from cxrlens.vocabulary import RateSearch, RateTrial

SMALL = ["height=32", "width=32", "network.options.width=4", "precision=float32"]


def test_it_suggests_a_rate_and_says_how_to_use_it(cxrlens, phantom_folder, elsewhere) -> None:
    arguments = ["find-lr", phantom_folder, "--recipe", "phantom", *SMALL]
    outcome = cxrlens(*arguments, "--json")
    assert outcome.code == 0
    facts = json.loads(outcome.out)
    folder = elsewhere / "runs/find-lr"
    assert {entry.name for entry in folder.iterdir()} == {"learning-rate.csv", "learning-rate.png"}
    search = facts["search"]
    suggested = search["tenth_of_minimum"]
    assert facts["override"] == f"stages.1.learning_rate={suggested:.2g}"
    with (folder / "learning-rate.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [one["loss"] for one in search["trials"]]
    assert "not a medical device" in facts["notice"]
    again = cxrlens(*arguments)
    assert facts["override"] in again.out
    assert "not a medical device" in again.out
    second = elsewhere / "runs/find-lr2/learning-rate.csv"
    assert second.read_bytes() == (folder / "learning-rate.csv").read_bytes()


def test_files_that_cannot_be_read_are_listed(cxrlens, phantom_folder, tmp_path, elsewhere) -> None:
    data = Path(shutil.copytree(phantom_folder, tmp_path / "data"))
    (data / "normal" / "cut.png").write_bytes(next((data / "normal").iterdir()).read_bytes()[:500])
    outcome = cxrlens("find-lr", data, "--recipe", "phantom", *SMALL, "width=36")
    assert outcome.code == 3
    assert "refused (truncated)" in outcome.err
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("to use")]
    words = shlex.split(line.partition("cxrlens train DATA ")[2])
    assert words[:-1] == ["--recipe", "phantom", *SMALL, "width=36"]
    assert words[-1].startswith("stages.1.learning_rate=")


def test_what_does_not_fit_several_labels_is_told_before_anything_is_read(
    cxrlens, several_labels, elsewhere
) -> None:
    for command in ("find-lr", "train"):
        outcome = cxrlens(command, several_labels, "--recipe", "phantom", "balance=sampler")
        assert outcome.code == 2
        assert "'sampler' needs one class an image" in outcome.err
        assert "read images" not in outcome.err
        assert not list((elsewhere / "runs").glob("*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stage", "everthing"], "did you mean 'everything'"),
        (["epoch=3"], "did you mean 'epochs'"),
        (["balance=both"], "optimisation.balance"),
    ],
)
def test_wrong_use_is_one_sentence(cxrlens, phantom_folder, arguments, words, elsewhere) -> None:
    outcome = cxrlens("find-lr", phantom_folder, "--recipe", "phantom", *arguments)
    assert outcome.code == 2
    assert words in outcome.err
    assert not (elsewhere / "runs").exists()


def test_the_picture_shows_what_the_table_holds(tmp_path) -> None:
    from cxrlens.report import write_rate_search

    rates = [1e-5 * 10 ** (i / 5) for i in range(20)]
    trials = tuple(RateTrial(r, 1 / (1 + i), 2 / (2 + i)) for i, r in enumerate(rates))
    search = RateSearch(trials, True, rates[7], rates[4])
    picture, table = write_rate_search(tmp_path, search, "phantom")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    (axes,) = draw_rate_search(search, "phantom").axes
    loss, smoothed, steepest, tenth = axes.lines
    columns = {name: [float(row[name]) for row in rows] for name in rows[0]}
    np.testing.assert_array_equal(loss.get_xdata(), columns["learning_rate"])
    np.testing.assert_array_equal(loss.get_ydata(), columns["loss"])
    np.testing.assert_array_equal(smoothed.get_ydata(), columns["smoothed_loss"])
    assert (steepest.get_xdata()[0], tenth.get_xdata()[0]) == (rates[7], rates[4])
    assert axes.get_xscale() == "log"
    with Image.open(picture) as image:
        assert image.size > (300, 200)
    assert columns["step"] == list(range(1, 21))


def test_a_search_that_saw_too_little_is_drawn_too(tmp_path) -> None:
    assert draw_rate_search(RateSearch((), True, None, None), "phantom").axes
