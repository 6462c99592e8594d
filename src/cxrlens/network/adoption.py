"""A foreign state dict becomes a classifier of ours that gives the same logits.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.nn.functional import linear, pad, relu

from cxrlens.imaging import Preprocessing
from cxrlens.imaging.preprocessing import Fit
from cxrlens.network.backbone import build_backbone
from cxrlens.network.classifier import MapClassifier
from cxrlens.network.foreign_checkpoint import ForeignCheckpoint, StateDict
from cxrlens.network.foreign_head import LinearLayer, merge_layers, read_head
from cxrlens.network.import_settings import ImportSettings
from cxrlens.network.original import INCEPTION, Original, find_original
from cxrlens.network.specification import IMAGENET_MEAN, IMAGENET_STD, NetworkSpec
from cxrlens.network.state_fit import select_fitting
from cxrlens.network.tensors import GreyBatch, LogitBatch
from cxrlens.network.torchvision_names import rename_tensors
from cxrlens.vocabulary import WeightsError

_TOLERANCE = 1e-5
"""Largest difference from the original's logits, relative to the largest of them, in float64."""

_AUXILIARY = "AuxLogits."
"""Inception's second head, which runs in training only."""

_COLOURS = 3
"""Channels of torchvision's networks."""


@dataclass(frozen=True, eq=False)
class AdoptedNetwork:
    """A foreign network as one of ours."""

    network: MapClassifier
    """In eval mode, on the CPU."""

    spec: NetworkSpec
    """How it is built."""

    preprocessing: Preprocessing
    """How a radiograph becomes its input."""

    assumptions: tuple[str, ...]
    """What the file does not say, and how it was taken: one sentence each."""


@dataclass(frozen=True, eq=False)
class _Parts:
    """A checkpoint taken apart."""

    original: Original
    """What it was saved from."""

    features: StateDict
    """All but the heads, under the original's names, float32."""

    layers: list[LinearLayer]
    """Of the head."""

    mean: tuple[float, ...]
    """What the original's input was reduced by, one number a channel."""

    std: tuple[float, ...]
    """What it was divided by then."""


def adopt_network(
    checkpoint: ForeignCheckpoint, arch: str, classes: Sequence[str], settings: ImportSettings
) -> AdoptedNetwork:
    """Build the network that a checkpoint was saved from, give it its weights, and prove it.

    The proof: for an image of noise its logits are, in float64, those of torchvision's (or timm's)
    own network with the same weights.

    Args:
        checkpoint: tensors by name, and what stands beside them.
        arch: torchvision's or timm's name of the architecture.
        classes: one an output.
        settings: what the checkpoint does not say.

    Raises:
        WeightsError: if the architecture is not known or has no maps, the weights do not fit it,
            the head is not linear or has another number of outputs, mean and std are not one a
            channel, or the logits differ.
        RecipeError: if mean and std are no numbers to divide by, or the size is out of bounds or
            not taken by the network.
    """
    parts = _take_apart(checkpoint, arch, settings)
    stated = settings.size or _read_size(checkpoint)
    size = stated or _usual_size(parts.original)
    # Before memory for it is asked. Decoded whole, as the notebook did.
    preprocessing = Preprocessing(*size, cast(Fit, settings.fit), decoding="full")
    network, spec = _build(parts, checkpoint, size, classes, settings)
    chance = torch.Generator().manual_seed(0)
    images = torch.rand(1, 1, *size, generator=chance, dtype=torch.float64)
    _prove(network, images, parts, checkpoint, settings)
    assumptions = list(_list_assumptions(parts, settings))
    if stated is None:
        assumptions.append(f"The input is taken to be {size[0]} x {size[1]} pixels (--size).")
    return AdoptedNetwork(network, spec, preprocessing, tuple(assumptions))


def _take_apart(checkpoint: ForeignCheckpoint, arch: str, settings: ImportSettings) -> _Parts:
    original = find_original(arch, checkpoint.state)
    if settings.transform_input and (original.torchvision is None or original.arch != INCEPTION):
        raise WeightsError(
            f"--transform-input belongs to torchvision's {INCEPTION}; got --arch {arch}"
        )
    head = original.built_as.head
    state = {
        key: value.float() if value.is_floating_point() else value
        for key, value in checkpoint.state.items()
        if not (original.arch == INCEPTION and key.startswith(_AUXILIARY))
    }
    features = {key: value for key, value in state.items() if not key.startswith(f"{head}.")}
    first = features.get(original.first)
    if first is None:
        raise WeightsError(
            f"weights file {checkpoint.path} lacks {original.first!r}, the first tensor of {arch} "
            f"(the file's first is {next(iter(features), 'none')!r}); it belongs to another "
            "architecture"
        )
    layers = read_head(state, head, checkpoint.path)
    if settings.head_activation == "none":
        layers = merge_layers(layers)
    n_channels = first.shape[1] if first.ndim == 4 else _COLOURS
    mean, std = _choose_normalisation(settings, n_channels, arch)
    return _Parts(original, features, layers, mean, std)


def _choose_normalisation(
    settings: ImportSettings, n_channels: int, arch: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    chosen = []
    for name, given, usual in (
        ("mean", settings.mean, IMAGENET_MEAN),
        ("std", settings.std, IMAGENET_STD),
    ):
        values = usual if given is None else given * n_channels if len(given) == 1 else given
        if len(values) != n_channels:
            raise WeightsError(
                f"the {arch} of this file takes {n_channels} channels, --{name} has {len(values)} "
                f"numbers ({', '.join(map(str, values))}); give one a channel, as in training"
            )
        chosen.append(values)
    return chosen[0], chosen[1]


def _read_size(checkpoint: ForeignCheckpoint) -> tuple[int, int] | None:
    """Take the size that a checkpoint states, such as `input_size: [3, 299, 299]`.

    Channels may stand first or last. A lone number is often the width of the classifier, so it
    says nothing.
    """
    stated = checkpoint.beside.get("input_size")
    if isinstance(stated, list | tuple) and len(stated) in (2, 3):
        is_last = len(stated) == 3 and stated[2] in (1, _COLOURS)
        height, width = stated[:2] if is_last else stated[-2:]
        if isinstance(height, int) and isinstance(width, int):
            return height, width
    return None


def _usual_size(original: Original) -> tuple[int, int]:
    side = 299 if original.arch == INCEPTION else 224
    return side, side


def _build(
    parts: _Parts,
    checkpoint: ForeignCheckpoint,
    size: tuple[int, int],
    classes: Sequence[str],
    settings: ImportSettings,
) -> tuple[MapClassifier, NetworkSpec]:
    built_as, layers = parts.original.built_as, parts.layers
    mean, std = _find_own_normalisation(parts, settings)
    hidden = tuple(len(layer.weight) for layer in layers[:-1])
    spec = NetworkSpec(built_as.backbone, dict(built_as.options), mean, std, hidden, dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        backbone = build_backbone(spec, size)
        state = _select_state(parts, backbone.network, checkpoint)
        _check_head(layers, backbone.n_features, classes, checkpoint)
        network = MapClassifier(backbone, len(classes), spec).eval()
    backbone.network.load_state_dict(state, strict=False)
    for ours, theirs in zip([*network.head.hidden, network.head.output], layers, strict=True):
        ours.load_state_dict(theirs._asdict())
    return network, spec


def _select_state(parts: _Parts, network: nn.Module, checkpoint: ForeignCheckpoint) -> StateDict:
    """Select what the backbone needs under its own names, once the original has all it needs."""
    original, path = parts.original, checkpoint.path
    wanted = (original.torchvision or network).state_dict()
    if original.torchvision is not None and len(parts.mean) != _COLOURS:
        wanted[original.first] = wanted[original.first][:, : len(parts.mean)]
    state = select_fitting(parts.features, wanted, path, original.arch)
    strange = [key for key in parts.features if key not in wanted]
    if strange:
        raise WeightsError(
            f"weights file {path} holds {len(strange)} tensors that {original.arch} has not "
            f"(first: {strange[0]!r}); it belongs to another architecture"
        )
    if original.built_as.has_own_names:
        state = rename_tensors(state, network.state_dict())
    return select_fitting(state, network.state_dict(), path, original.built_as.backbone)


def _check_head(
    layers: list[LinearLayer],
    n_features: int,
    classes: Sequence[str],
    checkpoint: ForeignCheckpoint,
) -> None:
    takes, gives = layers[0].weight.shape[1], len(layers[-1].weight)
    if takes != n_features:
        raise WeightsError(
            f"weights file {checkpoint.path}: its head takes {takes} features, the last map has "
            f"{n_features}; a head that follows on the average of that map can be imported"
        )
    if gives != len(classes):
        hint = " (one output behind a sigmoid: --multilabel)" if gives == 1 else ""
        raise WeightsError(
            f"weights file {checkpoint.path} has {gives} outputs, the classes are {len(classes)}: "
            f"{', '.join(classes)}; name one an output, in their order{hint}"
        )


def _find_own_normalisation(
    parts: _Parts, settings: ImportSettings
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Join the normalisation with the one that torchvision's Inception-v3 may apply after it.

    With x = (p - m) / s it computes y = a x + b, a = ImageNet's std / 0.5 and
    b = (ImageNet's mean - 0.5) / 0.5; so y = (p - (m - b s / a)) / (s / a).
    """
    mean, std = parts.mean, parts.std
    if not settings.transform_input:
        return mean, std
    slopes = [deviation / 0.5 for deviation in IMAGENET_STD]
    shifts = [(average - 0.5) / 0.5 for average in IMAGENET_MEAN]
    joined = [(m - b * s / a, s / a) for m, s, a, b in zip(mean, std, slopes, shifts, strict=True)]
    return tuple(m for m, _ in joined), tuple(s for _, s in joined)


@torch.no_grad()
def _prove(
    network: MapClassifier,
    images: GreyBatch,
    parts: _Parts,
    checkpoint: ForeignCheckpoint,
    settings: ImportSettings,
) -> None:
    """Compare the logits of an image of noise with the original's.

    Raises:
        WeightsError: if they differ.
    """
    mean, std = _find_own_normalisation(parts, settings)
    # In float64 too: deep networks make much of the last digits of a float32.
    network.double().mean.copy_(_as_channels(mean))
    network.std.copy_(_as_channels(std))
    ours = network(images).logits
    theirs = _run_original(network, parts, images, settings)
    network.float()  # exact: the weights were float32 before
    difference = float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-12))
    if not difference <= _TOLERANCE:
        raise WeightsError(
            f"weights file {checkpoint.path}: the logits of {parts.original.arch} are not those of "
            f"an average over its last map (relative difference {difference:.1e}), so no class "
            "activation map adds up to them; it cannot be imported"
        )


def _run_original(
    network: MapClassifier, parts: _Parts, images: GreyBatch, settings: ImportSettings
) -> LogitBatch:
    normalised = (images - _as_channels(parts.mean)) / _as_channels(parts.std)
    theirs = parts.original.torchvision
    if theirs is None:
        values = network.backbone.network(normalised)
    else:
        # Channels that are not there weigh nothing.
        n_absent = _COLOURS - len(parts.mean)
        first = pad(parts.features[parts.original.first], (0, 0, 0, 0, 0, n_absent))
        state = {**parts.features, parts.original.first: first}
        theirs.load_state_dict(state, strict=False, assign=True)
        if settings.transform_input:
            cast(Any, theirs).transform_input = True
        values = theirs.double()(pad(normalised, (0, 0, 0, 0, 0, n_absent)))
    for layer in parts.layers[:-1]:
        values = relu(linear(values, layer.weight.double(), layer.bias.double()))
    last = parts.layers[-1]
    return linear(values, last.weight.double(), last.bias.double())


def _as_channels(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None, None]


def _list_assumptions(parts: _Parts, settings: ImportSettings) -> Iterator[str]:
    if settings.mean is None or settings.std is None:
        yield "Images are taken to be normalised by ImageNet's mean and std (--mean, --std)."
    if len(parts.layers) > 1:
        yield (
            f"ReLU is taken to stand between the {len(parts.layers)} linear layers of the head "
            "(--head-activation none, if nothing but dropout does)."
        )
    if parts.original.arch == INCEPTION and not settings.transform_input:
        yield (
            "torchvision's Inception-v3 normalises its input once more where it was built with "
            "pretrained weights: if so here, add --transform-input."
        )
