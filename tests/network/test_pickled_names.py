"""Every class that a pickle would import is listed, and none is imported.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import decimal
import io
import os
import pickle
import random
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from cxrlens.network.pickled_names import list_pickled_names


class _Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(protocol: int) -> None:
    content = [decimal.Decimal(1), datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)]
    names = list_pickled_names(pickle.dumps(content, protocol=protocol))
    assert {"decimal.Decimal", "datetime.date"} <= set(names)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(protocol: int, tmp_path: Path) -> None:
    data = pickle.dumps(_Attack(tmp_path / "canary"), protocol=protocol)
    assert list_pickled_names(data) == ["posix.mkdir"]
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("is_zip", [True, False])
def test_torch_itself_names_the_same(is_zip: bool) -> None:
    """torch's own list, for zips, is an independent second one."""
    buffer = io.BytesIO()
    content = {"model": nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "at": OrderedDict(a={1})}
    torch.save(content, buffer, _use_new_zipfile_serialization=is_zip)
    names = list_pickled_names(buffer.getvalue())
    buffer = io.BytesIO()
    torch.save(content, buffer)
    buffer.seek(0)
    assert names == sorted(torch.serialization.get_unsafe_globals_in_checkpoint(buffer))


def test_what_tensors_are_made_of_is_listed_only_alone() -> None:
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(2)}, buffer)
    assert "torch._utils._rebuild_tensor_v2" in list_pickled_names(buffer.getvalue())


def test_damaged_bytes_end_in_no_error() -> None:
    chance = random.Random(0)  # noqa: S311
    whole = pickle.dumps([decimal.Decimal(1), datetime.date(2020, 1, 1), "text" * 9], protocol=2)
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        list_pickled_names(bytes(data[: chance.randrange(len(data))]))
    assert list_pickled_names(b"") == []
