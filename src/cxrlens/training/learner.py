"""One step: images move the weights.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from cxrlens.inference import FeatureTable, explain_memory
from cxrlens.network import MapClassifier
from cxrlens.network.classifier import ClassifierOutput
from cxrlens.network.tensors import GreyBatch, LogitBatch
from cxrlens.training.batching import Rows, count_epochs, count_steps, derive_seed
from cxrlens.training.cases import TrainingCases
from cxrlens.training.checkpoint import Place
from cxrlens.training.loss import sum_loss, weigh_targets
from cxrlens.training.optimiser import build_optimiser, pack_optimiser, unpack_optimiser
from cxrlens.training.parameter_group import freeze_rest, trains_auxiliary
from cxrlens.training.rate_schedule import compute_rate_factor
from cxrlens.training.recipe import Recipe, Stage
from cxrlens.training.shown_images import ShownImages
from cxrlens.training.stage_features import StageFeatures
from cxrlens.training.targets import TargetBatch, weigh_classes

State = dict[str, Tensor]
"""Tensors by name, on the CPU."""

_NETWORK = 3
"""What chance is drawn for: dropout; others are drawn elsewhere."""

_VALIDATION_BATCH = 64

_FREE_SOME = "free some, or train with smaller images or a smaller network"

_FABRIC_PRECISION: dict[str, Literal["32-true", "bf16-mixed"]] = {
    "float32": "32-true",
    "bfloat16": "bf16-mixed",
}


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
        from lightning.fabric import Fabric  # noqa: PLC0415 (slow)

        self._fabric = Fabric(
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=1,
            precision=_FABRIC_PRECISION[precision],
        )
        self.network = network.to(memory_format=torch.channels_last)
        self._module = self._fabric.setup_module(self.network)
        self._cases, self._recipe = cases, recipe
        self.images = ShownImages(cases, recipe, self._fabric.to_device)
        self._features: StageFeatures | None = None
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
        self._stage, self._features = stage, None
        self._is_learning = False
        self._optimiser = build_optimiser(self.network, stage)
        if gathered:
            unpack_optimiser(self._optimiser, gathered)

    def take_features(self, features: StageFeatures | None) -> None:
        """Go on with cached features in the stage that was entered; None: without."""
        self._features = features
        self._rest()

    def begin_epoch(self, place: Place, plan: list[list[Rows]]) -> None:
        """Have what the steps of an epoch are shown ready, from a step on.

        Args:
            place: of the step.
            plan: rows of the batches of all the epoch's steps.

        Raises:
            OutputError: if cached features cannot be kept.
            InputError: if the GPU has too little memory.
        """
        if self._features is not None:
            self._rest()
            self._features.begin_epoch(place, plan)

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
        self._set_rates(self._find_factor(place) if factor is None else factor)
        with self._explain_memory(batches):
            parts = self._move(place, batches)
        return StepResult(
            sum(part.loss for part in parts),
            sum(part.n_right for part in parts),
            sum(part.n_decided for part in parts),
        )

    def _move(self, place: Place, batches: list[Rows]) -> list[StepResult]:
        """Gather the gradients of all batches and take the optimiser's step."""
        targets = [self._find_targets(rows) for rows in batches]
        total = weigh_targets(torch.cat(targets), self._weights).clamp_min(1e-12)
        answers = self._answer_step(place, batches)
        parts = [
            self._learn(logits, auxiliary, own, total)
            for (logits, auxiliary), own in zip(answers, targets, strict=True)
        ]
        clip = self._recipe.optimisation.gradient_clip
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        self._optimiser.step()
        self._optimiser.zero_grad()
        return parts

    def _answer_step(
        self, place: Place, batches: Sequence[Rows]
    ) -> Iterator[tuple[LogitBatch, LogitBatch | None]]:
        """Compute the logits of a step batch by batch, those of an auxiliary head beside."""
        if self._features is not None:
            for pooled in self._features.find_step(place, batches):
                yield self._answer_pooled(pooled), None
            return
        for images in self.images.vary_step(place, batches):
            output = self._module(images.contiguous(memory_format=torch.channels_last))
            yield output.logits, output.auxiliary

    def _answer_pooled(self, pooled: FeatureTable) -> LogitBatch:
        # A copy: features may be read-only (mapped from a file).
        return self.network.answer_pooled(self._fabric.to_device(torch.tensor(pooled)))

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
        if self._features is not None:
            return self._features.draw(self.images, place, rows)
        return next(self.images.vary_step(place, [rows]))

    def answer_validation(self) -> Tensor:
        """Compute the logits of the validation part as it is, n x k on the CPU."""
        rows = self._cases.validation
        starts = range(0, len(rows), _VALIDATION_BATCH)
        parts = [slice(start, start + _VALIDATION_BATCH) for start in starts]
        if self._features is None:
            return torch.cat([self._run(rows[part])[1].logits.float().cpu() for part in parts])
        self._rest()
        table = self._features.frozen.find_validation()
        with torch.no_grad():
            return torch.cat([self._answer_pooled(table[part]).cpu() for part in parts])

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
        images = self.images.fetch(rows)
        what = f"{len(rows)} validation images at once"
        with torch.no_grad(), explain_memory(what, _FREE_SOME):
            return images, self._module(images.contiguous(memory_format=torch.channels_last))

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of the last step by pattern of the stage's factors."""
        groups = self._optimiser.param_groups
        return {str(group["pattern"]): float(group["lr"]) for group in groups}

    @property
    def features(self) -> StageFeatures | None:
        """The cached features of the stage, where it has some."""
        return self._features

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

    def _learn(
        self,
        logits: LogitBatch,
        auxiliary: LogitBatch | None,
        targets: TargetBatch,
        total: Tensor,
    ) -> StepResult:
        """Gather the gradient of one batch; its loss is its share of the step's."""
        optimisation = self._recipe.optimisation
        smoothing = optimisation.label_smoothing
        whole = loss = sum_loss(logits, targets, self._weights, smoothing) / total
        if auxiliary is not None and trains_auxiliary(self.network, self._stage):
            beside = sum_loss(auxiliary, targets, self._weights, smoothing) / total
            whole = loss + optimisation.auxiliary_weight * beside
        self._fabric.backward(whole)
        return StepResult(float(loss.detach()), *_count_right(logits.detach(), targets))

    def _find_targets(self, rows: Rows) -> TargetBatch:
        targets: Tensor = self._fabric.to_device(torch.from_numpy(self._cases.find_targets(rows)))
        return targets

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
