"""Which mask belongs to which image.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cxrlens.data.layout import MASKS, ClassFolder, is_junk, list_folder


def match_masks(
    base: str, rows: Sequence[tuple[ClassFolder, str]]
) -> tuple[list[str | None], tuple[str, ...]]:
    """Find the mask of each image: same relative path and stem, suffix `.png`, in a mask folder.

    Args:
        base: the folder in which parts or classes stand; a mask folder may stand beside them, or
            beside the classes of a part.
        rows: every image with its class folder.

    Returns:
        The mask of each image, or None; and sentences for people.

    Raises:
        TableError: if a folder cannot be listed.
    """
    homes = {Path(base), *(Path(folder.home) for folder, _ in rows)}
    known = {key: path for home in sorted(homes) for key, path in _list_masks(home)}
    if not known:
        return [None] * len(rows), ()
    masks = [_find(known, Path(base), folder, image) for folder, image in rows]
    found = sum(mask is not None for mask in masks)
    notes = [f"Masks were found for {found} of {len(rows)} images."]
    unused = len(set(known.values()).difference(masks))
    if unused:
        notes.append(f"Masks that belong to no image were left out: {unused}.")
    return masks, tuple(notes)


def _find(
    known: dict[tuple[Path, Path], str], base: Path, folder: ClassFolder, image: str
) -> str | None:
    own = Path(folder.label, Path(image).with_suffix("").name)
    keys = ((base, Path(folder.home).relative_to(base) / own), (Path(folder.home), own))
    return next((known[key] for key in keys if key in known), None)


def _list_masks(home: Path) -> Iterable[tuple[tuple[Path, Path], str]]:
    """Every mask of a home, by what its image is called there."""
    for entry in list_folder(str(home)):
        if entry.name.lower() == MASKS:
            for path in sorted(Path(entry.path).rglob("*")):
                is_mask = path.suffix.lower() == ".png" and not is_junk(path.name)
                if is_mask and path.is_file():
                    yield (home, path.relative_to(entry.path).with_suffix("")), str(path)
