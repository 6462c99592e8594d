from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from cxrlens.report import Case, Report, write_pictures
from cxrlens.report.pictures import draw_pictures
from cxrlens.vocabulary import NOT_A_DEVICE, OutputError

ALL = {"cases", "one-per-class", "mistakes", "roc", "confusion", "learning-curves"}


def test_everything_is_drawn_and_signed(full: Report, tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "run" / "pictures", full)
    assert {path.stem for path in paths} == ALL
    assert set((tmp_path / "run" / "pictures").iterdir()) == set(paths)
    for path in paths:
        with Image.open(path) as image:
            image.load()
            assert image.info["Warning"] == NOT_A_DEVICE


@pytest.mark.parametrize("is_phantom", [False, True])
def test_phantoms_are_called_so_in_every_picture(full: Report, is_phantom: bool) -> None:
    for name, figure in draw_pictures(replace(full, is_phantom=is_phantom)):
        texts = [t.get_text() for t in figure.findobj(lambda x: hasattr(x, "get_text"))]
        assert any("Drawn radiographs" in text for text in texts) == is_phantom, name
        assert any(NOT_A_DEVICE in text for text in texts), name
        assert any(full.title in text for text in texts), name


def test_what_is_not_there_is_not_drawn(bare: Report, cases: tuple[Case, ...]) -> None:
    assert {name for name, _ in draw_pictures(bare)} == {"roc", "confusion"}
    unlabelled = replace(bare, cases=tuple(replace(case, truth=None) for case in cases))
    assert {name for name, _ in draw_pictures(unlabelled)} == {"roc", "confusion", "cases"}


def test_a_folder_that_cannot_be_made_is_said(bare: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="pictures"):
        write_pictures(tmp_path / "file" / "pictures", bare)
