from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.report import Case, read_map_views, save_overlay
from cxrlens.report.evidence import draw_contours, draw_evidence, draw_signed
from cxrlens.vocabulary import NOT_A_DEVICE, InputError, OutputError


def test_the_file_holds_the_overlay_at_source_size(cases: tuple[Case, ...], tmp_path: Path) -> None:
    heatmap, pixels = cases[0].prediction.heatmaps[1], cases[0].pixels
    save_overlay(tmp_path / "a.png", heatmap, pixels, colours="jet")
    with Image.open(tmp_path / "a.png") as image:
        assert (np.asarray(image) == draw_evidence(pixels, heatmap, colours="jet")).all()
        assert image.info["Warning"] == NOT_A_DEVICE
        assert image.info["Title"] == "evidence for pneumonia (cam)"


def test_each_view_is_drawn(cases: tuple[Case, ...], tmp_path: Path) -> None:
    heatmap, pixels = cases[0].prediction.heatmaps[1], cases[0].pixels
    regions = np.zeros(pixels.shape, np.bool_)
    regions[10:20, 30:40] = True
    save_overlay(tmp_path / "a.png", heatmap, pixels, view="contours", regions=regions)
    save_overlay(tmp_path / "b.png", heatmap, pixels, view="signed")
    with Image.open(tmp_path / "a.png") as lines, Image.open(tmp_path / "b.png") as signed:
        assert (np.asarray(lines) == draw_contours(pixels, regions)).all()
        assert (np.asarray(signed) == draw_signed(pixels, heatmap)).all()


def test_views_are_named() -> None:
    assert read_map_views(["signed", "heat", "signed"]) == ("heat", "signed")
    with pytest.raises(InputError, match="unknown view 'contour' of a map; did you mean"):
        read_map_views(["heat", "contour"])


def test_what_cannot_be_done_is_said(cases: tuple[Case, ...], tmp_path: Path) -> None:
    heatmap, pixels = cases[0].prediction.heatmaps[0], cases[0].pixels
    with pytest.raises(InputError, match="source image"):
        save_overlay(tmp_path / "a.png", heatmap, pixels[:9])
    with pytest.raises(InputError, match="did you mean 'jet'"):
        save_overlay(tmp_path / "a.png", heatmap, pixels, colours="jets")
    with pytest.raises(InputError, match="give their pixels"):
        save_overlay(tmp_path / "a.png", heatmap, pixels, view="contours")
    with pytest.raises(InputError, match="source image"):
        save_overlay(tmp_path / "a.png", heatmap, pixels[:9], view="contours")
    with pytest.raises(OutputError, match=r"a\.png"):
        save_overlay(tmp_path / "missing" / "a.png", heatmap, pixels)
