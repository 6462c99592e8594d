"""Which images show the same exposure."""

from pathlib import Path

import pandas as pd
from PIL import Image

from cxrlens.audit.looking import Collection, look_at
from cxrlens.audit.repeats import find_links, gather_groups
from cxrlens.data import StudyTable, make_frame
from cxrlens.vocabulary import NEAR, SAME_BYTES, SAME_PIXELS, Silence


def test_no_two_patients_are_taken_for_one(seen: Collection) -> None:
    patients = seen.table.patients
    links = find_links(seen, Silence())
    assert [one for one in links if patients[one.first] != patients[one.second]] == []


def test_copies_are_found_and_told(seen: Collection, tmp_path: Path) -> None:
    """The same file, the same pixels in another file, resized, and as JPEG."""
    source = seen.table.images
    patients = seen.table.patients
    rows = [row for row, one in enumerate(patients) if patients.count(one) == 1][:4]
    Path(tmp_path / "bytes.png").write_bytes(Path(source[rows[0]]).read_bytes())
    with Image.open(source[rows[1]]) as image:
        image.save(tmp_path / "pixels.png", compress_level=1)
    with Image.open(source[rows[2]]) as image:
        image.resize((180, 170), Image.Resampling.BICUBIC).save(tmp_path / "resized.png")
    with Image.open(source[rows[3]]) as image:
        image.save(tmp_path / "jpeg.jpg", quality=50)
    names = ["bytes.png", "pixels.png", "resized.png", "jpeg.jpg"]
    labels = [seen.table.frame["label"].iloc[row] for row in rows[:3]]
    other = next(
        name for name in seen.table.classes if name != seen.table.frame["label"].iloc[rows[3]]
    )
    columns = {
        "image": [str(tmp_path / name) for name in names],
        "label": [*labels, other],
        "patient_id": ["a", "b", None, "d"],
    }
    new = look_at(StudyTable(make_frame(columns), seen.table.classes, str(tmp_path)), Silence())
    frame = pd.concat([seen.table.frame, new.table.frame], ignore_index=True)
    table = StudyTable(frame, seen.table.classes, seen.table.root)
    both = Collection(table, (*seen.looks, *new.looks))
    groups = gather_groups(table, find_links(both, Silence()))
    copies = {Path(group.images[-1]).name: group for group in groups if group.crosses_patients}
    assert {name: group.kind for name, group in copies.items()} == {
        "bytes.png": SAME_BYTES, "pixels.png": SAME_PIXELS, "resized.png": NEAR, "jpeg.jpg": NEAR,
    }  # fmt: skip
    assert [name for name, group in copies.items() if group.is_conflicting] == ["jpeg.jpg"]
    assert groups[0].images[-1].endswith("jpeg.jpg")  # the worst stands first
    assert all(not group.crosses_parts for group in groups)


def test_a_missing_label_contradicts_nothing(seen: Collection) -> None:
    twice = seen.take([0, 0, 3])
    frame = twice.table.frame.assign(label=pd.Series(["covid", None, "normal"], dtype=object))
    table = StudyTable(frame, seen.table.classes, seen.table.root)
    groups = gather_groups(table, find_links(Collection(table, twice.looks), Silence()))
    assert [group.is_conflicting for group in groups] == [False]
    assert groups[0].labels == ("covid", "no label")
