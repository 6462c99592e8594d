"""Epochs as rows survive being written and read.

SPDX-License-Identifier: Apache-2.0
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.training.epoch_file import read_epochs, write_epochs
from cxrlens.vocabulary import ClassEpoch, Epoch, OutputError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]))
CLASSES = st.tuples(TEXT, NUMBERS, NUMBERS, NUMBERS, st.none() | NUMBERS, st.integers(0, 1000))
EPOCHS = st.fixed_dictionaries(
    {
        "train_loss": NUMBERS,
        "val_loss": NUMBERS,
        "val_auroc": st.none() | NUMBERS,
        "learning_rate": NUMBERS,
        "is_best": st.booleans(),
        "stage": TEXT,
        "features": TEXT,
        "val_f1": st.none() | NUMBERS,
        "learning_rates": st.dictionaries(st.sampled_from(["rest", "head"]), NUMBERS),
        "seconds": NUMBERS,
        "classes": st.lists(CLASSES, max_size=3),
    }
)
"""Fields, not records: checking a record's types draws random numbers, which Hypothesis forbids."""


@given(drawn=st.lists(EPOCHS, max_size=4))
def test_what_is_written_is_read(
    drawn: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    history = []
    for number, plain in enumerate(drawn, start=1):
        plain["classes"] = tuple(ClassEpoch(*one) for one in plain["classes"])
        history.append(Epoch(number, **plain))
    folder = tmp_path_factory.getbasetemp()
    write_epochs(folder, history)
    assert read_epochs(folder) == tuple(history)


def test_pandas_reads_it(tmp_path: Path) -> None:
    classes = (
        ClassEpoch("NORMAL", 0.5, 0.25, 1 / 3, None, 8),
        ClassEpoch("=A1", 0.0, 0.0, 0.0, 0.5, 0),
    )
    history = [
        Epoch(1, 0.5, 0.4, None, 1e-3, stage="a"),
        Epoch(2, 0.3, 0.2, 0.9, 1e-4, True, "b", classes=classes),
    ]
    write_epochs(tmp_path, history)
    frame = pd.read_csv(tmp_path / "epochs.csv")
    assert frame["val_loss"].tolist() == [0.4, 0.2]
    assert frame["stage"].tolist() == ["a", "b"]
    assert frame["is_best"].tolist() == [False, True]
    frame = pd.read_csv(tmp_path / "classes.csv")
    assert list(frame)[:6] == ["epoch", "stage", "class", "precision", "recall", "F1"]
    assert frame[["epoch", "class", "support"]].to_numpy().tolist() == [
        [2, "NORMAL", 8],
        [2, "'=A1", 0],  # a spreadsheet would run it
    ]
    assert frame["AUROC"].isna().tolist() == [True, False]


BAD = [None, "a,b\n1,2\n", "epoch\nx\n", "\xff\xfe"]


@pytest.mark.parametrize("content", BAD)
@pytest.mark.parametrize("name", ["epochs.csv", "classes.csv"])
def test_what_is_no_such_file_is_told(tmp_path: Path, name: str, content: str | None) -> None:
    write_epochs(tmp_path, [])
    path = tmp_path / name
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(OutputError, match=rf"{name} does not hold") as caught:
        read_epochs(tmp_path)
    assert str(path) in str(caught.value)
