"""The check passes what is the same, and nothing else.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.export.conftest import Exported

from cxrlens.export import Runtime, check_export
from cxrlens.export.checking import ExportCheck, Parity
from cxrlens.model import Model
from cxrlens.phantom import draw_nth
from cxrlens.vocabulary import InputError, Silence


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """Four phantoms of two sizes, as files."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(4):
        picture = Image.fromarray(draw_nth(number, seed=3).pixels)
        picture.resize((200 + 60 * (number % 2), 180)).save(folder / f"{number}.png")
    return [str(path) for path in sorted(folder.iterdir())]


def test_what_was_exported_passes_and_another_model_does_not(
    exported: Exported, images: Sequence[str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    runtimes: list[Runtime] = ["onnxruntime", "openvino"]
    given = [*images, str(bad)]
    checked = check_export(Model(exported.bundle), exported.path, given, runtimes, Silence())
    assert checked.has_passed
    assert [one.reason for one in checked.refusals] == ["unknown-format"]
    assert [one.runtime for one in checked.parities] == runtimes
    assert [one.n_images for one in checked.parities] == [4, 4]

    copied = deepcopy(exported.bundle.network)
    other = replace(exported.bundle, restore=lambda: copied)
    with torch.no_grad():
        other.network.head.output.weight.mul_(1.01)
    checked = check_export(Model(other), exported.path, images, runtimes, Silence())
    assert not checked.has_passed
    assert checked.parities[0].map_gap == pytest.approx(0.01 / 1.01, rel=0.05)

    with torch.no_grad():
        other.network.head.output.bias.fill_(torch.nan)
    checked = check_export(Model(other), exported.path, images, runtimes[:1], Silence())
    assert not checked.has_passed


def test_one_other_decision_does_not_pass() -> None:
    assert Parity("openvino", 9, 9, 0.1, 1e-3, 1e-3).has_passed
    for gaps in ((9, 8, 0.0, 0.0, 0.0), (9, 9, 0.0, 2e-3, 0.0), (9, 9, 0.0, 0.0, 2e-3),
                 (9, 9, np.nan, np.nan, 0.0)):  # fmt: skip
        assert not ExportCheck((Parity("openvino", *gaps),), ()).has_passed


def test_int8_may_decide_otherwise_now_and_then() -> None:
    assert Parity("int8", 400, 398, 0.3, 0.05, 0.1).has_passed
    assert Parity("int8", 4, 3, 0.3, 0.05, 0.1).has_passed
    assert not Parity("int8", 4, 2, 0.3, 0.05, 0.1).has_passed
    assert not Parity("int8", 400, 397, 0.3, 0.05, 0.1).has_passed
    assert not Parity("int8", 400, 400, np.nan, np.nan, 0.1).has_passed


def test_no_image_that_can_be_read(exported: Exported, tmp_path: Path) -> None:
    missing = [str(tmp_path / "missing.png")]
    with pytest.raises(InputError, match=r"no image to check the export with: .*missing\.png"):
        check_export(Model(exported.bundle), exported.path, missing, ["onnxruntime"], Silence())
