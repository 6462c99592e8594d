from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrlens.data import read_table
from cxrlens.imaging import Preprocessing, read_radiograph
from cxrlens.report import read_samples

SMALL = Preprocessing(64, 48)


def test_samples_are_raw_beside_what_the_network_gets(phantom_folder: Path) -> None:
    table = read_table(phantom_folder)
    samples, refusals = read_samples(table, SMALL, per_class=2)
    assert refusals == ()
    assert [one.label.partition(",")[0] for one in samples] == [
        name for name in table.classes for _ in range(2)
    ]
    first = read_radiograph(table.images[0]).pixels
    assert np.array_equal(samples[0].raw, first)
    assert np.array_equal(samples[0].seen, SMALL.apply(first))


def test_what_cannot_be_read_is_listed_and_another_taken(
    phantom_folder: Path, tmp_path: Path
) -> None:
    table = read_table(phantom_folder)
    broken = tmp_path / "broken.png"
    broken.write_bytes(Path(table.images[0]).read_bytes()[:200])
    frame = table.frame.assign(image=[str(broken), *table.images[1:]])
    samples, refusals = read_samples(replace(table, frame=frame), SMALL, per_class=2)
    assert [Path(one.image).name for one in refusals] == ["broken.png"]
    assert len(samples) == 2 * len(table.classes)


def test_a_table_whose_files_are_not_here_gives_none(phantom_folder: Path) -> None:
    table = read_table(phantom_folder)
    frame = table.frame.assign(image=[f"gone/{name}" for name in table.frame["image"]])
    assert read_samples(replace(table, frame=frame), SMALL) == ((), ())
