"""Silence says nothing.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from cxrlens.vocabulary import Progress, Silence


def test_silence(capfd: pytest.CaptureFixture[str]) -> None:
    progress: Progress = Silence()
    progress.advance("train", 1, 2)
    assert capfd.readouterr() == ("", "")
