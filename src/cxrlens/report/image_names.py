"""Images get short names by which other programs find them in a file.

SPDX-License-Identifier: Apache-2.0
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

_CHEXPERT = re.compile(r"(?:^|/)patient\d+/study\d+/view[^/]*$")
"""cheXlocalize's evaluation looks for `patient64541_study1_view1_frontal`."""

_CHEXPERT_PARTS = 3


def name_images(images: Sequence[str]) -> dict[str, str]:
    """Name images by the ends of their paths.

    Args:
        images: paths; one that is given twice is one image.

    Returns:
        By path a name that no other has: the file's name without its suffix where that is unique;
        else with as many folders before it, joined by `_`, as tell all files of that name apart;
        with suffixes where nothing but these differ; and the path as given where even that is not
        enough (`a_b/c/d` and `a/b_c/d`). Of several images, those whose path ends as CheXpert's do
        are named `patientN_studyM_viewK` at least.

    Example:
        >>> list(name_images(["a/1.png", "b/1.png", "b/2.png"]).values())
        ['a_1', 'b_1', '2']
    """
    by_stem: dict[str, list[str]] = {}
    for image in dict.fromkeys(images):
        by_stem.setdefault(PurePath(image).stem, []).append(image)
    is_one = sum(map(len, by_stem.values())) == 1
    cut = {
        image: name
        for same in by_stem.values()
        for image, name in zip(same, _tell_apart(same, is_one=is_one), strict=True)
    }
    names = {image: cut[image] for image in images}
    while len(set(names.values())) < len(names):
        times = Counter(names.values())
        names = {image: image if times[name] > 1 else name for image, name in names.items()}
    return names


def _tell_apart(images: Sequence[str], *, is_one: bool) -> list[str]:
    """Name images whose file names are the same up to the suffix, all with equally many parts."""
    paths = [_split(image, has_suffix=False) for image in images]
    if len(set(paths)) < len(paths):
        paths = [_split(image, has_suffix=True) for image in images]
    is_chexpert = any(_CHEXPERT.search(PurePath(image).as_posix()) for image in images)
    least = _CHEXPERT_PARTS if is_chexpert and not is_one else 1
    most = max(least, *map(len, paths))
    for n in range(least, most + 1):
        names = ["_".join(parts[-n:]) for parts in paths]
        if len(set(names)) == len(names):
            break
    return names


def _split(image: str, *, has_suffix: bool) -> tuple[str, ...]:
    path = PurePath(image)
    folders = path.parts[1 if path.anchor else 0 : -1]
    return (*folders, path.name if has_suffix else path.stem)
