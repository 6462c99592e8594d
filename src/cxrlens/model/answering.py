"""A trained model answers for files.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from cxrlens.explanation import Method, find_method
from cxrlens.imaging import Preprocessing, Radiograph, count_cores, map_ordered, try_read_source
from cxrlens.inference import (
    Bundle,
    CompiledCache,
    EngineName,
    ImageBatch,
    Precision,
    PreparedTable,
    TorchEngine,
    find_width,
    keep_width,
    load_bundle,
    load_quantised,
    open_engine,
    place_quantised,
    resolve_engine,
)
from cxrlens.model.answers import (
    BATCH,
    Answered,
    PathLike,
    answer_files,
    answer_pixels,
    choose_batch,
    refuse,
)
from cxrlens.model.file_maps import map_files, map_pixels, weigh_pieces
from cxrlens.vocabulary import (
    ClassIndices,
    Geometry,
    Heatmap,
    InputError,
    LimeExplanation,
    Prediction,
    Progress,
    Refusal,
    suggest,
)

MOST_DRAWN = 8
"""Files whose source pixels are read at the same time, however many cores there are: each may
take hundreds of megabytes."""

SOURCES_AHEAD = 2
"""Answered images whose source pixels wait to be drawn on, beside one a processor core."""

CACHE_FOLDER = "engine-cache"
"""Beside a bundle: what engines compiled of it."""


class Model:
    """A trained classifier that answers with probabilities, a decision and maps.

    Args:
        bundle: what was trained.
        engine: that runs its network; None is PyTorch in float32, the reference.
    """

    def __init__(self, bundle: Bundle, engine: TorchEngine | None = None) -> None:
        self.bundle = bundle
        self.engine = engine or TorchEngine(bundle.network)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of every probability."""
        return self.bundle.record.classes

    def predict(self, path: PathLike) -> Prediction:
        """Answer for one file.

        Args:
            path: an image file.

        Returns:
            The answer; its status is `refused` where the file cannot be used.
        """
        return next(iter(self.predict_many([path])))

    def predict_many(self, paths: Iterable[PathLike]) -> Iterator[Prediction]:
        """Answer for many files, in their order, in constant memory.

        Args:
            paths: image files.

        Yields:
            One answer a file; a file that cannot be used is answered with `refused` and its
            reason, and does not stop the others.
        """
        return (prediction for prediction, _ in self._answer_files(paths))

    def read_many(
        self, paths: Iterable[PathLike]
    ) -> Iterator[tuple[Prediction, Radiograph | None]]:
        """Answer for many files and hand over all their pixels, for drawing.

        The answers are to the bit those of `predict_many`: the network sees what it sees there,
        and the file is read once more for its own pixels.

        Args:
            paths: image files.

        Yields:
            One pair a file, in order; no radiograph where it was refused, which it also is where
            it can no longer be read, or has changed.
        """
        return map_ordered(
            self._read_source,
            self._answer_files(paths),
            workers=min(count_cores(), MOST_DRAWN),
            ahead=min(count_cores(), MOST_DRAWN) + SOURCES_AHEAD,
        )

    def explain(
        self, image: PathLike, method: str = "cam", target: str | None = None, **options: object
    ) -> Heatmap:
        """Show where the evidence for a class lies in one image.

        Args:
            image: an image file.
            method: one of `explanation.METHODS`.
            target: a class; None takes the one decided for, or the likeliest where none is.
            options: settings of the method; what it takes are the fields of its `settings`.

        Returns:
            The map, tied to the source image.

        Raises:
            InputError: if the method, one of its settings or the target is unknown, or the image
                is refused.

        Example:
            >>> model.explain("chest.png", "occlusion", target="covid", stride=16)  # doctest: +SKIP
        """
        found = next(iter(self.explain_many([image], method, target, **options)))
        if isinstance(found, Refusal):
            raise InputError(found.message)
        return found

    def explain_many(
        self,
        images: Iterable[PathLike],
        method: str = "cam",
        target: str | None = None,
        **options: object,
    ) -> Iterator[Heatmap | Refusal]:
        """Show where the evidence for a class lies in many images, in constant memory.

        Args:
            images: image files.
            method: as for `explain`.
            target: as for `explain`; None is decided for every image on its own.
            options: as for `explain`.

        Yields:
            For every file, in order, the map, or why the file was refused.

        Raises:
            InputError: if the method, one of its settings or the target is unknown.
        """
        maker = find_method(method)
        asked = [(maker, maker.read_settings(options))]
        self._check_target(target)
        found = map_files(self.bundle, self.engine, images, asked, target)
        return (answer.refusal or maps[0] for (answer, _), maps in found)

    def read_maps(
        self,
        images: Iterable[PathLike],
        methods: Sequence[tuple[Method, object]],
        target: str | None = None,
    ) -> Iterator[tuple[Prediction, Radiograph | None, tuple[Heatmap, ...]]]:
        """Make maps by several methods, and hand over answers and all pixels, for drawing.

        Args:
            images: image files, each read once.
            methods: each with its settings, as its `read_settings` gives them.
            target: as for `explain_many`.

        Yields:
            For every file, in order, the answer, the radiograph and a map a method; neither
            radiograph nor maps where it was refused, as by `read_many`.

        Raises:
            InputError: if the target is unknown.
        """
        self._check_target(target)
        return self._add_sources(map_files(self.bundle, self.engine, images, methods, target))

    def explain_lime(
        self, image: PathLike, target: str | Sequence[str] | None = None, **options: object
    ) -> LimeExplanation:
        """Say by LIME what each piece of an image adds to the probabilities.

        Args:
            image: an image file.
            target: a class, or several; None takes the likeliest `top_labels`.
            options: fields of `explanation.LimeSettings`.

        Returns:
            Pieces and weights, tied to the source image.

        Raises:
            InputError: if the target or an option is unknown, the image is refused, or the
                network's answers are not finite.
        """
        targets = [target] if isinstance(target, str) else target
        return weigh_pieces(self.bundle, self.engine, image, targets, options)

    def explain_pixels(
        self,
        pixels: ImageBatch,
        targets: Sequence[str],
        geometries: Sequence[Geometry],
        method: Method,
        settings: object,
        *,
        engine: TorchEngine | None = None,
    ) -> tuple[Heatmap, ...]:
        """Show where the evidence for a class lies in images that were preprocessed for this model.

        Args:
            pixels: N x H x W in [0, 1], at the network's input size.
            targets: the class that is asked about, one an image.
            geometries: how each lies on its source image.
            method: one of `explanation.METHODS`.
            settings: as the method's `read_settings` gives them.
            engine: that runs another network in place of this model's.

        Returns:
            One map an image.
        """
        return map_pixels(
            self.bundle, engine or self.engine, pixels, targets, geometries, (method, settings)
        )

    def answer_rows(
        self, prepared: PreparedTable, rows: ClassIndices, progress: Progress
    ) -> tuple[Prediction, ...]:
        """Answer for decoded rows of a table.

        Args:
            prepared: decoded with this model's preprocessing.
            rows: which of them.
            progress: is told of every batch.

        Returns:
            One answer a row, in the order of `rows`, without its features.
        """
        names = prepared.table.frame["image"].tolist()
        sizes, warnings = prepared.images.source_sizes, prepared.images.warnings
        answers: list[Prediction] = []
        for start in range(0, len(rows), BATCH):
            chosen = rows[start : start + BATCH].tolist()
            pixels = prepared.images.pixels[chosen].astype(np.float32) / 65535
            geometries = [self._preprocessing.geometry(sizes[row]) for row in chosen]
            asked = [(names[row], warnings[row]) for row in chosen]
            answers += (
                replace(one, features=None)
                for one in answer_pixels(self.bundle, self.engine, asked, pixels, geometries)
            )
            progress.advance("predict", len(answers), len(rows))
        return tuple(answers)

    def _check_target(self, target: str | None) -> None:
        if target is not None and target not in self.classes:
            raise InputError(f"unknown target {target!r}; {suggest(target, self.classes)}")

    def _answer_files(self, paths: Iterable[PathLike]) -> Iterator[Answered]:
        return chain.from_iterable(
            answer_files(self.bundle, self.engine, paths, choose_batch(self.bundle))
        )

    def _add_sources(
        self, found: Iterable[tuple[Answered, tuple[Heatmap, ...]]]
    ) -> Iterator[tuple[Prediction, Radiograph | None, tuple[Heatmap, ...]]]:
        for answered, maps in found:
            answer, radiograph = self._read_source(answered)
            yield answer, radiograph, () if radiograph is None else maps

    def _read_source(self, answered: Answered) -> tuple[Prediction, Radiograph | None]:
        answer, read = answered
        if read is None:
            return answer, None
        source = try_read_source(read)
        if isinstance(source, Refusal):
            return refuse(self.bundle, self.engine, source), None
        return answer, source

    @property
    def _preprocessing(self) -> Preprocessing:
        return self.bundle.record.preprocessing


def load(
    folder: PathLike, *, engine: EngineName = "torch", precision: Precision = "float32"
) -> Model:
    """Load a model from its bundle folder.

    Args:
        folder: the bundle.
        engine: what answers: `torch`, the reference; `openvino`, faster on a processor (by how
            much docs/performance.md says), or `onnxruntime`; `auto` takes OpenVINO where there is
            no GPU. The compiled network is kept in `engine-cache` beside the bundle; where it is
            there, the bundle's own is built when gradients are asked for, or never.
        precision: of the answers; bfloat16 is faster where the processor has it, and moves
            probabilities by up to a few hundredths; int8 runs what `quantise` made.

    Raises:
        BundleError: if the folder is not exactly what was saved, or the int8 network beside it is
            damaged or another bundle's.
        InputError: if the engine cannot run here, or not in that precision.
    """
    path = Path(folder)
    kept = path.absolute().parent / CACHE_FOLDER
    if resolve_engine(engine, precision) == "torch":
        return Model(load_bundle(path))
    bundle = load_bundle(path, lambda digest: find_width(CompiledCache(kept, digest)))
    quantised = None
    if precision == "int8":
        quantised = load_quantised(place_quantised(path), bundle.record.digest)
    cache = CompiledCache(kept, bundle.record.digest)
    if find_width(cache) is None:
        keep_width(cache, bundle.restore().backbone.n_features)
    step = bundle.record.preprocessing
    size = (step.height, step.width)
    return Model(bundle, open_engine(bundle.restore, size, engine, precision, cache, quantised))
