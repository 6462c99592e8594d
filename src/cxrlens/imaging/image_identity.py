"""What an image is known by, whatever its file is called.

SPDX-License-Identifier: Apache-2.0
"""

import os
from dataclasses import dataclass

from cxrlens.imaging.file_bytes import read_bytes
from cxrlens.imaging.hdf5_item import identify_item, split_reference
from cxrlens.vocabulary import ImageRefused, digest, show_name

ADDRESS_BYTES = 32
"""Of a SHA-256."""


@dataclass(frozen=True)
class ImageIdentity:
    """The content of one image, read but not decoded."""

    digest: str
    """As `Radiograph.digest`."""

    address: bytes
    """32 bytes: a SHA-256 of all that decides what its pixels are. It is that of the file's bytes;
    of an image in an HDF5 file, also of what is white in the whole array."""


def identify(path: str | os.PathLike[str]) -> ImageIdentity | None:
    """Read an image's content without decoding it.

    Args:
        path: as for `read_radiograph`.

    Returns:
        What it is known by; None where it cannot be read, of which `read_radiograph` says why.
    """
    try:
        reference = split_reference(path)
        if reference is not None:
            key, white = identify_item(repr(show_name(os.fspath(path))), reference)
            return ImageIdentity(key, bytes.fromhex(digest(f"{key} {white}".encode())))
        key = digest(read_bytes(path))
    except ImageRefused:
        return None
    return ImageIdentity(key, bytes.fromhex(key))
