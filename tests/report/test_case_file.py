from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrlens.report import Case, draw_cases, read_case
from cxrlens.vocabulary import ImageRefused


def test_a_prediction_finds_its_image_again(cases: tuple[Case, ...], tmp_path: Path) -> None:
    path, mask = tmp_path / "a.png", tmp_path / "mask.png"
    Image.fromarray(np.rint(cases[0].pixels * 255).astype(np.uint8)).save(path)
    Image.fromarray(cases[0].mask).save(mask)
    prediction = replace(cases[0].prediction, image=str(path))
    case = read_case(prediction, cases[0].truth, mask=str(mask))
    np.testing.assert_allclose(case.pixels, cases[0].pixels, atol=1e-6)
    assert case.mask is not None
    assert (case.mask == cases[0].mask).all()
    assert (case.name, case.truth, case.is_right) == (str(path), cases[0].truth, cases[0].is_right)
    assert read_case(prediction).truth is None
    assert draw_cases([case])


def test_an_image_that_is_gone_is_refused(cases: tuple[Case, ...], tmp_path: Path) -> None:
    with pytest.raises(ImageRefused):
        read_case(replace(cases[0].prediction, image=str(tmp_path / "gone.png")))
