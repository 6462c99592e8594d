"""Boxes in a file of their own come to their images.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import pytest

from cxrlens.data import add_boxes, read_table
from cxrlens.vocabulary import Box, TableError


@pytest.fixture
def boxes(phantom_folder: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    images = sorted((phantom_folder / "covid").iterdir())
    elsewhere = {path.name for path in phantom_folder.glob("*/*.png")
                 if path.parent.name != "covid"}  # fmt: skip
    alone = next(path.name for path in images if path.name not in elsewhere)
    names = [next(path.name for path in images if path.name != alone), alone]
    lines = [
        "path,label,x,y,w,h,image_w",
        f"covid/{names[0]},COVID-19,3,4.5,20,10,160",
        f"covid/{names[0]},covid,1,2,3,4,160",
        f"{names[1]},covid,5,6,7,8,160",
        f"covid/{names[1]},lung:Left Lung,0,0,9,9,160",
        "covid/elsewhere.png,covid,0,0,9,9,160",
    ]
    path = tmp_path / "boxes.csv"
    path.write_text("\n".join(lines))
    return path, names


def test_boxes_are_found_by_path_and_by_name(
    phantom_folder: Path, boxes: tuple[Path, list[str]]
) -> None:
    path, names = boxes
    table = add_boxes(read_table(phantom_folder), path, {"COVID-19": "covid"})
    its = {Path(image).name: found for image, found in
           zip(table.images, table.frame["boxes"], strict=True) if found}  # fmt: skip
    assert its == {
        names[0]: (Box("covid", 3.0, 4.5, 20.0, 10.0), Box("covid", 1.0, 2.0, 3.0, 4.0)),
        names[1]: (Box("covid", 5.0, 6.0, 7.0, 8.0),),
    }
    assert table.notes[-1] == "3 boxes of 2 images from 'boxes.csv'."


def test_what_is_no_list_of_boxes_is_named(phantom_folder: Path, tmp_path: Path) -> None:
    table = read_table(phantom_folder)
    path = tmp_path / "b.csv"
    path.write_text("path,label,x,y,w\na.png,covid,1,2,3\n")
    with pytest.raises(TableError, match="no column 'h' \\(nor height\\)"):
        add_boxes(table, path, {})
    path.write_text("path,label,x,y,w,h\na.png,covid,1,2,3,4\n")
    with pytest.raises(TableError, match="--finding FINDING=CLASS"):
        add_boxes(table, path, {})
    path.write_text("path,label,x,y,w,h\na.png,covid,1,2,3,four\n")
    with pytest.raises(TableError, match="line 2"):
        add_boxes(table, path, {})
