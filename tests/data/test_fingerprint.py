"""The fingerprint of a collection.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib

import pytest

from cxrlens.data import StudyTable, fingerprint
from cxrlens.data.study_table import make_frame
from cxrlens.vocabulary import TableError


def make(labels: list[str]) -> StudyTable:
    frame = make_frame({"image": [f"r/{i}" for i in range(len(labels))], "label": labels})
    return StudyTable(frame, ("N", "P"), "r")


def test_it_is_the_digest_of_sorted_lines() -> None:
    expected = hashlib.sha256(b"aa P\nbb N\nbb P\n").hexdigest()
    assert fingerprint(make(["N", "P", "P"]), ["bb", "bb", "aa"]) == expected
    assert fingerprint(make(["P", "P", "N"]), ["aa", "bb", "bb"]) == expected


def test_a_label_or_a_pixel_changes_it() -> None:
    both = fingerprint(make(["N", "P"]), ["aa", "bb"])
    assert fingerprint(make(["P", "N"]), ["aa", "bb"]) != both
    assert fingerprint(make(["N", "P"]), ["aa", "bc"]) != both


def test_one_digest_an_image_is_needed() -> None:
    with pytest.raises(TableError, match="got 1 for 2 images"):
        fingerprint(make(["N", "P"]), ["aa"])
