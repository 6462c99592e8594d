"""`cxrlens explain`.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path, PurePath
from typing import Annotated

import typer

import cxrlens as cxr
from cxrlens.cli.console import open_progress, say, show_json, show_line, show_table
from cxrlens.cli.image_files import find_files
from cxrlens.cli.map_options import SetOption, read_methods
from cxrlens.cli.options import (
    EXIT_PARTIAL,
    BundleArgument,
    EngineOption,
    JsonOption,
    OutOption,
    PrecisionOption,
    load_model,
)

LIME = "lime"
"""The method whose pieces are drawn too."""

MAX_REGIONS = 5
"""Of a map, that are listed on the screen: gradients at single pixels make hundreds."""


def explain(
    bundle: BundleArgument,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Image files, or folders of them.")
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="How the map is made; docs/reference/map-methods.md lists them. May be given "
            "several times. Default: cam."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="The class to explain. Default: the one decided for, or the likeliest."),
    ] = None,
    settings: SetOption = None,
    share: Annotated[
        float,
        typer.Option(
            help="Regions are what reaches this share of a map's maximum.",
            min=0.01,
            max=1.0,
        ),
    ] = 0.5,
    card: Annotated[
        Path | None,
        typer.Option(
            help="card.json of explain-card: its maps are cut at the share that it chose for "
            "their method and class, others at --share."
        ),
    ] = None,
    views: Annotated[
        list[str] | None,
        typer.Option(
            "--view",
            help="heat: what speaks for the class; contours: lines around its regions; signed: "
            "what speaks for it and against it, on one scale. May be given several times. "
            "Default: heat.",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="Write the maps as png16 or npz, the regions as coco, chexlocalize or rsna too: "
            "a file for each method. May be given several times.",
        ),
    ] = None,
    colours: Annotated[
        str, typer.Option(help="Of maps without a sign: plasma, viridis, cividis, jet …")
    ] = "plasma",
    out: OutOption = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    as_json: JsonOption = False,
) -> None:
    """Show where in images the evidence for a class lies, by one or several methods."""
    model = load_model(bundle, engine, precision)
    asked = read_methods(method or ["cam"], settings)
    look = _Look(
        share=share,
        shares={} if card is None else cxr.report.read_card_shares(card),
        views=cxr.report.read_map_views(views or ["heat"]),
        colours=colours,
        is_phantom=model.bundle.record.data.is_phantom,
    )
    if look.is_phantom:
        say(f"note: {cxr.vocabulary.PHANTOM_MODEL}")
    files = _take_once(find_files(paths))
    if not files:
        raise cxr.vocabulary.InputError(f"no file found in {', '.join(map(str, paths))}")
    cxr.report.check_map_formats(formats or ())
    # An unknown target is refused before all else. LIME is asked apart: it shows more than a map.
    found = model.read_maps(files, [one for one in asked if one[0].name != LIME], target)
    lime = next((settings for method, settings in asked if method.name == LIME), None)
    drawn: list[_Drawn] = []
    with cxr.training.claim_run_folder(out, "explain") as folder:
        say(f"writing to {folder}")
        with open_progress() as progress:
            for number, (answer, radiograph, heatmaps) in enumerate(found, start=1):
                if radiograph is None:
                    say(f"refused: {answer.refusal.message if answer.refusal else answer.image}")
                else:
                    is_only = len(files) * len(asked) == 1
                    shown = list(heatmaps)
                    if isinstance(lime, cxr.vocabulary.LimeSettings):
                        its = _ask_lime(model, answer, target, lime)
                        if its is not None:
                            _draw_pieces(folder, answer, radiograph, its, is_only=is_only)
                            place = [method.name for method, _ in asked].index(LIME)
                            shown.insert(place, its.make_heatmap(target or str(answer.leading)))
                    drawn += _draw_image(folder, answer, radiograph, shown, look, is_only)
                progress.advance("explain", number, len(files))
        cxr.report.write_maps(
            folder, [one.map for one in drawn], formats or (), [one.name for one, _ in asked]
        )
    _show(drawn, folder, as_json)
    n_explained = len({one.map.image for one in drawn})
    if n_explained == 0:
        raise typer.Exit(cxr.vocabulary.InputError.exit_code)
    raise typer.Exit(EXIT_PARTIAL if n_explained < len(files) else 0)


def _take_once(files: Iterable[Path]) -> list[Path]:
    """A file that is named twice, say by itself and by its folder, is one image."""
    first: dict[str, Path] = {}
    for file in files:
        first.setdefault(os.path.abspath(file), file)  # noqa: PTH100 (links stay what they are)
    return list(first.values())


def _ask_lime(
    model: "cxr.Model",
    answer: "cxr.Prediction",
    target: str | None,
    settings: "cxr.vocabulary.LimeSettings",
) -> "cxr.vocabulary.LimeExplanation | None":
    """Ask about the target; without one about the class decided for and the likeliest.

    None, and said so, where the network gives no number: the other images go on.
    """
    likeliest = sorted(
        zip(answer.probabilities, answer.classes, strict=True), key=lambda one: -one[0]
    )
    names = [str(answer.leading), *(name for _, name in likeliest)]
    asked = [target] if target else list(dict.fromkeys(names))[: settings.top_labels]
    try:
        return model.explain_lime(answer.image, asked, **asdict(settings))
    except cxr.vocabulary.InputError as error:
        say(f"warning: no map of {cxr.vocabulary.show_name(answer.image)} by {LIME}: {error}")
        return None


def _draw_pieces(
    folder: Path,
    answer: "cxr.Prediction",
    radiograph: "cxr.Radiograph",
    pieces: "cxr.vocabulary.LimeExplanation",
    *,
    is_only: bool,
) -> None:
    """Draw LIME's three views of every class that was asked about."""
    path = PurePath(answer.image)
    figure = cxr.report.draw_lime(
        pieces, radiograph.pixels, title=f"LIME: {cxr.vocabulary.show_name(path.name)}"
    )
    place = _find_place(folder, "pieces" if is_only else f"{path.stem}-lime-pieces")
    cxr.report.save_figure(place, figure)


@dataclass(frozen=True)
class _Look:
    """How maps are cut and drawn."""

    share: float
    shares: "cxr.report.CardShares"
    views: "tuple[cxr.report.MapView, ...]"
    colours: str
    is_phantom: bool

    def find_share(self, heatmap: "cxr.vocabulary.Heatmap") -> float:
        """Where this map is cut."""
        return self.shares.get((heatmap.method, heatmap.class_name), self.share)


@dataclass(frozen=True)
class _Drawn:
    """A map and its pictures."""

    map: "cxr.report.MappedImage"
    pictures: "dict[cxr.report.MapView, Path]"


def _draw_image(
    folder: Path,
    answer: "cxr.Prediction",
    radiograph: "cxr.Radiograph",
    heatmaps: "Sequence[cxr.vocabulary.Heatmap]",
    look: _Look,
    is_only: bool,
) -> list[_Drawn]:
    """Draw an image's maps, each by itself and, of several methods, side by side."""
    stem = PurePath(answer.image).stem
    for warning in answer.warnings:
        say(f"warning ({warning.reason}): {warning.message}")
    zones = cxr.explanation.divide_lungs(cxr.imaging.find_lung_field(radiograph.pixels))
    probabilities = dict(zip(answer.classes, answer.deciding, strict=True))
    drawn = []
    for heatmap in heatmaps:
        share = look.find_share(heatmap)
        regions = cxr.explanation.find_regions(heatmap, share, zones)
        masks = cxr.explanation.mask_regions(heatmap, share)
        one = cxr.report.MappedImage(
            image=answer.image,
            heatmap=heatmap,
            regions=regions,
            runs=tuple(cxr.report.encode_mask(mask) for mask in masks),
            share=share,
            probability=probabilities[heatmap.class_name],
        )
        pictures = {}
        for view in look.views:
            end = "" if view == "heat" else f"-{view}"
            name = f"{'overlay' if is_only else f'{stem}-{heatmap.method}'}{end}"
            pictures[view] = _find_place(folder, name)
            inside = None
            if view == "contours":
                inside = cxr.explanation.cut(cxr.explanation.heat_on_source(heatmap), share)
            cxr.report.save_overlay(
                pictures[view], heatmap, radiograph.pixels, colours=look.colours, view=view,
                regions=inside,
            )  # fmt: skip
        drawn.append(_Drawn(one, pictures))
        _warn(heatmap, cxr.vocabulary.show_name(answer.image))
    if len(heatmaps) > 1:
        notes = [cxr.vocabulary.PHANTOM_MODEL] if look.is_phantom else []
        figure = cxr.report.draw_methods(
            radiograph.pixels, heatmaps, colours=look.colours, notes=notes
        )
        cxr.report.save_figure(_find_place(folder, f"{stem}-methods"), figure)
    return drawn


def _find_place(folder: Path, name: str) -> Path:
    """A file name that is free: images of several folders may share one."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(path for path in (folder / f"{one}.png" for one in names) if not path.exists())


def _warn(heatmap: "cxr.vocabulary.Heatmap", image: str) -> None:
    if not heatmap.is_usable:
        say(
            f"warning: the map of {image} by {heatmap.method} is the same everywhere or not "
            "finite; it says nothing"
        )
    elif heatmap.grid.max() <= 0:
        say(f"note: by {heatmap.method} nothing in {image} speaks for {heatmap.class_name}")


def _show(drawn: Sequence[_Drawn], folder: Path, as_json: bool) -> None:
    if as_json:
        maps = [_tell(one) for one in drawn]
        show_json({"folder": str(folder), "notice": cxr.vocabulary.NOT_A_DEVICE, "maps": maps})
        return
    if not drawn:
        return  # every file was refused, and each was named
    show_table(
        ["image", "method", "evidence for", "score", "place", "left", "top", "width", "height"],
        [
            [
                cxr.vocabulary.show_name(one.map.image), one.map.heatmap.method,
                one.map.heatmap.class_name, f"{region.score:.3g}", region.place or "",
                *map(str, (region.left, region.top, region.width, region.height)),
            ]
            for one in drawn
            for region in one.map.regions[:MAX_REGIONS]
        ],
    )  # fmt: skip
    n_more = sum(max(len(one.map.regions) - MAX_REGIONS, 0) for one in drawn)
    if n_more:
        show_line(
            f"{n_more} weaker regions are not listed: --json and --format coco have all; a map "
            "with many says little about regions"
        )
    show_line(f"pictures in {folder}")
    show_line(cxr.vocabulary.NOT_A_DEVICE)


def _tell(one: _Drawn) -> dict[str, object]:
    heatmap = one.map.heatmap
    return {
        "image": one.map.image,
        "picture": str(next(iter(one.pictures.values()))),
        "pictures": {view: str(path) for view, path in one.pictures.items()},
        "class_name": heatmap.class_name,
        "method": heatmap.method,
        "probability": cxr.vocabulary.to_plain(one.map.probability),
        "says_something": heatmap.is_usable,
        "grid": cxr.vocabulary.to_plain(heatmap.grid),
        "geometry": cxr.vocabulary.to_plain(heatmap.geometry),
        "share": one.map.share,
        "regions": cxr.vocabulary.to_plain(one.map.regions),
    }
