"""Digests are SHA-256, and versions are those installed.

SPDX-License-Identifier: Apache-2.0
"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.vocabulary import Provenance, digest, digest_lines


def test_digest_is_the_published_one() -> None:
    """FIPS 180-4's example message."""
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.skipif(sys.platform == "win32", reason="sha256sum is a Unix tool")
def test_digest_of_lines_is_that_of_the_file() -> None:
    lines = ["b", "", "ä", "a\udcff.png"]
    data = b"b\n\n\xc3\xa4\na\xff.png\n"
    told = subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout
    assert digest_lines(lines) == told.split()[0].decode()


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))))
def test_order_and_borders_of_lines_count(lines: list[str]) -> None:
    assert digest_lines(lines) == digest("".join(f"{line}\n" for line in lines).encode())
    assert digest_lines([*lines, ""]) != digest_lines(lines)


def test_versions_and_time() -> None:
    made = Provenance()
    assert made.versions["torch"] == version("torch")
    assert made.versions["cxrlens"] == version("cxrlens")
    assert made.python.split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    age = datetime.now(UTC) - datetime.fromisoformat(made.created)
    assert timedelta(seconds=-1) <= age < timedelta(minutes=1)
