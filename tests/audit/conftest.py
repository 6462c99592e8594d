"""Phantoms that tests of the audit share, looked at once."""

from pathlib import Path

import pytest

from cxrlens.audit.looking import Collection, look_at
from cxrlens.data import read_table
from cxrlens.vocabulary import Silence


@pytest.fixture(scope="session")
def seen(phantom_folder: Path) -> Collection:
    """72 phantoms of 48 patients, three classes."""
    return look_at(read_table(phantom_folder), Silence())
