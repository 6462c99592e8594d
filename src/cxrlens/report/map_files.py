"""Heat-maps and their regions become files that other programs read.

SPDX-License-Identifier: Apache-2.0
"""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pycocotools import mask as run_lengths

from cxrlens.imaging import write_whole
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
    """Of the map's class in this image, in [0, 1]."""


def write_maps(folder: Path, maps: Sequence[MappedImage], formats: Sequence[str]) -> list[Path]:
    """Write maps in the formats that are asked for.

    Args:
        folder: where; exists.
        maps: any number, of any images, classes and methods.
        formats: of `MAP_FORMATS`.

    Returns:
        What was written: a file a format, or a folder with a file a map, numbered as `maps`.

    Raises:
        InputError: if a format is not known.
        OutputError: if a place cannot be written.
    """
    check_map_formats(formats)
    return [MAP_FORMATS[name](folder, maps) for name in dict.fromkeys(formats)]


def check_map_formats(formats: Sequence[str]) -> None:
    """Check names of formats before any map is made.

    Raises:
        InputError: if one is not of `MAP_FORMATS`.
    """
    for name in formats:
        if name not in MAP_FORMATS:
            raise InputError(f"unknown map format {name!r}; {suggest(name, MAP_FORMATS)}")


def _write_png16(folder: Path, maps: Sequence[MappedImage]) -> Path:
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
    return place


def _write_npz(folder: Path, maps: Sequence[MappedImage]) -> Path:
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
    return place


def _write_coco(folder: Path, maps: Sequence[MappedImage]) -> Path:
    """COCO's object detection format: boxes with scores, and run lengths of each region."""
    images = {name: number for number, name in enumerate(_names(maps), start=1)}
    classes = {
        name: number
        for number, name in enumerate(dict.fromkeys(m.heatmap.class_name for m in maps), start=1)
    }
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
    document = {
        "info": {"description": f"Regions of heat-maps by cxrlens. {NOT_A_DEVICE}"},
        "images": [
            {"id": number, "file_name": name, "height": sizes[name][0], "width": sizes[name][1]}
            for name, number in images.items()
        ],
        "categories": [{"id": number, "name": name} for name, number in classes.items()],
        "annotations": annotations,
    }
    return _write_text(folder / "regions.coco.json", json.dumps(document, indent=1))


def _write_chexlocalize(folder: Path, maps: Sequence[MappedImage]) -> Path:
    """By image and task the run lengths of what reaches the share; absent tasks are empty."""
    document: dict[str, dict[str, object]] = {}
    known = {task.casefold(): task for task in CHEXLOCALIZE_TASKS}
    for one in maps:
        name = PurePath(one.image).stem
        empty = np.zeros(one.heatmap.geometry.source_size, dtype=np.bool_)
        tasks = document.setdefault(name, {task: encode_mask(empty) for task in CHEXLOCALIZE_TASKS})
        task = known.get(one.heatmap.class_name.casefold(), one.heatmap.class_name)
        if one.runs:
            tasks[task] = _make_plain(run_lengths.merge(list(one.runs)))
        else:
            tasks[task] = encode_mask(empty)
    return _write_text(folder / "chexlocalize.json", json.dumps(document))


def _write_rsna(folder: Path, maps: Sequence[MappedImage]) -> Path:
    """The submission format of the RSNA Pneumonia Detection Challenge: one row an image."""
    strings: dict[str, list[str]] = {name: [] for name in _names(maps)}
    for one in maps:
        strings[one.image] += [
            f"{_score(one, region):.4f} {region.left} {region.top} {region.width} {region.height}"
            for region in one.regions
        ]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["patientId", "PredictionString"])
    writer.writerows([PurePath(name).stem, " ".join(boxes)] for name, boxes in strings.items())
    return _write_text(folder / "rsna.csv", file.getvalue())


MAP_FORMATS: Mapping[str, Callable[[Path, Sequence[MappedImage]], Path]] = MappingProxyType(
    {
        "png16": _write_png16,
        "npz": _write_npz,
        "coco": _write_coco,
        "chexlocalize": _write_chexlocalize,
        "rsna": _write_rsna,
    }
)
"""What `write_maps` can write, by name.

Sources: COCO, https://cocodataset.org/#format-results; cheXlocalize, `eval.py` (Saporta et al.,
Nature Machine Intelligence 2022;4:867-878); RSNA Pneumonia Detection Challenge (Kaggle, 2018),
where a box's confidence is here the class's probability times the region's share of the map's
maximum.
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


def _score(one: MappedImage, region: Region) -> float:
    strongest = max(other.score for other in one.regions)
    return one.probability * region.score / strongest


def _names(maps: Sequence[MappedImage]) -> list[str]:
    return list(dict.fromkeys(one.image for one in maps))


def _write_text(path: Path, text: str) -> Path:
    write_whole(path, os.fsencode(text))
    return path
