"""One step: images move the weights.

SPDX-License-Identifier: Apache-2.0
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt16
from lightning.fabric import Fabric
from torch import Tensor

from cxrlens.inference import explain_memory
from cxrlens.network import MapClassifier
from cxrlens.network.classifier import ClassifierOutput
from cxrlens.network.tensors import GreyBatch
from cxrlens.training.augmentation import augment
from cxrlens.training.batching import Rows, count_epochs, count_steps, derive_seed
from cxrlens.training.checkpoint import Place
from cxrlens.training.copies import split_copies, vary_copies
from cxrlens.training.loss import sum_loss, weigh_targets
from cxrlens.training.optimiser import build_optimiser, pack_optimiser, unpack_optimiser
from cxrlens.training.parameter_group import freeze_rest, trains_auxiliary
from cxrlens.training.rate_schedule import compute_rate_factor
from cxrlens.training.recipe import Recipe, Stage
from cxrlens.training.targets import TargetBatch, Targets, weigh_classes

StoredPixels = UInt16[np.ndarray, "n h w"]
"""Grey images at the network's input size; 65535 is 1."""

State = dict[str, Tensor]
"""Tensors by name, on the CPU."""

_PIXELS, _NETWORK = 2, 3
"""What chance is drawn for; 1 is the order of an epoch."""

_VALIDATION_BATCH = 64

_FREE_SOME = "free some, or train with smaller images or a smaller network"

_FABRIC_PRECISION: dict[str, Literal["32-true", "bf16-mixed"]] = {
    "float32": "32-true",
    "bfloat16": "bf16-mixed",
}


@dataclass(frozen=True, eq=False)
class TrainingCases:
    """Decoded images with their targets, and which of them teach or choose."""

    pixels: StoredPixels
    """All images."""

    targets: Targets
    """Of each image; those of rows in neither part are not looked at."""

    train: Rows
    """The rows that the weights are moved by, and copies of them as `add_copies` numbers them."""

    validation: Rows
    """The rows that the epoch is chosen on."""

    n_classes: int
    """Outputs of the network."""

    classes: tuple[str, ...] = ()
    """Their names; where there are none, `class_names` counts them."""

    images: tuple[str, ...] = ()
    """The name of every image's file; empty where it has none."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """A name for every output."""
        return self.classes or tuple(str(k) for k in range(self.n_classes))

    def find_targets(self, rows: Rows) -> Targets:
        """Give the targets of rows, and of copies of rows."""
        targets: Targets = self.targets[split_copies(rows, len(self.targets))[0]]
        return targets


@dataclass(frozen=True)
class StepResult:
    """What one step came to."""

    loss: float
    """Mean over its images, without that of an auxiliary head; may not be finite."""

    n_right: int
    """Targets decided rightly before the step."""

    n_decided: int
    """Targets that are known."""


class Learner:
    """A network with the optimiser of one stage, on the machine's device.

    Args:
        network: changed in place.
        cases: images and targets.
        recipe: how.
        device: `cpu` or `cuda`.
        precision: `float32` or `bfloat16`.
    """

    def __init__(
        self,
        network: MapClassifier,
        cases: TrainingCases,
        recipe: Recipe,
        device: str,
        precision: str,
    ) -> None:
        self._fabric = Fabric(
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=1,
            precision=_FABRIC_PRECISION[precision],
        )
        self.network = network.to(memory_format=torch.channels_last)
        self._module = self._fabric.setup_module(self.network)
        self._cases, self._recipe = cases, recipe
        self._is_learning = False
        self._weights: Tensor | None = None
        if recipe.optimisation.balance == "loss-weights":
            weights = weigh_classes(cases.find_targets(cases.train), cases.n_classes)
            self._weights = self._fabric.to_device(weights)

    def enter_stage(self, stage: Stage, weights: State, gathered: State) -> None:
        """Begin a stage, or go on in it.

        Args:
            stage: what moves, and how.
            weights: to start from; empty leaves those that there are.
            gathered: what the stage's optimiser has gathered so far.
        """
        if weights:
            self.network.load_state_dict(weights)
        self._stage = stage
        self._is_learning = False
        self._optimiser = build_optimiser(self.network, stage)
        if gathered:
            unpack_optimiser(self._optimiser, gathered)

    def make_step(
        self, place: Place, batches: list[Rows], factor: float | None = None
    ) -> StepResult:
        """Move the weights once, by the mean loss over all images of a step.

        Args:
            place: of the step; all its chance and its learning rates follow from it.
            batches: rows of the batches whose gradients are gathered.
            factor: of the stage's largest learning rates; None: as its schedule has it.

        Raises:
            InputError: if the GPU has too little memory.
        """
        if not self._is_learning:
            freeze_rest(self.network, self._stage)
            self._is_learning = True
        torch.manual_seed(self._derive_seed(place, _NETWORK))
        generator = torch.Generator().manual_seed(self._derive_seed(place, _PIXELS))
        self._set_rates(self._find_factor(place) if factor is None else factor)
        with self._explain_memory(batches):
            parts = self._move(batches, generator)
        return StepResult(
            sum(part.loss for part in parts),
            sum(part.n_right for part in parts),
            sum(part.n_decided for part in parts),
        )

    def _move(self, batches: list[Rows], generator: torch.Generator) -> list[StepResult]:
        """Gather the gradients of all batches and take the optimiser's step."""
        targets = torch.from_numpy(self._cases.find_targets(np.concatenate(batches)))
        total = weigh_targets(self._fabric.to_device(targets), self._weights).clamp_min(1e-12)
        parts = [self._learn(rows, generator, total) for rows in batches]
        clip = self._recipe.optimisation.gradient_clip
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        self._optimiser.step()
        self._optimiser.zero_grad()
        return parts

    def _explain_memory(self, batches: list[Rows]) -> AbstractContextManager[None]:
        _, height, width = self._cases.pixels.shape
        optimisation = self._recipe.optimisation
        size = optimisation.batch_size
        smaller = f"batch_size={max(size // 2, 2)} accumulate={optimisation.accumulate * 2}"
        way_out = f"train with {smaller}: steps of as many images in half the memory"
        if size <= 3:
            way_out = "batch_size and accumulate can save no more: train with smaller images"
        what = f"{len(batches[0])} images of {height} x {width} at once (batch_size={size})"
        return explain_memory(what, way_out)

    def vary_images(self, place: Place, rows: Rows) -> GreyBatch:
        """Give the first batch of a step as the network will see it, and leave it in eval mode."""
        self._rest()
        generator = torch.Generator().manual_seed(self._derive_seed(place, _PIXELS))
        return augment(self._fetch(rows)[0], self._recipe.augmentation, generator)

    def answer(self, rows: Rows) -> Tensor:
        """Compute the logits of some images as they are, n x k on the CPU."""
        starts = range(0, len(rows), _VALIDATION_BATCH)
        batches = (rows[start : start + _VALIDATION_BATCH] for start in starts)
        return torch.cat([self._run(batch)[1].logits.float().cpu() for batch in batches])

    def look(self, rows: Rows) -> tuple[GreyBatch, ClassifierOutput]:
        """Run the network over a few images as they are.

        Returns:
            The images as it sees them, and logits and maps; on the CPU.
        """
        images, output = self._run(rows)
        logits, maps, offsets = (one.float().cpu() for one in output[:3])
        return images.cpu(), ClassifierOutput(logits, maps, offsets)

    def _run(self, rows: Rows) -> tuple[GreyBatch, ClassifierOutput]:
        self._rest()
        images, _ = self._fetch(rows)
        what = f"{len(rows)} validation images at once"
        with torch.no_grad(), explain_memory(what, _FREE_SOME):
            return images, self._module(images.contiguous(memory_format=torch.channels_last))

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of the last step by pattern of the stage's factors."""
        groups = self._optimiser.param_groups
        return {str(group["pattern"]): float(group["lr"]) for group in groups}

    @property
    def is_finite(self) -> bool:
        """Whether every weight and statistic is."""
        return all(bool(value.isfinite().all()) for value in self.network.state_dict().values())

    def copy_weights(self) -> State:
        """Copy weights and statistics."""
        state = self.network.state_dict()
        return {key: value.detach().cpu().clone() for key, value in state.items()}

    def copy_gathered(self) -> State:
        """Copy what the optimiser has gathered."""
        packed = pack_optimiser(self._optimiser)
        return {key: value.detach().cpu().clone() for key, value in packed.items()}

    def _rest(self) -> None:
        self.network.eval()
        self._is_learning = False

    def _learn(self, rows: Rows, generator: torch.Generator, total: Tensor) -> StepResult:
        """Gather the gradient of one batch; its loss is its share of the step's."""
        images, targets = self._fetch(rows)
        images = augment(images, self._recipe.augmentation, generator)
        output = self._module(images.contiguous(memory_format=torch.channels_last))
        optimisation = self._recipe.optimisation
        smoothing = optimisation.label_smoothing
        whole = loss = sum_loss(output.logits, targets, self._weights, smoothing) / total
        if output.auxiliary is not None and trains_auxiliary(self.network, self._stage):
            auxiliary = sum_loss(output.auxiliary, targets, self._weights, smoothing) / total
            whole = loss + optimisation.auxiliary_weight * auxiliary
        self._fabric.backward(whole)
        return StepResult(float(loss.detach()), *_count_right(output.logits.detach(), targets))

    def _fetch(self, rows: Rows) -> tuple[GreyBatch, TargetBatch]:
        sources, numbers = split_copies(rows, len(self._cases.pixels))
        images = torch.from_numpy(self._cases.pixels[sources].astype(np.float32) / 65535)[:, None]
        if numbers.any():
            recipe = self._recipe
            images = vary_copies(images, sources, numbers, recipe.copies, recipe.seed)
        targets = torch.from_numpy(self._cases.targets[sources])
        return self._fabric.to_device(images), self._fabric.to_device(targets)

    def _find_factor(self, place: Place) -> float:
        epoch_steps = count_steps(len(self._cases.train), self._recipe.optimisation)
        step = place.epoch * epoch_steps + place.step
        n_steps = count_epochs(self._stage, epoch_steps) * epoch_steps
        return compute_rate_factor(self._stage, step, n_steps, epoch_steps)

    def _set_rates(self, factor: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = group["largest"] * factor

    def _derive_seed(self, place: Place, purpose: int) -> int:
        return derive_seed(self._recipe.seed, place.stage, place.epoch, place.step, purpose)


def _count_right(logits: Tensor, targets: Tensor) -> tuple[int, int]:
    """Count the targets that are decided rightly, and those that are known."""
    if targets.ndim == 1:
        return int((logits.argmax(1) == targets).sum()), len(targets)
    known = targets.isfinite()
    return int((((logits > 0) == (targets == 1)) & known).sum()), int(known.sum())
