"""Epochs as rows survive being written and read.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.training.epoch_file import read_epochs, write_epochs
from cxrlens.vocabulary import Epoch, OutputError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
EPOCHS = st.builds(
    Epoch,
    epoch=st.integers(1, 1000),
    train_loss=NUMBERS,
    val_loss=NUMBERS,
    val_auroc=st.none() | NUMBERS,
    learning_rate=NUMBERS,
    is_best=st.booleans(),
    stage=st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    val_f1=st.none() | NUMBERS,
    learning_rates=st.dictionaries(st.sampled_from(["rest", "head"]), NUMBERS),
    seconds=NUMBERS,
)


@given(history=st.lists(EPOCHS, max_size=4))
def test_what_is_written_is_read(
    history: list[Epoch], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "epochs.csv"
    write_epochs(path, history)
    assert read_epochs(path) == tuple(history)


def test_pandas_reads_it(tmp_path: Path) -> None:
    history = [Epoch(1, 0.5, 0.4, None, 1e-3, stage="a"), Epoch(2, 0.3, 0.2, 0.9, 1e-4, True, "b")]
    write_epochs(tmp_path / "epochs.csv", history)
    frame = pd.read_csv(tmp_path / "epochs.csv")
    assert frame["val_loss"].tolist() == [0.4, 0.2]
    assert frame["stage"].tolist() == ["a", "b"]
    assert frame["is_best"].tolist() == [False, True]


@pytest.mark.parametrize("content", [None, "a,b\n1,2\n", "epoch\nx\n", "\xff\xfe"])
def test_what_is_no_such_file_is_told(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "epochs.csv"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(OutputError, match=r"epochs\.csv does not hold") as caught:
        read_epochs(path)
    assert str(path) in str(caught.value)
