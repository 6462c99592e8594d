"""A zip archive is taken apart without harm, whatever it holds.

SPDX-License-Identifier: Apache-2.0
"""

import io
import stat
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.serving import archive
from cxrlens.serving.archive import MOST_MEMBERS, ByteSource, open_archive
from cxrlens.vocabulary import ImageRefused

MOST = 2**20


def pack(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as zipped:
        for name, data in members.items():
            zipped.writestr(name, data)
    return made.getvalue()


def read_pieces(member: ByteSource, size: int) -> Iterator[bytes]:
    while piece := member.read(size):
        yield piece


def unpack(data: bytes) -> list[bytes | str]:
    """The bytes of each member, or the reason for which it is refused."""
    found: list[bytes | str] = []
    told: list[str] = []
    for one in open_archive(io.BytesIO(data), MOST):
        try:
            if isinstance(one, ImageRefused):
                raise one
            found.append(b"".join(read_pieces(one, 1000)))
        except ImageRefused as refused:
            found.append(refused.reason)
            told.append(str(refused))
    assert all(one.endswith(tuple("abcdefghijklmnopqrstuvwxyz)")) for one in told)
    return found


def test_members_come_in_order() -> None:
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert unpack(pack({"b.png": b"1", "a/c.png": b"2"}, packing)) == [b"1", b"2"]


def test_what_systems_leave_behind_is_no_image() -> None:
    members = {
        "__MACOSX/._a.png": b"x", "a/__MACOSX/._a.png": b"x", ".DS_Store": b"x",
        "a/Thumbs.db": b"x", "a/desktop.ini": b"x", "empty/": b"", "a/one.png": b"1",
        "desktop.ini.png": b"2", "my__MACOSX/three.png": b"3",
    }  # fmt: skip
    assert unpack(pack(members)) == [b"1", b"2", b"3"]


def test_names_are_no_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["../../up.png", "/etc/passwd", "C:\\x.png", "a\x00b.png", "ü" * 200, "-rf", "a\nb"]
    found = unpack(pack(dict.fromkeys(names, b"1")))
    assert found == [b"1"] * len(names)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_refused() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
        zipped.writestr("one.png", b"1")
    assert unpack(made.getvalue()) == ["not-a-file", b"1"]


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(pack({"one.png": b"1"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of both headers
        data[data.index(mark) + place] |= 1
    assert unpack(bytes(data)) == ["encrypted"]


def test_a_member_that_swells_is_refused() -> None:
    packed = pack({"bomb.png": bytes(MOST - 1), "one.png": b"1"})
    assert len(packed) < 2500
    assert unpack(packed) == ["too-large", b"1"]


def test_a_member_that_is_larger_than_it_says_is_not_unpacked() -> None:
    data = bytearray(pack({"one.png": b"\x89" * 100_000}))
    where = data.index(b"PK\x01\x02") + 24
    data[where : where + 4] = (100).to_bytes(4, "little")
    assert unpack(bytes(data)) == ["bad-archive"]


def test_a_member_is_never_whole_in_memory() -> None:
    chance = np.random.default_rng(1)
    drawn = chance.integers(0, 2, 40 * 2**20, np.uint8).tobytes()
    packed = io.BytesIO(pack({"one.png": drawn, "two.png": drawn}))
    tracemalloc.start()
    try:
        sizes = []
        for one in open_archive(packed, 64 * 2**20):
            assert not isinstance(one, ImageRefused)
            sizes.append(sum(map(len, read_pieces(one, 2**20))))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sizes == [len(drawn)] * 2
    assert peak < 8 * 2**20


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_unpacked_in_pieces_is_refused(packing: int) -> None:
    data = bytearray(pack({"one.png": bytes(50 * 2**20)}, packing))
    where = data.index(b"PK\x01\x02") + 24
    data[where : where + 4] = (1000).to_bytes(4, "little")  # small, it says
    assert unpack(bytes(data)) == ["bad-archive"]


def test_a_large_member_is_refused() -> None:
    assert unpack(pack({"one.png": bytes(MOST + 1)}, zipfile.ZIP_STORED)) == ["too-large"]


def test_too_many_members_are_refused() -> None:
    assert unpack(pack({f"{n}": b"" for n in range(MOST_MEMBERS + 1)})) == ["too-many"]


def test_too_much_in_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1000)
    assert unpack(pack({"a": bytes(600), "b": bytes(600)})) == ["too-large"]


def test_an_empty_archive_is_refused() -> None:
    assert unpack(pack({"__MACOSX/a": b"1"})) == ["empty"]


def test_half_an_archive_is_refused() -> None:
    data = pack({"one.png": bytes(range(256)) * 99})
    assert unpack(data[: len(data) // 2]) == ["bad-archive"]


def test_an_unknown_packing_is_refused() -> None:
    data = bytearray(pack({"one.png": b"1"}, zipfile.ZIP_STORED))
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + place] = 97
    assert unpack(bytes(data)) == ["bad-archive"]


def test_a_name_that_is_no_utf8_is_no_fault() -> None:
    data = pack({"ää.png": b"1"}).replace("ä".encode(), b"\xff\xff")
    assert unpack(data) in (["bad-archive"], [b"1"])


@given(st.data())
def test_damage_is_always_told_and_never_a_fault(data: st.DataObject) -> None:
    packing = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED,
                                         zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))  # fmt: skip
    made = bytearray(pack({"a.png": bytes(range(200)), "ö.png": b"2" * 300}, packing))
    for _ in range(data.draw(st.integers(1, 5))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    unpack(bytes(made))
