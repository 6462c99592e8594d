"""Heat-maps and their regions become files that other programs read.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pycocotools import mask as run_lengths

from cxrlens.imaging import write_whole
from cxrlens.report.image_names import name_images
from cxrlens.vocabulary import NOT_A_DEVICE, Heatmap, InputError, PixelMask, Region, suggest

CHEXLOCALIZE_TASKS = (
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Lesion", "Airspace Opacity", "Edema",
    "Consolidation", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Support Devices",
)  # fmt: skip
"""What cheXlocalize's evaluation asks every image for."""

RunLengths = dict[str, Any]
"""`size` (height, width) and `counts`, as COCO's API has them."""

_WHITE = 65535


@dataclass(frozen=True, eq=False)
class MappedImage:
    """One map of one image, with what was made of it."""

    image: str
    """The file, as the user named it."""

    heatmap: Heatmap
    """Of one class."""

    regions: tuple[Region, ...]
    """Found at `share`."""

    runs: tuple[RunLengths, ...]
    """The pixels of each region, as `encode_mask` gives them."""

    share: float
    """Of the map's maximum, at which it was cut."""

    probability: float
    """Of the map's class in this image, in [0, 1]; NaN where the network gives no number."""


def write_maps(
    folder: Path,
    maps: Sequence[MappedImage],
    formats: Sequence[str],
    methods: Sequence[str] = (),
) -> list[Path]:
    """Write maps in the formats that are asked for.

    Args:
        folder: where; exists.
        maps: any number, of any images, classes and methods.
        formats: of `MAP_FORMATS`.
        methods: that were asked for, whether or not they made a map; those of the maps are added.

    Returns:
        What was written: of each format a folder with a file a map, numbered as `maps`; or a file
        of regions, and with several methods a file each, which has the method in its name. There
        an image is called as `name_images` says, and of two maps of one image, class and method
        the last counts.

    Raises:
        InputError: if a format is not known.
        OutputError: if a place cannot be written.
    """
    check_map_formats(formats)
    asked = list(dict.fromkeys([*methods, *(one.heatmap.method for one in maps)]))
    writers = [MAP_FORMATS[name] for name in dict.fromkeys(formats)]
    return [path for write in writers for path in write(folder, maps, asked)]


def check_map_formats(formats: Sequence[str]) -> None:
    """Check names of formats before any map is made.

    Raises:
        InputError: if one is not of `MAP_FORMATS`.
    """
    for name in formats:
        if name not in MAP_FORMATS:
            raise InputError(f"unknown map format {name!r}; {suggest(name, MAP_FORMATS)}")


def _write_png16(folder: Path, maps: Sequence[MappedImage], _: Sequence[str]) -> list[Path]:
    """Grey PNG of 16 bits on the source pixels; its texts say which value black and white are."""
    place = folder / "maps-png16"
    place.mkdir(exist_ok=True)
    for number, one in enumerate(maps, start=1):
        heat = np.nan_to_num(one.heatmap.on_source().astype(np.float64), posinf=0, neginf=0)
        low, high = min(float(heat.min()), 0.0), max(float(heat.max()), 0.0)
        low, high = (-max(-low, high), max(-low, high)) if low < 0 else (low, high)
        scaled = (heat - low) / (high - low) if high > low else np.zeros_like(heat)
        texts = PngInfo()
        texts.add_itxt("Warning", NOT_A_DEVICE)
        texts.add_itxt("Title", f"evidence for {one.heatmap.class_name} ({one.heatmap.method})")
        texts.add_itxt("Black", repr(low))
        texts.add_itxt("White", repr(high))
        file = io.BytesIO()
        picture = Image.fromarray(np.rint(scaled * _WHITE).astype(np.uint16))
        picture.save(file, "PNG", pnginfo=texts)
        write_whole(place / f"{number:06d}.png", file.getvalue())
    return [place]


def _write_npz(folder: Path, maps: Sequence[MappedImage], _: Sequence[str]) -> list[Path]:
    """NumPy arrays: `grid` as it was made, `heat` on the source pixels, `box`, names."""
    place = folder / "maps-npz"
    place.mkdir(exist_ok=True)
    for number, one in enumerate(maps, start=1):
        box = one.heatmap.geometry
        file = io.BytesIO()
        np.savez_compressed(
            file,
            grid=one.heatmap.grid,
            heat=one.heatmap.on_source(),
            box=np.array([box.top, box.left, box.height, box.width]),
            image=np.array(one.image),
            class_name=np.array(one.heatmap.class_name),
            method=np.array(one.heatmap.method),
            notice=np.array(NOT_A_DEVICE),
        )
        write_whole(place / f"{number:06d}.npz", file.getvalue())
    return [place]


def _write_coco(path: Path, maps: Sequence[MappedImage], run: Sequence[MappedImage]) -> None:
    """COCO's object detection format: boxes with scores, and run lengths of each region."""
    images = _number(one.image for one in run)
    classes = _number(one.heatmap.class_name for one in run)
    sizes = {one.image: one.heatmap.geometry.source_size for one in maps}
    annotations: list[dict[str, object]] = []
    for one in maps:
        for region, runs in zip(one.regions, one.runs, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": images[one.image],
                    "category_id": classes[one.heatmap.class_name],
                    "bbox": [region.left, region.top, region.width, region.height],
                    "area": int(run_lengths.area(runs)),
                    "segmentation": runs,
                    "iscrowd": 0,
                    "score": _score(one, region),
                }
            )
    by = "".join(f" by {name}" for name in dict.fromkeys(one.heatmap.method for one in maps))
    document = {
        "info": {"description": f"Regions of heat-maps{by}, made by cxrlens. {NOT_A_DEVICE}"},
        "images": [
            {"id": images[name], "file_name": name, "height": height, "width": width}
            for name, (height, width) in sizes.items()
        ],
        "categories": [{"id": number, "name": name} for name, number in classes.items()],
        "annotations": annotations,
    }
    write_whole(path, json.dumps(document, indent=1, allow_nan=False).encode())


def _write_chexlocalize(
    path: Path, maps: Sequence[MappedImage], run: Sequence[MappedImage]
) -> None:
    """By image and task the run lengths of what reaches the share; absent tasks are empty."""
    names = name_images([one.image for one in run])
    document: dict[str, dict[str, object]] = {}
    known = {task.casefold(): task for task in CHEXLOCALIZE_TASKS}
    for one in maps:
        name = names[one.image]
        empty = np.zeros(one.heatmap.geometry.source_size, dtype=np.bool_)
        tasks = document.setdefault(name, {task: encode_mask(empty) for task in CHEXLOCALIZE_TASKS})
        task = known.get(one.heatmap.class_name.casefold(), one.heatmap.class_name)
        if one.runs:
            tasks[task] = _make_plain(run_lengths.merge(list(one.runs)))
        else:
            tasks[task] = encode_mask(empty)
    write_whole(path, json.dumps(document).encode())


def _write_rsna(path: Path, maps: Sequence[MappedImage], run: Sequence[MappedImage]) -> None:
    """The submission format of the RSNA Pneumonia Detection Challenge: one row an image."""
    names = name_images([one.image for one in run])
    boxes: dict[str, list[str]] = {one.image: [] for one in maps}
    for one in maps:
        for region in one.regions:
            score = _score(one, region)
            if score is not None:  # a box without a confidence cannot be written
                place = f"{region.left} {region.top} {region.width} {region.height}"
                boxes[one.image].append(f"{score:.4f} {place}")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["patientId", "PredictionString"])
    writer.writerows([names[image], " ".join(its)] for image, its in boxes.items())
    write_whole(path, os.fsencode(file.getvalue()))


WriteMaps = Callable[[Path, Sequence[MappedImage], Sequence[str]], list[Path]]
"""Takes the folder, maps, and the methods that were asked for; gives what it wrote."""

_WriteRegions = Callable[[Path, Sequence[MappedImage], Sequence[MappedImage]], None]
"""Takes the file, the maps of one method, and those of all: numbers and names are the run's."""


def _write_by_method(write: _WriteRegions, stem: str, suffix: str) -> WriteMaps:
    """One file where one method was asked for, else one each: such a format names no method."""

    def write_all(folder: Path, maps: Sequence[MappedImage], methods: Sequence[str]) -> list[Path]:
        places = {
            folder / (f"{stem}-{name}{suffix}" if len(methods) > 1 else f"{stem}{suffix}"): name
            for name in methods or [""]
        }
        for path, name in places.items():
            its = [one for one in maps if one.heatmap.method == name]
            last = {(one.image, one.heatmap.class_name): one for one in its}
            write(path, list(last.values()), maps)
        return list(places)

    return write_all


MAP_FORMATS: Mapping[str, WriteMaps] = MappingProxyType(
    {
        "png16": _write_png16,
        "npz": _write_npz,
        "coco": _write_by_method(_write_coco, "regions", ".coco.json"),
        "chexlocalize": _write_by_method(_write_chexlocalize, "chexlocalize", ".json"),
        "rsna": _write_by_method(_write_rsna, "rsna", ".csv"),
    }
)
"""What `write_maps` can write, by name.

Sources: COCO, https://cocodataset.org/#format-results; cheXlocalize, `eval.py` (Saporta et al.,
Nature Machine Intelligence 2022;4:867-878); RSNA Pneumonia Detection Challenge (Kaggle, 2018),
where a box's confidence is here the class's probability times the region's share of the map's
maximum. Where the network gave no probability, COCO's score is null, and RSNA's row has no box.
"""


def encode_mask(mask: PixelMask) -> RunLengths:
    """Encode a mask as COCO's compressed run lengths, in types that JSON has.

    Args:
        mask: height x width.

    Returns:
        `size` (height, width) and `counts`.
    """
    return _make_plain(run_lengths.encode(np.asfortranarray(mask.astype(np.uint8))))


def _make_plain(encoded: RunLengths) -> RunLengths:
    return {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}


def _score(one: MappedImage, region: Region) -> float | None:
    """None where the network gave no number."""
    strongest = max(other.score for other in one.regions)
    score = one.probability * region.score / strongest
    return score if math.isfinite(score) else None


def _number(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names), start=1)}
