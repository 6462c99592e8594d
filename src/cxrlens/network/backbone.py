"""Any timm architecture as a module that gives its last feature map.

SPDX-License-Identifier: Apache-2.0
"""

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, Protocol, cast, runtime_checkable

import timm
import torch
from timm.layers.classifier import NormMlpClassifierHead
from torch import nn
from torch.func import functional_call

from cxrlens.network.compact import CompactNetwork
from cxrlens.network.residual import ResidualNetwork
from cxrlens.network.specification import COMPACT, RESIDUAL, NetworkSpec
from cxrlens.network.tensors import ColourBatch, FeatureBatch, LogitBatch
from cxrlens.vocabulary import RecipeError

_REFUSALS = (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError)
"""What architectures raise on options that they do not take: each of them something else."""


_CUT_CELLS = 2
"""By which convolutions without padding may make a map smaller along both axes."""

_OWN = {COMPACT: CompactNetwork, RESIDUAL: ResidualNetwork}
"""The networks that are ours, by name."""


@runtime_checkable
class FeatureNetwork(Protocol):
    """What timm's architectures have in common."""

    num_features: int

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """Compute everything before pooling."""
        ...


class Backbone(nn.Module):
    """A feature network whose last map is always channels first.

    Args:
        network: a timm architecture or our own; its classifier is not used.
        size_options: what it was built with beside its specification, for a fixed input size.
    """

    def __init__(
        self, network: FeatureNetwork, size_options: Mapping[str, object] | None = None
    ) -> None:
        super().__init__()
        self.size_options = dict(size_options or {})
        self.network = cast(nn.Module, network)
        self.n_features = network.num_features
        self._is_channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        self._prefix_tokens = int(getattr(network, "num_prefix_tokens", 0))
        self.has_auxiliary = bool(getattr(network, "aux_logits", False))

    def forward(self, images: ColourBatch) -> FeatureBatch:
        """Compute the last feature map.

        Raises:
            RecipeError: if the architecture gives neither a map nor a grid of tokens.
        """
        return self.compute(images)[0]

    def compute(self, images: ColourBatch) -> tuple[FeatureBatch, LogitBatch | None]:
        """Compute the last feature map and, in training, what the auxiliary head says.

        Raises:
            RecipeError: if the architecture gives neither a map nor a grid of tokens.
        """
        features = cast(FeatureNetwork, self.network).forward_features(images)
        if self.has_auxiliary and isinstance(features, tuple):
            return self._arrange(features[0], images), features[1].float()
        return self._arrange(features, images), None

    def normalise(self, features: FeatureBatch) -> FeatureBatch:
        """Apply the norm that stands after pooling, where there is one, before it instead.

        Its mean and variance are taken from the pooled features and held fixed over the map, so
        that pooling what is returned gives what the norm of the pooled features gives.

        Source: Liu et al. 2022, "A ConvNet for the 2020s" (ConvNeXt pools, then normalises).
        """
        norm = self.find_pooled_norm()
        if norm is None:
            return features
        pooled = features.mean(dim=(2, 3))
        mean = pooled.mean(dim=1)[:, None, None, None]
        variance = pooled.var(dim=1, correction=0)[:, None, None, None]
        weight, bias = norm.weight[:, None, None], norm.bias[:, None, None]
        return (features - mean) / torch.sqrt(variance + norm.eps) * weight + bias

    def find_pooled_norm(self) -> nn.LayerNorm | None:
        """Find the norm that stands after pooling; None where there is none."""
        head = getattr(self.network, "head", None)
        norm = head.norm if isinstance(head, NormMlpClassifierHead) else None
        return norm if isinstance(norm, nn.LayerNorm) else None

    def reset_auxiliary(self, n_classes: int) -> None:
        """Give the auxiliary head, where there is one, an output for each class."""
        if self.has_auxiliary:
            auxiliary = cast(Any, self.network).AuxLogits
            auxiliary.fc = nn.Linear(auxiliary.fc.in_features, n_classes)

    def activate_auxiliary(self, is_active: bool = True) -> "Backbone":
        """Let the auxiliary head, where there is one, run or not."""
        if self.has_auxiliary:
            cast(Any, self.network).aux_logits = is_active
        return self

    def train(self, mode: bool = True) -> "Backbone":
        """Switch between training and answering; the auxiliary head runs in training only."""
        super().train(mode)
        return self.activate_auxiliary(mode)

    def arrange_inner(
        self, output: torch.Tensor, shape: torch.Size, cells: tuple[int, int]
    ) -> torch.Tensor | None:
        """Lay the output of any module inside the network out as a map, channels first.

        Args:
            output: what the module gave.
            shape: of the images, N x channels x H x W.
            cells: rows and columns of the last feature map.

        Returns:
            N x C x rows x cols; None where the output has no more than one cell, or no rows and
            columns in the proportions of the images: windows of attention, vectors, weights.
        """
        if output.ndim == 4:
            channels_last = output.permute(0, 3, 1, 2)
            orders = [channels_last, output] if self._is_channels_last else [output, channels_last]
        elif output.ndim == 3:
            orders = self._arrange_inner_tokens(output, shape, cells)
        else:
            orders = []
        maps = [order for order in orders if _is_map(order, shape)]
        return min(maps, key=lambda features: _measure_misfit(features, shape), default=None)

    def _arrange_inner_tokens(
        self, tokens: torch.Tensor, shape: torch.Size, cells: tuple[int, int]
    ) -> list[torch.Tensor]:
        """The grids that tokens may be: first that of the last map, with class token or without."""
        found = []
        for start in (self._prefix_tokens, 0):
            patches = tokens[:, start:].transpose(1, 2)
            n = patches.shape[2]
            rows = round((n * shape[-2] / shape[-1]) ** 0.5)
            for grid in (cells, (rows, n // max(rows, 1))):
                if grid[0] * grid[1] == n:
                    found.append((grid != cells, patches.reshape(*patches.shape[:2], *grid)))
        return [grid for _, grid in sorted(found, key=lambda pair: pair[0])]

    def _arrange(self, features: object, images: torch.Tensor) -> torch.Tensor:
        if not isinstance(features, torch.Tensor) or features.ndim not in (3, 4):
            raise RecipeError(
                f"network.backbone {type(self.network).__name__} gives neither a map nor a grid "
                "of tokens before its classifier; choose another"
            )
        if features.ndim == 3:
            return self._arrange_tokens(features, images.shape)
        return features.permute(0, 3, 1, 2) if self._is_channels_last else features

    def _arrange_tokens(self, tokens: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """Lay tokens out as the grid of patches they came from (row by row), class token off."""
        patches = tokens[:, self._prefix_tokens :]
        height, width = shape[-2:]
        rows = round((patches.shape[1] * height / width) ** 0.5)
        cols = patches.shape[1] // rows
        # Not len(tokens), which would be a constant of the graph that engines run.
        return patches.transpose(1, 2).reshape(tokens.shape[0], -1, rows, cols)


def _is_map(features: torch.Tensor, shape: torch.Size) -> bool:
    """Whether a tensor has an image's proportions, but for cells rounded or cut off at its edge."""
    height, width = shape[-2:]
    cut = 0 if height == width else max(height, width) + _CUT_CELLS * abs(height - width)
    n, _, rows, cols = features.shape
    return n == shape[0] and rows * cols > 1 and _measure_misfit(features, shape) <= cut


def _measure_misfit(features: torch.Tensor, shape: torch.Size) -> int:
    return abs(features.shape[2] * shape[-1] - features.shape[3] * shape[-2])


def build_backbone(spec: NetworkSpec, input_size: tuple[int, int]) -> Backbone:
    """Build the architecture with random weights.

    Args:
        spec: its name, options and number of channels.
        input_size: (height, width) in pixels, for architectures that are built for one size.

    Raises:
        RecipeError: if timm does not know the name, or the architecture refuses the options or
            the size, or gives no feature map.
    """
    backbone = _create_backbone(spec, input_size)
    try:
        with torch.no_grad():
            # Answering, but with the auxiliary head, which may not take the size either.
            images = torch.zeros(1, len(spec.mean), *input_size)
            features = _try(backbone.eval().activate_auxiliary(), images)
    except _REFUSALS as error:
        raise RecipeError(
            f"network.backbone {spec.backbone!r} does not take images of {input_size} pixels: "
            f"{type(error).__name__} {error}"
        ) from error
    if features.ndim != 4 or features.shape[1] != backbone.n_features:
        raise RecipeError(
            f"network.backbone {spec.backbone!r} gives features of shape {tuple(features.shape)} "
            f"where {backbone.n_features} channels are needed; choose another"
        )
    return backbone.train()


def _try(backbone: Backbone, images: torch.Tensor) -> torch.Tensor:
    """Give features of the right shape; only architectures that need numbers for that compute."""
    held = (*backbone.named_parameters(), *backbone.named_buffers())
    shapes = {name: value.to("meta") for name, value in held}
    with suppress(*_REFUSALS):
        return cast(torch.Tensor, functional_call(backbone, shapes, (images.to("meta"),)))
    return cast(torch.Tensor, backbone(images))  # or refuse in its own words


def _create_backbone(spec: NetworkSpec, input_size: tuple[int, int]) -> Backbone:
    if spec.backbone in _OWN:
        options: dict[str, Any] = dict(spec.options)
        return _wrap(lambda: _OWN[spec.backbone](len(spec.mean), **options), spec)
    if not timm.is_model(spec.backbone):
        near = get_close_matches(spec.backbone, [*timm.list_models(), *_OWN], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "timm.list_models() lists them"
        raise RecipeError(
            f"network.backbone must be a timm architecture or one of {sorted(_OWN)}; "
            f"got {spec.backbone!r}; {hint}"
        )
    config = timm.models.get_pretrained_cfg(spec.backbone)
    size = {"img_size": input_size} if config is not None and config.fixed_input_size else {}
    return _wrap(lambda: create_timm_network(spec, **size), spec, size)


def create_timm_network(spec: NetworkSpec, **options: object) -> FeatureNetwork:
    """Create timm's architecture without its classifier.

    Args:
        spec: its name, options and number of channels.
        options: more options, such as `pretrained` or `img_size`.
    """
    fixed = {"num_classes": 0, "in_chans": len(spec.mean)}
    arguments: dict[str, Any] = {"pretrained": False, **spec.options, **options, **fixed}
    with warnings.catch_warnings():
        # Of an auxiliary head, which has no output either until `reset_auxiliary` gives it some.
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        return cast(FeatureNetwork, timm.create_model(spec.backbone, **arguments))


def _wrap(
    create: Callable[[], FeatureNetwork],
    spec: NetworkSpec,
    size_options: Mapping[str, object] | None = None,
) -> Backbone:
    try:
        return Backbone(create(), size_options)
    except _REFUSALS as error:
        raise RecipeError(
            f"network.options {spec.options} do not fit {spec.backbone!r}: "
            f"{type(error).__name__} {error}"
        ) from error
