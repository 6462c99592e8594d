import json
from pathlib import Path

import pytest

from cxrlens.report import read_card_shares
from cxrlens.vocabulary import InputError


def write(folder: Path, *shares: object) -> Path:
    methods = [
        {"method": "cam", "class_name": str(number), "share": share, "n_images": 3}
        for number, share in enumerate(shares)
    ]
    (folder / "card.json").write_text(json.dumps({"schema": 1, "methods": methods}))
    return folder / "card.json"


def test_shares_are_told_by_method_and_class(tmp_path: Path) -> None:
    path = write(tmp_path, 0.9, 1)
    assert read_card_shares(path) == {("cam", "0"): 0.9, ("cam", "1"): 1.0}


@pytest.mark.parametrize("share", [0, 1.5, -0.1, float("nan"), "half", None, True, [0.5]])
def test_a_share_out_of_its_range_is_refused(tmp_path: Path, share: object) -> None:
    with pytest.raises(InputError, match="for cam and 0, which is no number in"):
        read_card_shares(write(tmp_path, share))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is no JSON"),
        (b"\xff\xfe{", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"{}", "is no card of maps"),
        (b"[]", "is no card of maps"),
        (b'{"methods": [{"method": "cam"}]}', "is no card of maps"),
        (b'{"methods": 3}', "is no card of maps"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_card_shares(tmp_path / "card.json")


def test_a_card_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*; give card\.json"):
        read_card_shares(tmp_path / "card.json")
    with pytest.raises(InputError, match="cannot read"):
        read_card_shares(tmp_path)
