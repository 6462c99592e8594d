from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.report import Case, save_overlay
from cxrlens.report.evidence import draw_evidence
from cxrlens.vocabulary import NOT_A_DEVICE, InputError, OutputError


def test_the_file_holds_the_overlay_at_source_size(cases: tuple[Case, ...], tmp_path: Path) -> None:
    heatmap, pixels = cases[0].prediction.heatmaps[1], cases[0].pixels
    save_overlay(tmp_path / "a.png", heatmap, pixels, colours="jet")
    with Image.open(tmp_path / "a.png") as image:
        assert (np.asarray(image) == draw_evidence(pixels, heatmap, colours="jet")).all()
        assert image.info["Warning"] == NOT_A_DEVICE
        assert image.info["Title"] == "evidence for pneumonia (cam)"


def test_what_cannot_be_done_is_said(cases: tuple[Case, ...], tmp_path: Path) -> None:
    heatmap, pixels = cases[0].prediction.heatmaps[0], cases[0].pixels
    with pytest.raises(InputError, match="source image"):
        save_overlay(tmp_path / "a.png", heatmap, pixels[:9])
    with pytest.raises(InputError, match="did you mean 'jet'"):
        save_overlay(tmp_path / "a.png", heatmap, pixels, colours="jets")
    with pytest.raises(OutputError, match=r"a\.png"):
        save_overlay(tmp_path / "missing" / "a.png", heatmap, pixels)
