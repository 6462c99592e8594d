"""A trained model answers for files.

SPDX-License-Identifier: Apache-2.0
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax

from cxrlens.explanation import (
    Method,
    Question,
    explain_lime,
    find_method,
    find_regions,
    make_heatmaps,
    read_lime_settings,
)
from cxrlens.imaging import (
    Preprocessing,
    Radiograph,
    ReadImage,
    count_cores,
    map_ordered,
    stream,
    try_read_source,
)
from cxrlens.inference import (
    Bundle,
    CompiledCache,
    EngineName,
    FeatureTable,
    ImageBatch,
    Precision,
    PreparedTable,
    TorchEngine,
    load_bundle,
    load_quantised,
    open_engine,
    place_quantised,
    resolve_engine,
)
from cxrlens.vocabulary import (
    ClassIndices,
    Geometry,
    Heatmap,
    ImageWarning,
    InputError,
    LimeExplanation,
    Prediction,
    Progress,
    Refusal,
    Unfamiliarity,
    suggest,
)

BATCH = 32
"""Decoded images that an engine is given at once, where they are small enough."""

BATCH_PIXELS = 8_000_000
"""Pixels of network inputs that an engine is given at once, unless a single image has more."""

MAP_BATCH = 8
"""Images that are explained at once: methods hold much more than the image."""

MOST_DRAWN = 8
"""Files whose source pixels are read at the same time, however many cores there are: each may
take hundreds of megabytes."""

SOURCES_AHEAD = 2
"""Answered images whose source pixels wait to be drawn on, beside one a processor core."""

CACHE_FOLDER = "engine-cache"
"""Beside a bundle: what engines compiled of it."""

PathLike = str | os.PathLike[str]
"""Where a file or folder is."""

_Answered = tuple[Prediction, ReadImage | None]
"""The answer for a file, and what the network saw; nothing where it was refused."""


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
        found = self._map_files(images, asked, target)
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
        return self._add_sources(self._map_files(images, methods, target))

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
        settings = read_lime_settings(options)
        read = next(iter(stream([os.fspath(image)], self._preprocessing)))
        if isinstance(read, Refusal):
            raise InputError(read.message)
        found = explain_lime(
            self.engine, read.pixels, self.classes, settings,
            targets=[target] if isinstance(target, str) else target,
            is_multilabel=self.bundle.record.is_multilabel,
        )  # fmt: skip
        return replace(found, geometry=read.geometry)

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
        asked = np.array([self.classes.index(name) for name in targets], dtype=np.int64)
        question = Question(pixels, asked, self.bundle.record.is_multilabel)
        maps = method.make(engine or self.engine, question, settings)
        return tuple(
            make_heatmaps(grid[None], [name], geometry, method=method.name)[0]
            for grid, name, geometry in zip(maps, targets, geometries, strict=True)
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
                for one in self._answer_pixels(asked, pixels, geometries)
            )
            progress.advance("predict", len(answers), len(rows))
        return tuple(answers)

    def _check_target(self, target: str | None) -> None:
        if target is not None and target not in self.classes:
            raise InputError(f"unknown target {target!r}; {suggest(target, self.classes)}")

    def _answer_files(self, paths: Iterable[PathLike]) -> Iterator[_Answered]:
        step = self._preprocessing
        n = max(1, min(BATCH, BATCH_PIXELS // (step.height * step.width)))
        return chain.from_iterable(self._answer_batches(paths, n))

    def _answer_batches(self, paths: Iterable[PathLike], n: int) -> Iterator[list[_Answered]]:
        """Answer for `n` files at a time, while as many are read ahead."""
        found = stream((os.fspath(path) for path in paths), self._preprocessing, ahead=n)
        while batch := list(islice(found, n)):
            answers = iter(
                self._answer_images([one for one in batch if isinstance(one, ReadImage)])
            )
            yield [
                (next(answers), one) if isinstance(one, ReadImage) else (self._refuse(one), None)
                for one in batch
            ]

    def _map_files(
        self,
        images: Iterable[PathLike],
        methods: Sequence[tuple[Method, object]],
        target: str | None,
    ) -> Iterator[tuple[_Answered, tuple[Heatmap, ...]]]:
        for batch in self._answer_batches(images, MAP_BATCH):
            read = [one for _, one in batch if one is not None]
            maps: Iterator[tuple[Heatmap, ...]] = iter([()] * len(read))
            if read and methods:
                targets = [target or str(answer.leading) for answer, one in batch if one]
                pixels = np.stack([one.pixels for one in read])
                asked = (pixels, targets, [one.geometry for one in read])
                made = (self.explain_pixels(*asked, *method) for method in methods)
                maps = zip(*made, strict=True)
            for answer, one in batch:
                yield (answer, one), () if one is None else next(maps)

    def _add_sources(
        self, found: Iterable[tuple[_Answered, tuple[Heatmap, ...]]]
    ) -> Iterator[tuple[Prediction, Radiograph | None, tuple[Heatmap, ...]]]:
        for answered, maps in found:
            answer, radiograph = self._read_source(answered)
            yield answer, radiograph, () if radiograph is None else maps

    def _read_source(self, answered: _Answered) -> tuple[Prediction, Radiograph | None]:
        answer, read = answered
        if read is None:
            return answer, None
        source = try_read_source(read)
        return (self._refuse(source), None) if isinstance(source, Refusal) else (answer, source)

    def _answer_images(self, read: Sequence[ReadImage]) -> list[Prediction]:
        if not read:
            return []
        pixels = np.stack([image.pixels for image in read])
        asked = [(image.image, image.warnings) for image in read]
        return self._answer_pixels(asked, pixels, [image.geometry for image in read])

    def _answer_pixels(
        self,
        asked: Sequence[tuple[str, tuple[ImageWarning, ...]]],
        pixels: np.ndarray,
        geometries: Sequence[Geometry],
    ) -> list[Prediction]:
        """Answer for images at the network's size, each given by its name and its warnings."""
        output = self.engine.run(pixels)
        record, classes = self.bundle.record, self.classes
        is_multilabel, point = record.is_multilabel, record.operating_point
        logits = output.logits.astype(np.float64)
        probabilities = expit(logits) if is_multilabel else softmax(logits, axis=1)
        fitted = record.calibration
        calibrated = None if fitted is None else fitted.scaling.apply(logits)
        deciding = probabilities if calibrated is None else calibrated
        decided = point.decide(classes, deciding, is_multilabel=is_multilabel)
        flagged = point.flag(classes, deciding)
        strange = self._judge_familiarity(output.features)
        answers = []
        for i, ((name, warnings), geometry) in enumerate(zip(asked, geometries, strict=True)):
            heatmaps = make_heatmaps(output.maps[i], classes, geometry)
            passed = np.flatnonzero(decided[i] if decided[i].any() else np.ones(len(classes)))
            leading = int(passed[np.argmax(deciding[i][passed])])
            unfamiliarity, doubts = strange[i]
            answers.append(
                Prediction(
                    image=name,
                    bundle_digest=record.digest,
                    engine=self._engine_words,
                    classes=classes,
                    operating_point=point,
                    logits=tuple(output.logits[i].tolist()),
                    probabilities=tuple(probabilities[i].tolist()),
                    calibrated=() if calibrated is None else tuple(calibrated[i].tolist()),
                    decision=classes[leading] if decided[i].any() else None,
                    is_multilabel=is_multilabel,
                    decisions=tuple(classes[index] for index in np.flatnonzero(decided[i])),
                    flagged=tuple(classes[index] for index in np.flatnonzero(flagged[i])),
                    heatmaps=heatmaps,
                    regions=find_regions(heatmaps[leading]),
                    warnings=(*warnings, *doubts),
                    unfamiliarity=unfamiliarity,
                    brightness=float(pixels[i].mean()),
                    features=output.features[i],
                )
            )
        return answers

    def _judge_familiarity(
        self, features: FeatureTable
    ) -> list[tuple[Unfamiliarity | None, tuple[ImageWarning, ...]]]:
        """Say how unlike the training images each image is, and what to be warned of."""
        known = self.bundle.familiarity
        if known is None:
            return [(None, ())] * len(features)
        judged = known.judge(features)
        warnings = map(known.warn, judged)
        return [(one, () if w is None else (w,)) for one, w in zip(judged, warnings, strict=True)]

    @property
    def _engine_words(self) -> str:
        return f"{self.engine.name}, {self.engine.precision}"

    def _refuse(self, refusal: Refusal) -> Prediction:
        return Prediction(
            image=refusal.image,
            bundle_digest=self.bundle.record.digest,
            engine=self._engine_words,
            classes=self.classes,
            operating_point=self.bundle.record.operating_point,
            is_multilabel=self.bundle.record.is_multilabel,
            refusal=refusal,
        )

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
            no GPU. The compiled network is kept in `engine-cache` beside the bundle.
        precision: of the answers; bfloat16 is faster where the processor has it, and moves
            probabilities by up to a few hundredths; int8 runs what `quantise` made.

    Raises:
        BundleError: if the folder is not exactly what was saved, or the int8 network beside it is
            damaged or another bundle's.
        InputError: if the engine cannot run here, or not in that precision.
    """
    path = Path(folder)
    bundle = load_bundle(path)
    if (engine, precision) == ("torch", "float32"):
        return Model(bundle)
    quantised = None
    if precision == "int8":
        resolve_engine(engine, precision)  # refuse first what cannot be at all
        quantised = load_quantised(place_quantised(path), bundle.record.digest)
    cache = CompiledCache(path.absolute().parent / CACHE_FOLDER, bundle.record.digest)
    step = bundle.record.preprocessing
    size = (step.height, step.width)
    return Model(bundle, open_engine(bundle.network, size, engine, precision, cache, quantised))
