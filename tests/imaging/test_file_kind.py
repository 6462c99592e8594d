"""What the first bytes say.

SPDX-License-Identifier: Apache-2.0
"""

from hypothesis import given
from hypothesis import strategies as st

from cxrlens.imaging import recognise


def test_marks_inside_the_head_and_text() -> None:
    worked = {
        b"": "something of no known kind",
        b"\x00\x01": "something of no known kind",
        b"RIFF\0\0\0\0WEBPVP8 ": "WebP",
        b"RIFF\0\0\0\0WAVEfmt ": "something of no known kind",
        b"\xef\xbb\xbf  <?xml version='1.0'?>": "an HTML or XML page",
        "Röntgen".encode()[:3]: "plain text",  # cut inside a character
        "Röntgen".encode("latin-1"): "something of no known kind",
        b"\x1f\x8b\x08": "a gzip archive",
        b"\x89HDF\r\n\x1a\n": "an HDF5 file",
        b"II*\0" + bytes(124) + b"DICM": "DICOM",  # whose preamble is a TIFF header
        b"MM\0+" + bytes(4): "TIFF",
    }
    assert {head: recognise(head).name for head in worked} == worked


@given(st.binary(max_size=600))
def test_any_bytes_are_of_some_kind(head: bytes) -> None:
    assert recognise(head).name
