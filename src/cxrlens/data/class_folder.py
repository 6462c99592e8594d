"""The images of one class folder, and what else lies there.

SPDX-License-Identifier: Apache-2.0
"""

import os
from dataclasses import dataclass

from cxrlens.data.layout import list_folder
from cxrlens.imaging import read_head, recognise
from cxrlens.vocabulary import ImageRefused, Refusal

_PHOTOGRAPHS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".heic", ".avif")
_MEDICAL = (".dcm", ".dicom", ".tif", ".tiff", ".jp2")


@dataclass(frozen=True)
class Contents:
    """What lies in a class folder."""

    images: tuple[str, ...] = ()
    """Files that are images by their suffix or their content, in the order of their bytes."""

    others: tuple[str, ...] = ()
    """Files that are not."""

    folders: tuple[str, ...] = ()
    """Folders inside; they are not read."""

    refusals: tuple[Refusal, ...] = ()
    """What is no file, or may not be looked into."""


def list_contents(path: str) -> Contents:
    """Sort what lies in a folder; nothing but regular files is ever opened.

    Args:
        path: the folder.

    Returns:
        Its contents; junk such as `.DS_Store` is passed over.

    Raises:
        TableError: if the folder cannot be listed.
    """
    sorted_out: dict[str, list[str]] = {"image": [], "other": [], "folder": []}
    refusals: list[Refusal] = []
    for entry in list_folder(path):
        try:
            sorted_out[_judge(entry)].append(entry.path)
        except ImageRefused as error:
            refusals.append(Refusal(entry.path, error.reason, str(error), error.figure))
    images, others, folders = (tuple(paths) for paths in sorted_out.values())
    return Contents(images, others, folders, tuple(refusals))


def _judge(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir():
            return "folder"
        is_file = entry.is_file()
    except OSError:  # a link that leads to itself
        is_file = False
    if is_file and entry.name.lower().endswith(_PHOTOGRAPHS + _MEDICAL):
        return "image"
    # Also for what is no file: that is where the reason is put into words.
    return "image" if recognise(read_head(entry.path)).is_image else "other"
